"""Examples of what the node sends, one for each turn that the life of a report can take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_sites import NEAREST, SITE, bundle_of
from made_up_reports import reports

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["examples"]

DOCUMENT = b"%PDF-1.4 of a report, cut short\n%%EOF\n"


def examples() -> Mapping[str, str]:
    """Bundles as they are sent, by name; the first word is the projection."""
    graphs = {f"r4-graph-{name}": bundle_of(report, DOCUMENT, SITE) for name, report in reports().items()}
    return {**graphs, "r4-graph-final-nearest": bundle_of(reports()["final"], DOCUMENT, NEAREST)}
