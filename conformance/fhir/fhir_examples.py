"""Examples of what the node sends, one for each turn that the life of a report can take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fhir_sites import NEAREST, bundle_of
from made_up_reports import reports
from marrowcount_adapters.fhir import Projection

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["examples"]

DOCUMENT = b"%PDF-1.4 of a report, cut short\n%%EOF\n"
IN_ALL_PROJECTIONS: Final = ("preliminary", "final", "cancelled")


def examples() -> Mapping[str, str]:
    """Bundles as they are sent, by name; the first words are the projection."""
    graphs = {f"r4-graph-{name}": bundle_of(report, DOCUMENT) for name, report in reports().items()}
    others = {
        f"{projection}-{name}": bundle_of(reports()[name], DOCUMENT, projection=projection)
        for projection in Projection
        if projection is not Projection.R4_GRAPH
        for name in IN_ALL_PROJECTIONS
    }
    return {**graphs, "r4-graph-final-nearest": bundle_of(reports()["final"], DOCUMENT, NEAREST), **others}
