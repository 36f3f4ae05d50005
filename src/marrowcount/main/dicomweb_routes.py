"""DICOMweb made of the node's parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.routing import Mount

from marrowcount.main.web_auditing import audited_receiving
from marrowcount_adapters.dicomweb import (
    DicomWebSettings,
    HeaderIndex,
    Holdings,
    Patience,
    StoreRules,
    dicomweb_app,
)
from marrowcount_adapters.dimse.contexts import accepted_contexts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.routing import BaseRoute

    from marrowcount.main.parts import Parts
    from marrowcount.settings import WebSection

__all__ = ["dicomweb_routes", "dicomweb_settings"]

INDEX_FILE: Final = "dicomweb-index.sqlite"

STORAGE_CLASSES: Final = "1.2.840.10008.5.1.4.1.1."
"""What SOP Class UIDs of storage begin with; Verification and Storage Commitment are none."""


def dicomweb_routes(parts: Parts) -> Sequence[BaseRoute]:
    """The service at its base path."""
    settings = parts.settings
    index = HeaderIndex(settings.node.data_folder / INDEX_FILE)
    holdings = Holdings(parts.ledger, parts.store, settings.results_folder, index)
    return [
        Mount(settings.web.base_path, dicomweb_app(holdings, audited_receiving(parts), dicomweb_settings(settings.web)))
    ]


def dicomweb_settings(section: WebSection) -> DicomWebSettings:
    """What the service needs to know."""
    return DicomWebSettings(
        rules=StoreRules(_accepted(), section.max_parts),
        patience=Patience(pause_s=section.pause_s, longest_s=section.longest_store_s),
        stores_at_a_time=section.max_stores,
        max_results=section.max_results,
        public_url=section.public_url,
    )


def _accepted() -> Mapping[str, frozenset[str]]:
    """The same classes and transfer syntaxes as by C-STORE: no way in is wider than the other."""
    return {
        str(context.abstract_syntax): frozenset(map(str, context.transfer_syntax or ()))
        for context in accepted_contexts()
        if str(context.abstract_syntax).startswith(STORAGE_CLASSES)
    }
