"""What a workitem must say before it may end: the Final State column of PS3.4 Table CC.2.5-3."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from marrowcount.workitems.states import FINAL_STATES, WorkitemState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["FINAL_STATE", "FinalStateCode", "Path", "Presence", "unmet_requirements"]

Path: TypeAlias = tuple[str, ...]
"""Keywords of an attribute and of the sequences around it, the outermost first."""


class FinalStateCode(StrEnum):
    """PS3.4 Table CC.2.5-1; what is not listed here may be absent."""

    R = "R"
    """Needed to end in either way."""
    P = "P"
    """Needed to be COMPLETED."""
    X = "X"
    """Needed to be CANCELED."""


class Presence(StrEnum):
    """What a workitem says of an attribute."""

    ABSENT = "absent"
    EMPTY = "empty"
    VALUED = "valued"


PERFORMED: Final = "UnifiedProcedureStepPerformedProcedureSequence"
PROGRESS: Final = "ProcedureStepProgressInformationSequence"

FINAL_STATE: Final[Mapping[Path, FinalStateCode]] = MappingProxyType(
    {
        ("ScheduledProcedureStepPriority",): FinalStateCode.R,
        ("ScheduledProcedureStepModificationDateTime",): FinalStateCode.R,
        ("ScheduledProcedureStepStartDateTime",): FinalStateCode.R,
        ("InputReadinessState",): FinalStateCode.R,
        ("ProcedureStepState",): FinalStateCode.R,
        (PROGRESS,): FinalStateCode.X,
        (PROGRESS, "ProcedureStepCancellationDateTime"): FinalStateCode.X,
        (PROGRESS, "ProcedureStepDiscontinuationReasonCodeSequence"): FinalStateCode.X,
        (PERFORMED,): FinalStateCode.P,
        (PERFORMED, "PerformedStationNameCodeSequence"): FinalStateCode.P,
        (PERFORMED, "PerformedProcedureStepStartDateTime"): FinalStateCode.P,
        (PERFORMED, "PerformedProcedureStepEndDateTime"): FinalStateCode.P,
        (PERFORMED, "PerformedWorkitemCodeSequence"): FinalStateCode.P,
        (PERFORMED, "OutputInformationSequence"): FinalStateCode.P,
    }
)

_MAY_BE_EMPTY: Final = frozenset({(PERFORMED, "OutputInformationSequence")})
"""There may be no relevant output; then the sequence has no items."""

_NEEDED_FOR: Final[Mapping[FinalStateCode, frozenset[WorkitemState]]] = MappingProxyType(
    {
        FinalStateCode.R: FINAL_STATES,
        FinalStateCode.P: frozenset({WorkitemState.COMPLETED}),
        FinalStateCode.X: frozenset({WorkitemState.CANCELED}),
    }
)


def unmet_requirements(state: WorkitemState, presence: Callable[[Path], Presence]) -> Sequence[Path]:
    """What the workitem still lacks to go into a state, in the order of the table; nothing but for final states."""
    return [
        path for path, code in FINAL_STATE.items() if state in _NEEDED_FOR[code] and not _is_met(path, presence(path))
    ]


def _is_met(path: Path, presence: Presence) -> bool:
    return presence is Presence.VALUED or (presence is Presence.EMPTY and path in _MAY_BE_EMPTY)
