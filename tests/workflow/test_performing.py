"""Performing workitems: claimed once, carried to an end, whatever is killed, lost or raced for on the way."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowcount.errors import DeliveryRefusedError, PeerError
from marrowcount.ports import (
    CountedOutcome,
    CountProgress,
    DeliveryKind,
    DeliveryOrder,
    RefusedOutcome,
    Settlement,
    TaskState,
    WorkitemEvent,
    WorkitemEventKind,
)
from marrowcount.slides.expectations import ExpectationSource
from marrowcount.slides.instances import WSM_SOP_CLASS_UID
from marrowcount.slides.states import DeliveryState
from marrowcount.testing import (
    HeldClock,
    InMemoryExpectations,
    InMemoryLedger,
    InMemoryTasks,
    InMemoryWorklist,
    made_up_instance,
)
from marrowcount.workflow.performing import FetchInput, PerformerSettings, Performing
from marrowcount.workitems import Code, InputReadiness, InstanceReference, Priority, ReferencedSeries, WorkitemState
from marrowcount.workitems.codes import Reasons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marrowcount.ports import Delivery, SlideRecord

SLIDE, UID = "1.2.3", "2.25.1"
STATION, COUNT = Code("NODE", "99TEST", "The node"), Code("COUNT", "99TEST", "Count")
PACS = DeliveryOrder(DeliveryKind.DICOM, "pacs", ("ann.dcm", "sr.dcm"))
DOWN = PeerError("peer-unreachable", "the worklist does not answer")


def slide_input(series_uid: str = SLIDE, instances: int = 2) -> ReferencedSeries:
    named = tuple(InstanceReference(WSM_SOP_CLASS_UID, f"{series_uid}.{n}") for n in range(1, instances + 1))
    return ReferencedSeries(f"{series_uid}.0", series_uid, named, ("ARCHIVE",))


def outputs(slide: SlideRecord, deliveries: Sequence[Delivery]) -> tuple[ReferencedSeries, ...]:
    places = tuple(each.order.destination for each in deliveries)
    return (ReferencedSeries(slide.study_uid, f"{slide.series_uid}.99", (InstanceReference("1.9", "1.99"),), places),)


@dataclass
class Node:
    """A node and the worklist that it performs for."""

    worklist: InMemoryWorklist = field(default_factory=lambda: InMemoryWorklist("ris"))
    clock: HeldClock = field(default_factory=HeldClock)
    tasks: InMemoryTasks = field(default_factory=InMemoryTasks)
    ledger: InMemoryLedger = field(default_factory=InMemoryLedger)
    expectations: InMemoryExpectations = field(default_factory=InMemoryExpectations)
    settings: PerformerSettings = field(default_factory=lambda: PerformerSettings(STATION))
    fetched: list[str] = field(default_factory=list)

    def performing(self, fetch: FetchInput | None = None) -> Performing:
        """As after a start: it knows nothing but what is in the ledger."""
        parts = (self.worklist, self.tasks, self.ledger, self.expectations, self.clock, self.settings, outputs)
        return Performing(*parts, fetch=fetch, random=random.Random(7))  # noqa: S311 - jitter

    def advance(self) -> None:
        """Look at all tasks once, as if their pauses were over."""
        self.clock.advance(1000)
        performing = self.performing()
        for _ in range(50):
            if not performing.advance():
                return
        pytest.fail("the tasks keep it busy for ever")

    def receive(self, *numbers: int, series: str = SLIDE) -> None:
        for number in numbers:
            self.ledger.record_instance(made_up_instance(series, number, self.clock.now()))

    def count(self, *orders: DeliveryOrder, series: str = SLIDE) -> None:
        now, slide = self.clock.now(), self.ledger.slide(series)
        assert slide is not None
        assert self.ledger.mark_ready(series, slide.revision, "complete", now)
        job = self.ledger.lease_job("worker", now, 60)
        assert job is not None
        place = f"{series}/{slide.revision}"
        assert self.ledger.finish(job, CountedOutcome(place, "{}", orders), now)

    def refuse(self, code: str) -> None:
        now = self.clock.now()
        assert self.ledger.mark_ready(SLIDE, 1, "complete", now)
        job = self.ledger.lease_job("worker", now, 60)
        assert job is not None
        self.ledger.refuse(job, RefusedOutcome(code, "no good"), now)

    def deliver(self, commitment_uid: str = "") -> None:
        delivery = self.ledger.lease_delivery("sender", self.clock.now(), 60)
        assert delivery is not None
        self.ledger.delivered(delivery, self.clock.now(), commitment_uid)

    def commit(self, commitment_uid: str) -> None:
        delivery = self.ledger.asked_by(commitment_uid)
        assert delivery is not None
        self.ledger.settle(delivery, Settlement(DeliveryState.COMMITTED, (), "granted"), self.clock.now())

    @property
    def task_states(self) -> list[TaskState]:
        return [task.state for task in self.tasks.tasks()]


def test_a_workitem_is_performed() -> None:
    """Claimed, its input awaited, counted, delivered, committed; then completed with what came of it."""
    node = Node()
    kept = node.worklist.schedule(UID, slide_input(), codes=(COUNT,))
    assert node.performing().take_on() == 1
    assert kept.state is WorkitemState.SCHEDULED  # written down first
    node.advance()
    assert kept.state is WorkitemState.IN_PROGRESS
    started = node.tasks.tasks()[0].claimed_at
    node.receive(1)
    node.advance()
    node.receive(2)
    node.advance()
    node.count(PACS)
    node.advance()
    node.deliver("2.25.77")
    node.advance()
    assert kept.state is WorkitemState.IN_PROGRESS
    node.commit("2.25.77")
    node.advance()
    assert kept.state is WorkitemState.COMPLETED
    assert kept.performed is not None
    assert kept.performed.station == STATION
    assert kept.performed.workitem_codes == (COUNT,)
    assert (kept.performed.started_at, kept.performed.ended_at) == (started, node.clock.now())
    assert [(output.series_uid, output.retrieve_aes) for output in kept.performed.outputs] == [("1.2.3.99", ("pacs",))]
    figures = [report.percent for report in kept.reports]
    assert figures == sorted(figures)
    words = " | ".join(report.words for report in kept.reports)
    assert [part in words for part in ("2 of 2", "1 of 2", "delivered", "commitment")] == [True] * 4
    assert node.task_states == [TaskState.COMPLETED]


def test_what_it_expects_is_known_to_completeness() -> None:
    """The workitem's list of instances is the only explicit one that there is; it goes when the workitem does."""
    node = Node()
    node.worklist.schedule(UID, slide_input())
    node.performing().take_on()
    assert node.expectations.find(ExpectationSource.WORKITEM, UID) is None
    node.advance()
    found = node.expectations.find(ExpectationSource.WORKITEM, UID)
    assert found is not None
    assert [(one.sop_instance_uid, one.series_uid) for one in found.instances] == [
        ("1.2.3.1", SLIDE),
        ("1.2.3.2", SLIDE),
    ]
    node.performing().hear(WorkitemEvent(WorkitemEventKind.CANCEL_REQUESTED, UID))
    node.advance()
    assert node.expectations.find(ExpectationSource.WORKITEM, UID) is None


