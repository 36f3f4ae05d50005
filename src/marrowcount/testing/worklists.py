"""A worklist in memory that keeps the standard's rules, and fails when told to."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from marrowcount.ports import WorkAnswer, Worklist
from marrowcount.workitems import (
    InputReadiness,
    Priority,
    UpsStatus,
    Workitem,
    WorkitemState,
    judge_change,
    judge_update,
    lock_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from marrowcount.ports import PerformedStep, StepProgress
    from marrowcount.workitems import Code, Discontinuation, ReferencedSeries

__all__ = ["InMemoryWorklist", "KeptWorkitem"]

_ANSWERS = {
    UpsStatus.SUCCESS: WorkAnswer.DONE,
    UpsStatus.ALREADY_IN_PROGRESS: WorkAnswer.ALREADY,
    UpsStatus.ALREADY_COMPLETED: WorkAnswer.ALREADY,
    UpsStatus.ALREADY_CANCELED: WorkAnswer.ALREADY,
    UpsStatus.FINAL: WorkAnswer.ENDED,
    UpsStatus.WRONG_TRANSACTION: WorkAnswer.TAKEN,
}


@dataclass
class KeptWorkitem:
    """A workitem, and what its performer said of it."""

    workitem: Workitem
    transaction_uid: str = ""
    reports: list[StepProgress] = field(default_factory=list["StepProgress"])
    performed: PerformedStep | None = None
    why: Discontinuation | None = None

    @property
    def state(self) -> WorkitemState:
        """Where it stands."""
        return self.workitem.state


class InMemoryWorklist(Worklist):
    """Workitems by UID; several performers may share it.

    Attributes:
        kept: the workitems; take one out to delete it.
        failures: raised one by one, the first first, before anything is answered again.
        lost_answers: like ``failures``, but what was asked for is done before: only the answer is lost.
        subscribed: how often somebody subscribed.
    """

    def __init__(self, name: str, *failures: Exception) -> None:
        self._name, self._lock = name, threading.RLock()
        self.kept: dict[str, KeptWorkitem] = {}
        self.failures = list(failures)
        self.lost_answers: list[Exception] = []
        self.subscribed = 0

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self._name

    def schedule(
        self,
        uid: str,
        *inputs: ReferencedSeries,
        codes: tuple[Code, ...] = (),
        priority: Priority = Priority.MEDIUM,
        readiness: InputReadiness = InputReadiness.READY,
        starts_at: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> KeptWorkitem:
        """Put a workitem on the list."""
        state = WorkitemState.SCHEDULED
        workitem = Workitem(uid, state, readiness, priority, codes, (), (), starts_at, expires_at, inputs)
        self.kept[uid] = KeptWorkitem(workitem)
        return self.kept[uid]

    def scheduled(self) -> Sequence[Workitem]:
        """Those that nobody has claimed, whether their input is ready or not."""
        with self._lock:
            self._fail()
            workitems = [kept.workitem for kept in self.kept.values()]
        return [workitem for workitem in workitems if workitem.state is WorkitemState.SCHEDULED]

    def claim(self, workitem_uid: str, transaction_uid: str) -> WorkAnswer:
        """Take a workitem on."""
        return self._changed(workitem_uid, transaction_uid, WorkitemState.IN_PROGRESS)

    def report(self, workitem_uid: str, transaction_uid: str, progress: StepProgress) -> WorkAnswer:
        """Remember the progress."""
        with self._lock:
            self._fail()
            kept = self.kept.get(workitem_uid)
            if kept is None:
                return WorkAnswer.GONE
            status = judge_update(kept.state, lock_of(kept.transaction_uid, transaction_uid))
            if status is UpsStatus.SUCCESS:
                kept.reports.append(progress)
            return self._answered(status)

    def complete(self, workitem_uid: str, transaction_uid: str, performed: PerformedStep) -> WorkAnswer:
        """Remember what was done."""
        return self._changed(workitem_uid, transaction_uid, WorkitemState.COMPLETED, performed=performed)

    def cancel(self, workitem_uid: str, transaction_uid: str, why: Discontinuation) -> WorkAnswer:
        """Remember why it was given up."""
        return self._changed(workitem_uid, transaction_uid, WorkitemState.CANCELED, why=why)

    def subscribe(self) -> str:
        """Remember that somebody subscribed; events come by nobody."""
        self._fail()
        self.subscribed += 1
        return ""

    def check(self) -> str:
        """Answer, or raise the next failure."""
        self._fail()
        return "stand-in"

    def _changed(
        self,
        uid: str,
        transaction_uid: str,
        wanted: WorkitemState,
        performed: PerformedStep | None = None,
        why: Discontinuation | None = None,
    ) -> WorkAnswer:
        with self._lock:
            self._fail()
            kept = self.kept.get(uid)
            if kept is None:
                return WorkAnswer.GONE
            lock = lock_of(kept.transaction_uid, transaction_uid)
            status = judge_change(kept.state, wanted, lock, requirements_met=True)
            if status is UpsStatus.SUCCESS:
                kept.workitem = replace(kept.workitem, state=wanted)
                kept.transaction_uid, kept.performed, kept.why = transaction_uid, performed, why
            return self._answered(status)

    def _answered(self, status: UpsStatus) -> WorkAnswer:
        if self.lost_answers:
            raise self.lost_answers.pop(0)
        return _ANSWERS[status]

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
