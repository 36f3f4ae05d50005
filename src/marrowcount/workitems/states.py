"""The states of a workitem and what may follow what: PS3.4 Table CC.1.1-2 as a function."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "FINAL_STATES",
    "Lock",
    "UpsStatus",
    "WorkitemState",
    "judge_cancel_request",
    "judge_change",
    "judge_update",
    "lock_of",
]


class WorkitemState(StrEnum):
    """Procedure Step State (0074,1000)."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN PROGRESS"
    """Claimed: its Transaction UID is known to whoever performs it, and to nobody else."""
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"


FINAL_STATES: Final = frozenset({WorkitemState.COMPLETED, WorkitemState.CANCELED})


class UpsStatus(IntEnum):
    """Statuses of the UPS services (PS3.4 CC.2.1.4 to CC.2.7.4)."""

    SUCCESS = 0x0000
    """Done."""
    DUPLICATE = 0x0111
    """Duplicate SOP Instance (PS3.7 C.5.8)."""
    CREATED_WITH_CHANGES = 0xB300
    """Created; what it lacked was filled in."""
    LOCK_NOT_GRANTED = 0xB301
    ALREADY_CANCELED = 0xB304
    """It was CANCELED before."""
    ALREADY_COMPLETED = 0xB306
    """It was COMPLETED before."""
    FINAL = 0xC300
    """It may no longer be updated."""
    WRONG_TRANSACTION = 0xC301
    """The correct Transaction UID was not provided."""
    ALREADY_IN_PROGRESS = 0xC302
    """It was IN PROGRESS before."""
    ONLY_CREATED_SCHEDULED = 0xC303
    """It becomes SCHEDULED by its creation alone."""
    REQUIREMENTS_UNMET = 0xC304
    """It lacks what its final state requires."""
    UNKNOWN = 0xC307
    """There is no such workitem, or no more."""
    UNKNOWN_RECEIVER = 0xC308
    NOT_SCHEDULED = 0xC309
    """Created with another state than SCHEDULED."""
    NOT_IN_PROGRESS = 0xC310
    """It is not IN PROGRESS."""
    COMPLETED_ALREADY = 0xC311
    """Too late to cancel."""
    PERFORMER_UNREACHABLE = 0xC312
    """Its performer cannot be told."""
    PERFORMER_REFUSES = 0xC313
    ACTION_UNFIT = 0xC314
    NO_EVENT_REPORTS = 0xC315

    @property
    def succeeded(self) -> bool:
        """Whether what was asked for is so now; warnings say that it was so before."""
        return self < UpsStatus.DUPLICATE or UpsStatus.CREATED_WITH_CHANGES <= self < UpsStatus.FINAL


class Lock(StrEnum):
    """What a given Transaction UID is worth."""

    MISSING = "missing"
    WRONG = "wrong"
    RIGHT = "right"


def lock_of(recorded: str, given: str) -> Lock:
    """Compare a given Transaction UID with the recorded one; empty strings for none.

    Nobody holds a workitem without a recorded one, so that any fits.
    """
    if not given:
        return Lock.MISSING
    return Lock.WRONG if recorded and recorded != given else Lock.RIGHT


_CLAIMS: Final[Mapping[WorkitemState, UpsStatus]] = MappingProxyType(
    {
        WorkitemState.SCHEDULED: UpsStatus.SUCCESS,
        WorkitemState.IN_PROGRESS: UpsStatus.ALREADY_IN_PROGRESS,
        WorkitemState.COMPLETED: UpsStatus.FINAL,
        WorkitemState.CANCELED: UpsStatus.FINAL,
    }
)

_ALREADY: Final[Mapping[WorkitemState, UpsStatus]] = MappingProxyType(
    {
        WorkitemState.COMPLETED: UpsStatus.ALREADY_COMPLETED,
        WorkitemState.CANCELED: UpsStatus.ALREADY_CANCELED,
    }
)


def judge_change(current: WorkitemState, wanted: WorkitemState, lock: Lock, *, requirements_met: bool) -> UpsStatus:
    """What a request to change the state is answered (PS3.4 CC.2.1); it is carried out for SUCCESS alone.

    Args:
        current: where the workitem stands.
        wanted: where it shall go.
        lock: what the request's Transaction UID is worth.
        requirements_met: whether it has what the wanted state requires of it.
    """
    if wanted is WorkitemState.SCHEDULED:
        return UpsStatus.ONLY_CREATED_SCHEDULED
    if lock is not Lock.RIGHT:
        return UpsStatus.WRONG_TRANSACTION
    if wanted is WorkitemState.IN_PROGRESS:
        return _CLAIMS[current]
    if current is WorkitemState.SCHEDULED:
        return UpsStatus.NOT_IN_PROGRESS
    if current is WorkitemState.IN_PROGRESS:
        return UpsStatus.SUCCESS if requirements_met else UpsStatus.REQUIREMENTS_UNMET
    return _ALREADY[wanted] if current is wanted else UpsStatus.FINAL


def judge_update(current: WorkitemState, lock: Lock) -> UpsStatus:
    """What a request to set attributes is answered (PS3.4 CC.2.6): its Transaction UID belongs to IN PROGRESS alone."""
    if current in FINAL_STATES:
        return UpsStatus.FINAL
    if current is WorkitemState.SCHEDULED:
        return UpsStatus.SUCCESS if lock is Lock.MISSING else UpsStatus.NOT_IN_PROGRESS
    return UpsStatus.SUCCESS if lock is Lock.RIGHT else UpsStatus.WRONG_TRANSACTION


def judge_cancel_request(current: WorkitemState) -> UpsStatus:
    """What somebody who does not hold the workitem is answered when asking to cancel it (PS3.4 CC.2.2).

    SUCCESS means: cancelled, where it is SCHEDULED; passed on to its performer, who decides, where it is IN PROGRESS.
    """
    if current is WorkitemState.COMPLETED:
        return UpsStatus.COMPLETED_ALREADY
    return UpsStatus.ALREADY_CANCELED if current is WorkitemState.CANCELED else UpsStatus.SUCCESS