def test_a_slide_that_is_counted_already_completes_at_once() -> None:
    """It was routed before the workitem came."""
    node = Node()
    node.receive(1, 2)
    node.count()
    kept = node.worklist.schedule(UID, slide_input())
    node.performing().take_on()
    node.advance()
    assert kept.state is WorkitemState.COMPLETED


def test_a_refused_slide_cancels_with_its_reason() -> None:
    """A concept for machines, the node's code for people."""
    node = Node()
    kept = node.worklist.schedule(UID, slide_input())
    node.performing().take_on()
    node.receive(1, 2)
    node.refuse("wrong-resolution")
    node.advance()
    assert kept.state is WorkitemState.CANCELED
    assert kept.why is not None
    assert (kept.why.reason, kept.why.words) == (Reasons.WRONG_TYPE, "slide refused: wrong-resolution")


def test_input_that_never_comes_cancels() -> None:
    """After the time agreed; the count of the time begins with the claim."""
    node = Node()
    kept = node.worklist.schedule(UID, slide_input())
    node.performing().take_on()
    for _ in range(4):
        node.advance()
    assert kept.state is WorkitemState.IN_PROGRESS
    node.advance()
    assert kept.state is WorkitemState.CANCELED
    assert kept.why is not None
    assert kept.why.reason == Reasons.OBJECTS_MISSING


def test_a_workitem_without_slides_is_cancelled() -> None:
    """Its requestor should hear why nothing came of it."""
    node = Node()
    other = ReferencedSeries("1.2", "1.2.9", (InstanceReference("1.2.840.10008.5.1.4.1.1.2", "1.2.9.1"),))
    kept = node.worklist.schedule(UID, other)
    node.performing().take_on()
    node.advance()
    assert (kept.state, kept.why and kept.why.reason) == (WorkitemState.CANCELED, Reasons.WRONG_TYPE)


