"""The memory of tasks, without a database."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from marrowcount.ports import Task, TaskLedger, TaskState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from marrowcount.ports import CountProgress, NewTask
    from marrowcount.workitems import Discontinuation

__all__ = ["InMemoryTasks"]


class InMemoryTasks(TaskLedger):
    """Forgets everything at the end of the process; its threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tasks: dict[int, Task] = {}
        self._due: dict[int, datetime] = {}
        self._leased: set[int] = set()
        self._progress: dict[str, CountProgress] = {}

    def open_task(self, order: NewTask, now: datetime) -> Task | None:
        """See the port."""
        with self._lock:
            known = self._find(order.worklist, order.workitem_uid)
            if known is not None and known.state.is_open:
                return None
            number = known.task_id if known is not None else len(self._tasks) + 1
            looks = known.looks if known is not None else 0
            task = Task(number, order, TaskState.CLAIMING, now, None, now, looks, 0, -1, "", None)
            self._tasks[number], self._due[number] = task, now
            return task

    def lease_task(self, worklist: str, now: datetime, lease_s: float) -> Task | None:
        """See the port."""
        with self._lock:
            due = [
                number
                for number, task in self._tasks.items()
                if task.state.is_open and task.order.worklist == worklist and self._due[number] <= now
            ]
            if not due:
                return None
            number = min(due, key=lambda number: (self._due[number], number))
            self._tasks[number] = replace(self._tasks[number], looks=self._tasks[number].looks + 1)
            self._due[number] = now + timedelta(seconds=lease_s)
            self._leased.add(number)
            return self._tasks[number]

    def extend_task(self, task: Task, now: datetime, lease_s: float) -> bool:
        """See the port."""
        with self._lock:
            if not self._holds(task):
                return False
            self._due[task.task_id] = now + timedelta(seconds=lease_s)
            return True

    def keep_task(self, task: Task, now: datetime, look_again_at: datetime) -> bool:
        """See the port."""
        with self._lock:
            if not self._holds(task):
                return False
            before = self._tasks[task.task_id]
            came_meanwhile = before.wish is not None and before.wish != task.wish
            changed_at = now if (before.state, before.message) != (task.state, task.message) else before.changed_at
            self._tasks[task.task_id] = replace(task, wish=before.wish, changed_at=changed_at)
            self._due[task.task_id] = now if came_meanwhile else look_again_at
            self._leased.discard(task.task_id)
            return True

    def wish_cancel(self, worklist: str, workitem_uid: str, why: Discontinuation, now: datetime) -> bool:
        """See the port."""
        with self._lock:
            task = self._find(worklist, workitem_uid)
            if task is None or not task.state.is_open:
                return False
            self._tasks[task.task_id] = replace(task, wish=why)
            self._wake(task.task_id, now)
            return True

    def wake_task(self, worklist: str, workitem_uid: str, now: datetime) -> bool:
        """See the port."""
        with self._lock:
            task = self._find(worklist, workitem_uid)
            if task is None or not task.state.is_open:
                return False
            self._wake(task.task_id, now)
            return True

    def tasks(self, *states: TaskState) -> Sequence[Task]:
        """See the port."""
        with self._lock:
            return [task for _, task in sorted(self._tasks.items()) if not states or task.state in states]

    def note_progress(self, progress: CountProgress) -> None:
        """See the port."""
        with self._lock:
            self._progress[progress.series_uid] = progress

    def count_progress(self, series_uid: str) -> CountProgress | None:
        """See the port."""
        with self._lock:
            return self._progress.get(series_uid)

    def _find(self, worklist: str, workitem_uid: str) -> Task | None:
        wanted = (worklist, workitem_uid)
        found = (t for t in self._tasks.values() if (t.order.worklist, t.order.workitem_uid) == wanted)
        return next(found, None)

    def _wake(self, number: int, now: datetime) -> None:
        if number not in self._leased:
            self._due[number] = min(self._due[number], now)

    def _holds(self, task: Task) -> bool:
        present = self._tasks.get(task.task_id)
        return present is not None and task.task_id in self._leased and present.looks == task.looks
