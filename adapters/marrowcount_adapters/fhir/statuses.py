"""How the status of a report is said by each kind of resource (FHIR R4 value sets, all of them required bindings)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from marrowcount.review import ReportStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COMPOSITION_STATUS", "DOCUMENT_STATUS", "REPORT_STATUS"]

REPORT_STATUS: Final[Mapping[ReportStatus, str]] = MappingProxyType(
    {status: "appended" if status is ReportStatus.AMENDED else str(status) for status in ReportStatus}
)
"""DiagnosticReport: what was added to a final report makes it ``appended``; an observation has that status not."""

COMPOSITION_STATUS: Final[Mapping[ReportStatus, str]] = MappingProxyType(
    {
        ReportStatus.PRELIMINARY: "preliminary",
        ReportStatus.FINAL: "final",
        ReportStatus.CORRECTED: "amended",
        ReportStatus.AMENDED: "amended",
        ReportStatus.ENTERED_IN_ERROR: "entered-in-error",
        ReportStatus.CANCELLED: "final",
    }
)
"""Composition, as HL7 Europe's map of DiagnosticReport to Composition status has it."""

DOCUMENT_STATUS: Final = COMPOSITION_STATUS
"""DocumentReference.docStatus: of the document; the same value set as of Composition."""
