"""The node's memory of the workitems that it took on, written before the worklist is asked: a crash orphans none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from marrowcount.workitems import Code, Discontinuation, ReferencedSeries

__all__ = ["CountProgress", "NewTask", "Task", "TaskLedger", "TaskState"]


class TaskState(StrEnum):
    """Where the work on a workitem stands."""

    CLAIMING = "claiming"
    """The Transaction UID is written down; whether the worklist took it is not known yet."""
    HELD = "held"
    """Claimed, under that Transaction UID."""
    COMPLETED = "completed"
    CANCELED = "canceled"
    LOST = "lost"
    """Another has it, or ended it, or the worklist deleted it."""

    @property
    def is_open(self) -> bool:
        """Whether there is still something to do."""
        return self in {TaskState.CLAIMING, TaskState.HELD}


@dataclass(frozen=True, slots=True)
class NewTask:
    """A workitem to be claimed.

    Attributes:
        worklist: its name in the settings.
        transaction_uid: under which it will be claimed.
    """

    worklist: str
    workitem_uid: str
    transaction_uid: str
    workitem_codes: tuple[Code, ...]
    inputs: tuple[ReferencedSeries, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """A workitem that the node took on, with its history.

    Attributes:
        looks: how often it was leased; whoever leases it next raises it.
        failures: of the worklist, in a row.
        percent: last reported to the worklist; -1 while nothing was.
        message: what it waits for, or why it ended, without patient data.
        wish: of somebody to have it cancelled; None without.
    """

    task_id: int
    order: NewTask
    state: TaskState
    opened_at: datetime
    claimed_at: datetime | None
    changed_at: datetime
    looks: int
    failures: int
    percent: int
    message: str
    wish: Discontinuation | None


@dataclass(frozen=True, slots=True)
class CountProgress:
    """How far the count of a slide has come.

    Attributes:
        share: of the tiles that are counted at most, 0 to 1.
    """

    series_uid: str
    tiles: int
    cells: int
    share: float
    at: datetime


class TaskLedger(Protocol):
    """Remembers tasks. Each method is one transaction and may be called from several threads and processes.

    Raises (all methods):
        StorageError: the database failed; nothing was changed.
    """

    def open_task(self, order: NewTask, now: datetime) -> Task | None:
        """Remember a workitem before claiming it; None where it is open already.

        One that ended before is opened anew: the worklist says that it is scheduled, so it is another of that name.
        """
        ...

    def lease_task(self, worklist: str, now: datetime, lease_s: float) -> Task | None:
        """The open task of a worklist that waits for the longest time to be looked at; None where none is due."""
        ...

    def extend_task(self, task: Task, now: datetime, lease_s: float) -> bool:
        """Work on it goes on; False where another process has it."""
        ...

    def keep_task(self, task: Task, now: datetime, look_again_at: datetime) -> bool:
        """Let go of a leased task as it stands now; False, and nothing kept, where another process has it.

        A wish that came while it was leased stays, and has it looked at at once.
        """
        ...

    def wish_cancel(self, worklist: str, workitem_uid: str, why: Discontinuation, now: datetime) -> bool:
        """Remember that somebody wants it cancelled, and have it looked at; False where there is no such open task."""
        ...

    def wake_task(self, worklist: str, workitem_uid: str, now: datetime) -> bool:
        """Have an open task looked at now; False where there is none."""
        ...

    def tasks(self, *states: TaskState) -> Sequence[Task]:
        """Tasks in these states (none given: all), the oldest first."""
        ...

    def note_progress(self, progress: CountProgress) -> None:
        """Remember how far a count has come, in the place of what was remembered before."""
        ...

    def count_progress(self, series_uid: str) -> CountProgress | None:
        """How far the count of a slide has come; None where nothing is known."""
        ...
