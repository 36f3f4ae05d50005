"""Performing workitems: take on what is scheduled for the node, bring it to its end, and survive being killed anywhere.

The order of writing is what makes it safe: the Transaction UID stands in the node's own ledger before the worklist
sees it, and every request to the worklist may be made again. After a crash each open task is looked at as if nothing
had been said; what was said already is answered as such.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Final, TypeAlias
from uuid import uuid4

import structlog

from marrowcount.errors import PeerError
from marrowcount.ports import NewTask, PerformedStep, TaskState, WorkAnswer, WorkitemEventKind
from marrowcount.slides.expectations import Expectation, ExpectationSource, ExpectedInstance
from marrowcount.workflow.expecting import expect, withdraw
from marrowcount.workflow.identity import uid_of
from marrowcount.workflow.leases import Lease
from marrowcount.workflow.retry import Backoff
from marrowcount.workflow.task_choice import in_order, is_due
from marrowcount.workflow.task_plans import Cancel, Complete, Report, SlideStanding, plan
from marrowcount.workitems import Code, Discontinuation, WorkitemState
from marrowcount.workitems.codes import Reasons

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from marrowcount.ports import (
        Clock,
        Delivery,
        Expectations,
        Ledger,
        SlideRecord,
        Task,
        TaskLedger,
        WorkitemEvent,
        Worklist,
    )
    from marrowcount.workitems import ReferencedSeries, Workitem

__all__ = ["FetchInput", "OutputsOf", "PerformerSettings", "Performing"]

_log = structlog.get_logger(__name__)

OutputsOf: TypeAlias = "Callable[[SlideRecord, Sequence[Delivery]], tuple[ReferencedSeries, ...]]"
"""The DICOM objects of a slide's result, and where they can be had after these deliveries."""

FetchInput: TypeAlias = "Callable[[ReferencedSeries], None]"
"""Lets the lacking instances of a series come; returns when they did, or will not. Raises PeerError."""

_HURRIED: Final = timedelta()
_SHUNNED_FOR: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class PerformerSettings:
    """How the node performs.

    Attributes:
        station: by which name it says that it did the work.
        most_open: workitems held at a time; others may want some, too.
        input_wait_s: for input that does not come, seconds.
        look_s: pause between two looks at a task, seconds.
        fetch_s: pause between two attempts to fetch lacking input, seconds; most of it comes by itself.
        lease_s: after so long without a sign of life another process looks after a task.
        backoff: pauses while the worklist fails.
    """

    station: Code
    most_open: int = 4
    input_wait_s: float = 3600.0
    look_s: float = 5.0
    fetch_s: float = 60.0
    lease_s: float = 15.0
    backoff: Backoff = field(default_factory=lambda: Backoff(base_s=5.0, cap_s=900.0))


