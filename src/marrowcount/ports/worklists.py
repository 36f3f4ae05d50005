"""What performing workitems asks of a worklist."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from marrowcount.workitems import Code, Discontinuation, ReferencedSeries, Workitem, WorkitemState

__all__ = ["PerformedStep", "StepProgress", "WorkAnswer", "WorkitemEvent", "WorkitemEventKind", "Worklist"]


class WorkAnswer(StrEnum):
    """What a worklist answered to its performer."""

    DONE = "done"
    ALREADY = "already"
    """It was so before: an earlier attempt got through, and its answer did not."""
    TAKEN = "taken"
    """Another performer holds it."""
    ENDED = "ended"
    """It ended otherwise than asked for, by another's doing."""
    GONE = "gone"
    """The worklist does not know it, or no more."""


@dataclass(frozen=True, slots=True)
class StepProgress:
    """How far the work has come.

    Attributes:
        percent: 0 to 100.
        words: for people, without patient data.
    """

    percent: int
    words: str


@dataclass(frozen=True, slots=True)
class PerformedStep:
    """What was done (PS3.3 C.30.3).

    Attributes:
        workitem_codes: what was done (0040,4019), the same as was asked for.
        outputs: what came of it, and where it can be had.
    """

    station: Code
    workitem_codes: tuple[Code, ...]
    started_at: datetime
    ended_at: datetime
    outputs: tuple[ReferencedSeries, ...]


class WorkitemEventKind(IntEnum):
    """Event Type ID of PS3.4 Table CC.2.4-1."""

    STATE = 1
    CANCEL_REQUESTED = 2
    PROGRESS = 3
    WORKLIST_STATUS = 4
    ASSIGNED = 5


@dataclass(frozen=True, slots=True)
class WorkitemEvent:
    """What a worklist told of a workitem unasked.

    Attributes:
        state: None where the event does not say.
        requester: AE title of who wants it cancelled, or "".
        reason: proposed by whoever wants it cancelled; None where none is.
    """

    kind: WorkitemEventKind
    workitem_uid: str
    state: WorkitemState | None = None
    requester: str = ""
    reason: Code | None = None


class Worklist(Protocol):
    """A worklist on which workitems for this node are scheduled.

    Raises (all methods):
        PeerError: it could not be reached or failed; try again later.
        DeliveryRefusedError: it refused for good: not authorised, or the request was not to its liking.
    """

    @property
    def name(self) -> str:
        """Its name in the settings."""
        ...

    def scheduled(self) -> Sequence[Workitem]:
        """Workitems for this node that nobody has claimed and whose input is ready."""
        ...

    def claim(self, workitem_uid: str, transaction_uid: str) -> WorkAnswer:
        """Take a workitem on under a Transaction UID; ALREADY where it is held under this very one."""
        ...

    def report(self, workitem_uid: str, transaction_uid: str, progress: StepProgress) -> WorkAnswer:
        """Tell how far it has come."""
        ...

    def complete(self, workitem_uid: str, transaction_uid: str, performed: PerformedStep) -> WorkAnswer:
        """Tell what was done, and end it; may be asked again after a failure."""
        ...

    def cancel(self, workitem_uid: str, transaction_uid: str, why: Discontinuation) -> WorkAnswer:
        """Give it up; may be asked again after a failure."""
        ...

    def subscribe(self) -> str:
        """Ask to be told of workitems for this node; where events can be read, or "" where they come by themselves."""
        ...

    def check(self) -> str:
        """Ask whether it answers; what it said, in a few words."""
        ...