def test_several_slides_are_one_workitem() -> None:
    """It is completed when the last of them is, with the results of all."""
    node = Node()
    kept = node.worklist.schedule(UID, slide_input(), slide_input("1.2.4", 1))
    node.performing().take_on()
    node.receive(1, 2)
    node.receive(1, series="1.2.4")
    node.count()
    node.advance()
    assert kept.state is WorkitemState.IN_PROGRESS
    assert "1 of 2 slides counted" in kept.reports[-1].words
    node.count(series="1.2.4")
    node.advance()
    assert kept.performed is not None
    assert [output.series_uid for output in kept.performed.outputs] == ["1.2.3.99", "1.2.4.99"]


def test_the_count_is_reported_as_it_goes() -> None:
    """Tiles and cells as the worker noted them."""
    node = Node()
    kept = node.worklist.schedule(UID, slide_input())
    node.performing().take_on()
    node.receive(1, 2)
    node.ledger.mark_ready(SLIDE, 1, "complete", node.clock.now())
    node.ledger.lease_job("worker", node.clock.now(), 1e6)
    node.tasks.note_progress(CountProgress(SLIDE, 400, 2310, 0.5, node.clock.now()))
    node.advance()
    assert (kept.reports[-1].percent, kept.reports[-1].words) == (50, "counting: 400 tiles, 2310 cells")


def test_nothing_new_is_not_reported() -> None:
    """The worklist hears of changes, not of looks."""
    node = Node()
    kept = node.worklist.schedule(UID, slide_input())
    node.performing().take_on()
    node.advance()
    node.advance()
    assert len(kept.reports) == 1


def test_a_late_instance_does_not_set_the_figure_back() -> None:
    """A new revision begins anew; the percentage stays where it was."""
    node = Node()
    kept = node.worklist.schedule(UID, slide_input())
    node.performing().take_on()
    node.receive(1, 2)
    node.count(PACS)
    node.advance()
    node.receive(3)
    node.advance()
    assert [report.percent for report in kept.reports] == [90, 90]
    node.count(PACS)
    node.advance()
    node.deliver()
    node.advance()
    assert kept.state is WorkitemState.COMPLETED


@pytest.mark.parametrize(
    ("readiness", "starts", "expires"),
    [
        (InputReadiness.INCOMPLETE, 0, 10),
        (InputReadiness.UNAVAILABLE, 0, 10),
        (InputReadiness.READY, 60, 120),
        (InputReadiness.READY, -60, -1),
    ],
)
def test_what_is_not_due_is_left_alone(readiness: InputReadiness, starts: float, expires: float) -> None:
    """Its input must be ready, its time come and not over."""
    node = Node()
    now = HeldClock().now()
    at = {"starts_at": HeldClock(now).advance(starts), "expires_at": HeldClock(now).advance(expires)}
    node.worklist.schedule(UID, slide_input(), readiness=readiness, **at)
    assert node.performing().take_on() == 0


def test_the_urgent_come_first_and_not_more_than_it_can_hold() -> None:
    """Others may want some, too."""
    node = Node(settings=PerformerSettings(STATION, most_open=2))
    for number, priority in enumerate((Priority.LOW, Priority.MEDIUM, Priority.HIGH)):
        node.worklist.schedule(f"2.25.{number}", slide_input(), priority=priority)
    assert node.performing().take_on() == 2
    assert [task.order.workitem_uid for task in node.tasks.tasks()] == ["2.25.2", "2.25.1"]
    assert node.performing().take_on() == 0


def test_what_is_being_claimed_takes_no_place_of_others() -> None:
    """A workitem that is written down and still unclaimed is on the list; the next one is taken on beside it."""
    node = Node(settings=PerformerSettings(STATION, most_open=2))
    node.worklist.schedule("2.25.1", slide_input(), priority=Priority.HIGH)
    assert node.performing().take_on() == 1
    node.worklist.schedule("2.25.2", slide_input())
    assert node.performing().take_on() == 1
    assert [task.order.workitem_uid for task in node.tasks.tasks()] == ["2.25.1", "2.25.2"]


