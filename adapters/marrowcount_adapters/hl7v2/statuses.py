"""How a report's status is told in HL7 v2.5.1 (tables 0123 and 0085).

Table 0085 of 2.5.1 has no code for "amended", and A in table 0123 stands for "some, but not all results available":
an amended report is sent as a correction, which it is to whoever files it, and a note says that its figures stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from marrowcount.review import ReportStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NO_VALUE", "STATUSES", "Statuses"]

NO_VALUE: Final = "X"
"""OBX-11 of a figure that there is none of: results cannot be obtained."""


@dataclass(frozen=True, slots=True)
class Statuses:
    """A report's codes.

    Attributes:
        report: OBR-25.
        figure: OBX-11 of a figure that has a value; of the others it is :data:`NO_VALUE`.
        without: OBX-11 of a figure that has none.
    """

    report: str
    figure: str
    without: str = NO_VALUE


STATUSES: Final[Mapping[ReportStatus, Statuses]] = MappingProxyType(
    {
        ReportStatus.PRELIMINARY: Statuses("P", "P"),
        ReportStatus.FINAL: Statuses("F", "F"),
        ReportStatus.CORRECTED: Statuses("C", "C"),
        ReportStatus.AMENDED: Statuses("C", "C"),
        ReportStatus.ENTERED_IN_ERROR: Statuses("X", "W", "W"),
        ReportStatus.CANCELLED: Statuses("X", "X"),
    }
)