@dataclass(frozen=True, slots=True)
class Performing:
    """Performs the workitems of one worklist.

    Attributes:
        fetch: how input that nobody sends can be had; None where it can only be waited for.
    """

    worklist: Worklist
    tasks: TaskLedger
    ledger: Ledger
    expectations: Expectations
    clock: Clock
    settings: PerformerSettings
    outputs: OutputsOf
    fetch: FetchInput | None = None
    random: Random = field(default_factory=Random)
    _fetched: dict[int, datetime] = field(default_factory=dict[int, "datetime"], repr=False)
    """When input was last fetched, by task; after a restart it is fetched again at once."""
    _shunned: dict[str, datetime] = field(default_factory=dict[str, "datetime"], repr=False)
    """Workitems whose claim was refused for good, and until when they are left alone."""

    def take_on(self) -> int:
        """Look for scheduled workitems and write down those that will be claimed; how many.

        Raises:
            PeerError: the worklist could not be asked.
            StorageError: the ledger failed.
        """
        held, now = self._open(), self.clock.now()
        free = self.settings.most_open - len(held)
        if free <= 0:
            return 0
        wanted = [workitem for workitem in self.worklist.scheduled() if self._wants(workitem, held, now)]
        opened = [self._opened(workitem) for workitem in in_order(wanted)[:free]]
        return sum(task is not None for task in opened)

    def _wants(self, workitem: Workitem, held: Sequence[Task], now: datetime) -> bool:
        known = any(task.order.workitem_uid == workitem.uid for task in held)
        return is_due(workitem, now) and not known and self._shunned.get(workitem.uid, now) <= now

    def _open(self) -> Sequence[Task]:
        held = self.tasks.tasks(TaskState.CLAIMING, TaskState.HELD)
        return [task for task in held if task.order.worklist == self.worklist.name]

    def _opened(self, workitem: Workitem) -> Task | None:
        order = NewTask(
            self.worklist.name,
            workitem.uid,
            uid_of(uuid4()),
            workitem.workitem_codes,
            workitem.inputs,
        )
        task = self.tasks.open_task(order, self.clock.now())
        if task is not None:
            self._tell("task.opened", task, series=len(workitem.slides))
        return task

    def advance(self) -> bool:
        """Look at the task that waits for the longest time; False where none is due.

        Raises:
            StorageError: the ledger failed; the task is looked at again when its lease ends.
        """
        task = self.tasks.lease_task(self.worklist.name, self.clock.now(), self.settings.lease_s)
        if task is None:
            return False
        try:
            with self._lease(task).kept_up():
                stands, pause = self._step(task)
        except PeerError as error:
            stands, pause = self._failed(task, error)
        now = self.clock.now()
        if self.tasks.keep_task(stands, now, now + pause) and not stands.state.is_open:
            self._tell("task.ended", stands, words=stands.message)
        return True

    def _lease(self, task: Task) -> Lease:
        """Kept up while worklist and archives are waited for; whoever dies lets go of the task soon."""

        def extend() -> bool:
            return self.tasks.extend_task(task, self.clock.now(), self.settings.lease_s)

        return Lease(f"task-{task.task_id}", extend, self.settings.lease_s)

    def _failed(self, task: Task, error: PeerError) -> tuple[Task, timedelta]:
        """Asked again later; a claim that is refused for good holds up no others."""
        message = f"{error.code}: {error.message}"
        if task.state is TaskState.CLAIMING and not error.retryable:
            self._shunned[task.order.workitem_uid] = self.clock.now() + _SHUNNED_FOR
            return replace(task, state=TaskState.LOST, message=message), _HURRIED
        stands = replace(task, failures=task.failures + 1, message=message)
        self._tell("task.postponed", stands, code=error.code)
        return stands, self.settings.backoff.pause(stands.failures, self.random)

    def _step(self, task: Task) -> tuple[Task, timedelta]:
        """The task as it stands after a look, and for how long it may be left alone."""
        if task.state is TaskState.CLAIMING:
            return self._claimed(task), _HURRIED
        slides = [self._standing(series) for series in _slides(task)]
        waited_s = (self.clock.now() - (task.claimed_at or task.opened_at)).total_seconds()
        match plan(slides, task.wish, waited_s=waited_s, input_wait_s=self.settings.input_wait_s):
            case Complete():
                return self._completed(task, slides), _HURRIED
            case Cancel(why):
                return self._cancelled(task, why), _HURRIED
            case Report() as report:
                return self._reported(task, report), timedelta(seconds=self.settings.look_s)

    def _claimed(self, task: Task) -> Task:
        answer = self.worklist.claim(task.order.workitem_uid, task.order.transaction_uid)
        if answer not in {WorkAnswer.DONE, WorkAnswer.ALREADY}:
            return _lost(task, answer)
        expect(self.expectations, self._expectation(task))
        self._tell("task.claimed", task, again=answer is WorkAnswer.ALREADY)
        return replace(task, state=TaskState.HELD, claimed_at=self.clock.now(), failures=0, message="claimed")

    def _expectation(self, task: Task) -> Expectation:
        named = tuple(
            ExpectedInstance(one.sop_instance_uid, one.sop_class_uid, series.series_uid)
            for series in _slides(task)
            for one in series.instances
        )
        source, key = ExpectationSource.WORKITEM, task.order.workitem_uid
        return Expectation(source, key, task.order.worklist, named, self.clock.now())

    def _standing(self, series: ReferencedSeries) -> SlideStanding:
        record = self.ledger.slide(series.series_uid)
        held = [self.ledger.instance(one.sop_instance_uid) is not None for one in series.instances]
        lacking = held.count(False) if held else int(record is None)
        if record is None:
            return SlideStanding(series.series_uid, None, len(held), max(lacking, 1), (), None)
        deliveries = [each for each in self.ledger.deliveries(series.series_uid) if each.revision == record.revision]
        progress = self.tasks.count_progress(series.series_uid)
        return SlideStanding(series.series_uid, record, len(held), lacking, tuple(deliveries), progress)

    def _completed(self, task: Task, slides: Sequence[SlideStanding]) -> Task:
        outputs = tuple(
            output for slide in slides if slide.record for output in self.outputs(slide.record, slide.deliveries)
        )
        started_at = task.claimed_at or task.opened_at
        performed = PerformedStep(
            self.settings.station, task.order.workitem_codes, started_at, self.clock.now(), outputs
        )
        answer = self.worklist.complete(task.order.workitem_uid, task.order.transaction_uid, performed)
        if answer not in {WorkAnswer.DONE, WorkAnswer.ALREADY}:
            return _lost(task, answer)
        instances = sum(len(output.instances) for output in outputs)
        return replace(task, state=TaskState.COMPLETED, percent=100, message=f"{instances} result objects")

    def _cancelled(self, task: Task, why: Discontinuation) -> Task:
        answer = self.worklist.cancel(task.order.workitem_uid, task.order.transaction_uid, why)
        withdraw(self.expectations, ExpectationSource.WORKITEM, task.order.workitem_uid, self.clock.now())
        if answer not in {WorkAnswer.DONE, WorkAnswer.ALREADY}:
            return _lost(task, answer)
        return replace(task, state=TaskState.CANCELED, message=f"{why.reason.meaning}: {why.words}")

    def _reported(self, task: Task, report: Report) -> Task:
        if report.lacks_input and self.fetch is not None and self._may_fetch(task):
            self._fetch(task)
        progress = report.progress
        percent = max(progress.percent, task.percent)  # a late instance sets a slide back, not its figure
        if (percent, progress.words) == (task.percent, task.message):
            return replace(task, failures=0)
        told = replace(progress, percent=percent)
        answer = self.worklist.report(task.order.workitem_uid, task.order.transaction_uid, told)
        if answer is not WorkAnswer.DONE:
            withdraw(self.expectations, ExpectationSource.WORKITEM, task.order.workitem_uid, self.clock.now())
            return _lost(task, answer)
        return replace(task, percent=percent, message=progress.words, failures=0)

    def _may_fetch(self, task: Task) -> bool:
        last = self._fetched.get(task.task_id)
        return last is None or self.clock.now() - last >= timedelta(seconds=self.settings.fetch_s)

    def _fetch(self, task: Task) -> None:
        """Let lacking input come; an archive that fails is asked again at a later look."""
        assert self.fetch is not None  # noqa: S101 - asked for only then
        for series in _slides(task):
            try:
                self.fetch(series)
            except PeerError as error:
                self._tell("task.input_not_fetched", task, code=error.code, series=series.series_uid)
        self._fetched[task.task_id] = self.clock.now()

    def hear(self, event: WorkitemEvent) -> bool:
        """Act on what the worklist told; True where scheduled workitems should be looked for now.

        Raises:
            StorageError: the ledger failed; what was told is lost, and found out at the next look.
        """
        now, name, uid = self.clock.now(), self.worklist.name, event.workitem_uid
        match event.kind:
            case WorkitemEventKind.CANCEL_REQUESTED:
                wish = Discontinuation(event.reason or Reasons.UNSPECIFIED, f"cancellation requested{_by(event)}")
                self.tasks.wish_cancel(name, uid, wish, now)
                return False
            case WorkitemEventKind.STATE if event.state is not WorkitemState.SCHEDULED:
                if event.state is not WorkitemState.IN_PROGRESS:
                    self.tasks.wake_task(name, uid, now)
                return False
            case WorkitemEventKind.PROGRESS:
                return False
            case _:
                return True

    def _tell(self, what_happened: str, task: Task, **more: object) -> None:
        _log.info(
            what_happened,
            worklist=task.order.worklist,
            workitem=task.order.workitem_uid,
            state=task.state.value,
            **more,
        )


def _by(event: WorkitemEvent) -> str:
    return f" by {event.requester}" if event.requester else ""


def _slides(task: Task) -> Sequence[ReferencedSeries]:
    return [series for series in task.order.inputs if series.holds_slide]


_LOSSES: Final = {
    WorkAnswer.TAKEN: "another performer holds it",
    WorkAnswer.ENDED: "it was ended by another",
    WorkAnswer.GONE: "the worklist does not know it any more",
}


def _lost(task: Task, answer: WorkAnswer) -> Task:
    return replace(task, state=TaskState.LOST, message=_LOSSES[answer])
