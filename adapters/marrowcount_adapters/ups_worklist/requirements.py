"""What a workitem must and must not say when it is made and when it is changed (PS3.4 Table CC.2.5-3)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from marrowcount.workitems import InputReadiness, Priority
from marrowcount_adapters.ups_worklist.json_model import (
    Attributes,
    MalformedError,
    first,
    items,
    key_of,
    keyword_of,
    put,
    values,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_creation", "check_update", "fill_in"]

NEEDED: Final = (
    "ScheduledProcedureStepPriority",
    "ProcedureStepLabel",
    "ScheduledProcedureStepStartDateTime",
    "InputReadinessState",
    "ProcedureStepState",
)
"""Type 1 at creation."""

MAY_BE_EMPTY: Final = (
    "WorklistLabel",
    "ScheduledProcessingParametersSequence",
    "ScheduledStationNameCodeSequence",
    "ScheduledStationClassCodeSequence",
    "ScheduledStationGeographicLocationCodeSequence",
    "ScheduledWorkitemCodeSequence",
    "CommentsOnTheScheduledProcedureStep",
    "InputInformationSequence",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "AdmissionID",
    "IssuerOfAdmissionIDSequence",
    "AdmittingDiagnosesDescription",
    "AdmittingDiagnosesCodeSequence",
    "ReferencedRequestSequence",
    "ProcedureStepProgressInformationSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
)
"""Type 2 at creation."""

CREATED_EMPTY: Final = (
    "TransactionUID",
    "ProcedureStepProgressInformationSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
)

NEVER_SET: Final = (
    "SOPClassUID",
    "SOPInstanceUID",
    "ProcedureStepState",
    "ScheduledProcedureStepModificationDateTime",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "OtherPatientIDsSequence",
    "PatientBirthDate",
    "PatientSex",
    "AdmissionID",
    "IssuerOfAdmissionIDSequence",
    "AdmittingDiagnosesDescription",
    "AdmittingDiagnosesCodeSequence",
    "ReferencedRequestSequence",
    "ReplacedProcedureStepSequence",
)
"""Not allowed in N-SET: whose it is does not change, and states are changed by their own transaction."""

NEVER_EMPTIED: Final = ("ScheduledProcedureStepPriority", "ProcedureStepLabel", "WorklistLabel",
                        "ScheduledProcedureStepStartDateTime", "InputReadinessState")  # fmt: skip

ENUMERATED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "ScheduledProcedureStepPriority": frozenset(Priority),
        "InputReadinessState": frozenset(InputReadiness),
    }
)

DEFAULT_LABEL: Final = "DEFAULT"
"""Worklist Label (0074,1202) where the requestor gives none."""


def check_creation(attributes: Attributes) -> None:
    """Whether a workitem may be made of this.

    Raises:
        MalformedError: an attribute of Type 1 is missing or empty, one that must be empty is not, or a value is none
            of those enumerated.
    """
    for keyword in NEEDED:
        if not values(attributes, keyword):
            raise MalformedError(f"{keyword} has no value")
    for keyword in CREATED_EMPTY:
        if values(attributes, keyword):
            raise MalformedError(f"{keyword} must be empty")
    _check_values(attributes)


def check_update(attributes: Attributes) -> None:
    """Whether a workitem may be changed by this.

    Raises:
        MalformedError: an attribute may not be set, may not be emptied, or has none of the enumerated values.
    """
    for keyword in NEVER_SET:
        if key_of(keyword) in attributes:
            raise MalformedError(f"{keyword} cannot be changed by this transaction")
    for keyword in NEVER_EMPTIED:
        if key_of(keyword) in attributes and not values(attributes, keyword):
            raise MalformedError(f"{keyword} cannot be emptied")
    _check_values(attributes)


def _check_values(attributes: Attributes) -> None:
    for keyword, allowed in ENUMERATED.items():
        if values(attributes, keyword) and first(attributes, keyword) not in allowed:
            raise MalformedError(f"{keyword} is none of {', '.join(sorted(allowed))}")
    for key in attributes:
        if keyword_of(key).endswith("CodeSequence"):
            _check_codes(attributes, keyword_of(key))


def _check_codes(attributes: Attributes, keyword: str) -> None:
    """The items of a Code Sequence need a code, its scheme and its meaning (PS3.3 Table 8.8-1)."""
    for item in items(attributes, keyword):
        coded = values(item, "CodeValue") and values(item, "CodingSchemeDesignator")
        if not (coded or values(item, "LongCodeValue") or values(item, "URNCodeValue")):
            raise MalformedError(f"an item of {keyword} has no code")
        if not values(item, "CodeMeaning"):
            raise MalformedError(f"an item of {keyword} has no meaning")


def fill_in(attributes: Attributes) -> bool:
    """Add what may be empty and was left out, and a label; whether anything was added."""
    missing = [keyword for keyword in MAY_BE_EMPTY if key_of(keyword) not in attributes]
    for keyword in missing:
        put(attributes, keyword)
    if not values(attributes, "WorklistLabel"):
        put(attributes, "WorklistLabel", DEFAULT_LABEL)
        return True
    return bool(missing)