def test_two_nodes_race_for_a_workitem() -> None:
    """Both write it down, both ask; one performs it, the other lets go of it, whoever was first."""
    first, second = Node(), Node()
    second.worklist = first.worklist
    kept = first.worklist.schedule(UID, slide_input())
    assert first.performing().take_on() == second.performing().take_on() == 1
    second.advance()
    first.advance()
    assert first.task_states == [TaskState.LOST]
    assert second.task_states == [TaskState.HELD]
    assert kept.transaction_uid == second.tasks.tasks()[0].order.transaction_uid
    assert not first.performing().advance()


@pytest.mark.parametrize("ended", ["deleted", "cancelled by another", "taken over"])
def test_what_is_taken_away_is_let_go(ended: str) -> None:
    """At the next report, with the reason; the rest of the node goes on."""
    node = Node()
    kept = node.worklist.schedule(UID, slide_input())
    node.performing().take_on()
    node.advance()
    if ended == "deleted":
        del node.worklist.kept[UID]
    elif ended == "taken over":
        kept.transaction_uid = "2.25.404"
    else:
        kept.workitem = replace(kept.workitem, state=WorkitemState.CANCELED)
    node.receive(1)
    node.advance()
    assert node.task_states == [TaskState.LOST]
    assert node.expectations.find(ExpectationSource.WORKITEM, UID) is None


def test_a_worklist_that_fails_is_asked_again() -> None:
    """With pauses that grow; nothing is lost meanwhile."""
    node = Node()
    kept = node.worklist.schedule(UID, slide_input())
    node.performing().take_on()
    node.worklist.failures = [DOWN] * 3
    for failures in (1, 2, 3):
        node.advance()
        (task,) = node.tasks.tasks()
        assert (task.state, task.failures) == (TaskState.CLAIMING, failures)
        assert "peer-unreachable" in task.message
    node.advance()
    assert kept.state is WorkitemState.IN_PROGRESS
    assert node.tasks.tasks()[0].failures == 0


def test_a_claim_that_is_refused_for_good_holds_up_no_other() -> None:
    """It is let go, left alone for a while, and then asked for again."""
    node = Node(settings=PerformerSettings(STATION, most_open=1))
    refused = node.worklist.schedule("2.25.1", slide_input(), priority=Priority.HIGH)
    other = node.worklist.schedule("2.25.2", slide_input())
    part = node.performing()
    assert part.take_on() == 1
    node.worklist.failures = [DeliveryRefusedError("http-403", "not for you")]
    assert part.advance()
    assert node.task_states == [TaskState.LOST]
    assert part.take_on() == 1
    assert part.advance()
    assert (refused.state, other.state) == (WorkitemState.SCHEDULED, WorkitemState.IN_PROGRESS)
    part.hear(WorkitemEvent(WorkitemEventKind.CANCEL_REQUESTED, "2.25.2"))
    node.clock.advance(15 * 60)
    assert part.advance()
    assert part.take_on() == 1
    assert part.advance()
    assert refused.state is WorkitemState.IN_PROGRESS


def test_lacking_input_is_not_fetched_all_the_time() -> None:
    """Most of it is on its way; archives are asked once a minute."""
    node, asked = Node(), list[str]()
    node.worklist.schedule(UID, slide_input())
    part = node.performing(fetch=lambda series: asked.append(series.series_uid))
    part.take_on()
    for _ in range(13):
        part.advance()
        part.advance()
        node.clock.advance(10)
    assert asked == [SLIDE] * 3


def test_a_wish_to_cancel_is_granted_before_the_count_is_done() -> None:
    """At once, with the proposed reason and who proposed it."""
    node = Node()
    kept = node.worklist.schedule(UID, slide_input())
    node.performing().take_on()
    node.advance()
    wish = WorkitemEvent(WorkitemEventKind.CANCEL_REQUESTED, UID, requester="RIS", reason=Reasons.DOCTOR)
    assert not node.performing().hear(wish)
    node.advance()
    assert kept.state is WorkitemState.CANCELED
    assert kept.why is not None
    assert (kept.why.reason, kept.why.words) == (Reasons.DOCTOR, "cancellation requested by RIS")
    assert node.task_states == [TaskState.CANCELED]


def test_a_wish_to_cancel_comes_too_late_after_the_count() -> None:
    """The results are on their way, so the workitem says so."""
    node = Node()
    kept = node.worklist.schedule(UID, slide_input())
    node.performing().take_on()
    node.advance()
    node.receive(1, 2)
    node.count(PACS)
    node.performing().hear(WorkitemEvent(WorkitemEventKind.CANCEL_REQUESTED, UID))
    node.advance()
    node.deliver()
    node.advance()
    assert kept.state is WorkitemState.COMPLETED


