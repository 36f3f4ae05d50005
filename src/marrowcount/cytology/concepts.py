"""Codes of what is said about a count: percentages, intervals, ratios, why it ended.

The classes themselves have their codes in :mod:`marrowcount.cytology.cell_types`. Standard codes are used where one
was found that means the same and claims no manual method; the rest is marrowcount's own.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from marrowcount.cytology.cell_types import LOCAL_SCHEME, Code, Grade
from marrowcount.cytology.convergence import StoppingReason

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "AUTOMATED_IMAGE_ANALYSIS",
    "BMME",
    "BONE_MARROW",
    "BONE_MARROW_ASPIRATE",
    "CERTAINTY",
    "CHI_SQUARE_DISTANCE",
    "CONVERGENCE",
    "COUNT",
    "COUNTED_TILES",
    "DIFFERENTIAL_PANEL",
    "IHCT",
    "INTERVAL_HIGH",
    "INTERVAL_LOW",
    "LOCAL_SCHEME_NAME",
    "LOCAL_SCHEME_UID",
    "LOOKED_AT_TILES",
    "MACHINE_COUNT",
    "MARROW_REPORT",
    "ME_RATIO",
    "NDC_PERCENT",
    "NO_UNITS",
    "PROBABILITY",
    "REJECTED_TILES",
    "SELECTED_REGION",
    "SPATIAL_CONCEPT",
    "STOPPING_REASON",
    "STOPPING_REASONS",
    "STOPPING_RULE",
    "TILES_COUNTED",
    "TILES_LOOKED_AT",
    "TOTAL_COUNTED",
]

LOCAL_SCHEME_UID: Final = "2.25.130517376226477058710016808340959779266"
"""UID of the coding scheme 99MARROWCOUNT; as a FHIR code system ``urn:oid:`` and this."""

LOCAL_SCHEME_NAME: Final = "marrowcount local codes"


def _local(value: str, meaning: str) -> Code:
    return Code(value, LOCAL_SCHEME, meaning, Grade.LOCAL)


DIFFERENTIAL_PANEL: Final = Code("47286-0", "LN", "Differential panel - Bone marrow", Grade.A)
MARROW_REPORT: Final = Code("48807-2", "LN", "Bone marrow aspiration report", Grade.A)
TOTAL_COUNTED: Final = Code("38257-2", "LN", "Cells Counted Total [#] in Bone marrow", Grade.A)
ME_RATIO: Final = Code("11138-5", "LN", "Myeloid cells/Erythroid cells [# Ratio] in Bone marrow", Grade.A)
BONE_MARROW: Final = Code("14016003", "SCT", "Bone marrow structure", Grade.A)
BONE_MARROW_ASPIRATE: Final = Code("396997002", "SCT", "Specimen from bone marrow obtained by aspiration", Grade.A)
COUNT: Final = Code("246432004", "SCT", "Number of occurrences", Grade.A)
CERTAINTY: Final = Code("111012", "DCM", "Certainty of Finding", Grade.A)
PROBABILITY: Final = Code("122157", "DCM", "Probability", Grade.A)
NO_UNITS: Final = Code("1", "UCUM", "no units", Grade.A)
SELECTED_REGION: Final = Code("111099", "DCM", "Selected region", Grade.A)
SPATIAL_CONCEPT: Final = Code("309825002", "SCT", "Spatial and Relational Concept", Grade.A)

NDC_PERCENT: Final = _local("NDC_PERCENT", "Percentage of nucleated differential count")
INTERVAL_LOW: Final = _local("CI95_LOW", "Lower bound of 95 % interval, sampling only")
INTERVAL_HIGH: Final = _local("CI95_HIGH", "Upper bound of 95 % interval, sampling only")
MACHINE_COUNT: Final = _local("MACHINE_COUNT", "Count by the machine, before a person changed it")
BMME: Final = _local("BMME", "Bone marrow M:E ratio without basophils, monocytes")
IHCT: Final = _local("IHCT", "Integrated histogram of cell types")
TILES_COUNTED: Final = _local("TILES_COUNTED", "Tiles counted")
TILES_LOOKED_AT: Final = _local("TILES_LOOKED_AT", "Tiles looked at")
CHI_SQUARE_DISTANCE: Final = _local("CHI_SQUARE", "Chi-square distance of the last tile")
STOPPING_REASON: Final = _local("STOP_REASON", "Why the count ended")
CONVERGENCE: Final = _local("CONVERGENCE", "Whether the histogram of cell types converged")
STOPPING_RULE: Final = _local("STOP_RULE", "Rule for ending the count")
AUTOMATED_IMAGE_ANALYSIS: Final = _local("IMAGE_ANALYSIS", "Automated image analysis")
COUNTED_TILES: Final = _local("ROI_COUNTED", "Monolayer region, counted")
LOOKED_AT_TILES: Final = _local("ROI_LOOKED_AT", "Looked at by the region model")
REJECTED_TILES: Final = _local("ROI_REJECTED", "Looked at and rejected")

STOPPING_REASONS: Final[Mapping[StoppingReason, Code]] = MappingProxyType(
    {
        StoppingReason.CONVERGED: _local("CONVERGED", "Histogram of cell types converged"),
        StoppingReason.PRECISE_ENOUGH: _local("PRECISE_ENOUGH", "Interval of the watched class is precise enough"),
        StoppingReason.CAP: _local("CAP", "Most tiles allowed were read, without meeting the rule"),
        StoppingReason.SLIDE_EXHAUSTED: _local("SLIDE_EXHAUSTED", "No suitable tile was left, rule not met"),
    }
)
