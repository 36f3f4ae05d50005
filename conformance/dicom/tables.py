"""The tables of the conformance documents, made of what the code really does, by the names that templates call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from association_tables import ASSOCIATION_TABLES
from content_tables import CONTENT_TABLES
from context_tables import CONTEXT_TABLES
from created import created_tables
from profile_tables import PROFILE_TABLES
from security_tables import SECURITY_TABLES
from service_tables import SERVICE_TABLES
from ups_tables import UPS_TABLES
from web_tables import WEB_TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

TABLES: Final[Mapping[str, Callable[[], Iterator[str]]]] = {
    **CONTEXT_TABLES,
    **CONTENT_TABLES,
    **created_tables(),
    **ASSOCIATION_TABLES,
    **SERVICE_TABLES,
    **UPS_TABLES,
    **WEB_TABLES,
    **SECURITY_TABLES,
    **PROFILE_TABLES,
}