@pytest.mark.parametrize(
    ("event", "look"),
    [
        (WorkitemEvent(WorkitemEventKind.STATE, "2.25.5", WorkitemState.SCHEDULED), True),
        (WorkitemEvent(WorkitemEventKind.ASSIGNED, "2.25.5"), True),
        (WorkitemEvent(WorkitemEventKind.WORKLIST_STATUS, "1.2.840.10008.5.1.4.34.5"), True),
        (WorkitemEvent(WorkitemEventKind.STATE, "2.25.5", WorkitemState.IN_PROGRESS), False),
        (WorkitemEvent(WorkitemEventKind.PROGRESS, "2.25.5"), False),
        (WorkitemEvent(WorkitemEventKind.CANCEL_REQUESTED, "2.25.5"), False),
    ],
)
def test_events_say_when_to_look(event: WorkitemEvent, look: bool) -> None:  # noqa: FBT001
    """At what may be for the node, at once; its own steps and others' are no news."""
    assert Node().performing().hear(event) == look


def test_what_another_cancelled_is_looked_at_at_once() -> None:
    """An event that its workitem ended wakes the task."""
    node = Node()
    kept = node.worklist.schedule(UID, slide_input())
    node.performing().take_on()
    node.advance()
    kept.workitem = replace(kept.workitem, state=WorkitemState.CANCELED)
    node.receive(1)
    performing = node.performing()
    assert not performing.advance()
    performing.hear(WorkitemEvent(WorkitemEventKind.STATE, UID, WorkitemState.CANCELED))
    assert performing.advance()
    assert node.task_states == [TaskState.LOST]


def test_lacking_input_is_fetched() -> None:
    """While it lacks, at each look; an archive that fails does not end the workitem."""
    node, asked = Node(), []

    def fetch(series: ReferencedSeries) -> None:
        asked.append((series.series_uid, series.retrieve_aes))
        if len(asked) == 1:
            raise DOWN
        node.receive(1, 2)

    node.worklist.schedule(UID, slide_input())
    node.performing().take_on()
    for _ in range(4):
        node.clock.advance(100)
        performing = node.performing(fetch=fetch)
        while performing.advance():
            pass
    assert asked == [(SLIDE, ("ARCHIVE",))] * 2
    assert node.task_states == [TaskState.HELD]


class KilledError(BaseException):
    """The process ends here."""


STEPS = ("scheduled", "claim", "report", "complete", "open_task", "lease_task", "keep_task")


def deadly(node: Node, step: str, when: str, after_calls: int) -> None:
    """Have the node die at a call, before it is made or before its answer is heard."""
    target: Any = node.worklist if hasattr(node.worklist, step) else node.tasks
    call, calls = getattr(target, step), [0]

    def dying(*arguments: object) -> object:
        calls[0] += 1
        if calls[0] == after_calls:
            setattr(target, step, call)
            if when == "after":
                call(*arguments)
            raise KilledError
        return call(*arguments)

    setattr(target, step, dying)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(["before", "after"]), st.integers(1, 3)), max_size=6),
    st.lists(st.integers(0, 3), max_size=20),
)
def test_a_node_killed_anywhere_goes_on(kills: list[tuple[str, str, int]], lost_answers: list[int]) -> None:
    """However often and wherever it dies, the workitem is claimed under one lock and completed with its output."""
    node = Node(settings=PerformerSettings(STATION, input_wait_s=1e9))
    kept = node.worklist.schedule(UID, slide_input(), codes=(COUNT,))
    node.receive(1, 2)
    pending, locks = list(kills), set()
    for turn in range(60):
        node.clock.advance(1000)
        if pending:
            deadly(node, *pending.pop())
        if turn in lost_answers:
            node.worklist.lost_answers = [DOWN]
        try:
            performing = node.performing()
            performing.take_on()
            performing.advance()
        except (KilledError, PeerError):
            pass
        locks |= {kept.transaction_uid} - {""}
        if turn == 25:
            node.count(PACS)
        if turn == 30:
            node.deliver()
    assert kept.state is WorkitemState.COMPLETED
    assert kept.performed is not None
    assert kept.performed.outputs
    assert node.task_states == [TaskState.COMPLETED]
    assert locks == {node.tasks.tasks()[0].order.transaction_uid}
