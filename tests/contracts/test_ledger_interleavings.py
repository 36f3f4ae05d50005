"""Whatever order things happen in, the ledger behaves like a page of plain rules."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
)

from marrowcount.ports import CountedOutcome, DeliveryKind, DeliveryOrder, Recording, RefusedOutcome
from marrowcount.slides.states import SLIDE_TRANSITIONS, DeliveryState, SlideState
from marrowcount.testing import InMemoryLedger, made_up_instance
from marrowcount_adapters.sql import open_ledger

if TYPE_CHECKING:
    from marrowcount.ports import Delivery, Job, Ledger

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
LEASE_S = 60.0
SLIDES = st.sampled_from(["1.2.3", "1.2.4"])
ORDERS = (
    DeliveryOrder(DeliveryKind.DICOM, "pacs", ("ann.dcm",)),
    DeliveryOrder(DeliveryKind.FHIR, "ehr", ("bundle.json",)),
)
# Most slides are counted; the rest of what the node does begins there.
ENDS = [*[SlideState.COUNTED] * 4, SlideState.REFUSED, SlideState.FAILED, SlideState.READY]


@dataclass
class ModelSlide:
    """All that the rules need to know of a slide."""

    state: SlideState = SlideState.RECEIVING
    revision: int = 1
    numbers: set[int] = field(default_factory=set)
    holder: tuple[int, int] | None = None
    """Number and attempt of the job that is leased."""
    free_from: datetime = START
    """When the open job can be had."""


class Interleavings(RuleBasedStateMachine):
    """A node's threads in any order, on the ledger and on the model at once."""

    jobs = Bundle("jobs")
    sent = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        self.ledger = self.make_ledger()
        self.model: dict[str, ModelSlide] = {}
        self.now = START
        self.owed = 0
        self.states: dict[str, SlideState] = {}

    def make_ledger(self) -> Ledger:
        return InMemoryLedger()

    def open_slides(self) -> list[tuple[str, ModelSlide]]:
        return [
            (uid, slide) for uid, slide in self.model.items() if slide.state in {SlideState.READY, SlideState.COUNTING}
        ]

    def held(self, job: Job) -> ModelSlide | None:
        slide = self.model[job.series_uid]
        return slide if slide.holder == (job.job_id, job.attempt) else None

    # Receiving

    @rule(series=SLIDES, number=st.integers(1, 6), content=st.sampled_from(["", "", "other"]))
    def record(self, series: str, number: int, content: str) -> None:
        instance = made_up_instance(series, number, self.now, content=content)
        known = self.ledger.instance(instance.facts.sop_instance_uid)
        slide = self.model.setdefault(series, ModelSlide())
        if number in slide.numbers:
            assert known is not None
            same = known.file.sha256 == instance.file.sha256
            assert self.ledger.record_instance(instance) is (Recording.IDENTICAL if same else Recording.CONFLICT)
            return
        assert known is None
        assert self.ledger.record_instance(instance) is Recording.NEW
        slide.numbers.add(number)
        if slide.state is not SlideState.RECEIVING:
            slide.state, slide.revision, slide.holder = SlideState.RECEIVING, slide.revision + 1, None

    @rule(series=SLIDES, behind=st.sampled_from([0, 0, 0, 1]))
    def mark_ready(self, series: str, behind: int) -> None:
        slide = self.model.get(series, ModelSlide())
        may = {SlideState.RECEIVING, SlideState.INCOMPLETE, SlideState.FAILED}
        expected = series in self.model and behind == 0 and slide.state in may
        assert self.ledger.mark_ready(series, slide.revision - behind, "complete", self.now) is expected
        if expected:
            slide.state, slide.free_from = SlideState.READY, self.now

    @rule(series=SLIDES, behind=st.sampled_from([0, 0, 0, 1]))
    def mark_incomplete(self, series: str, behind: int) -> None:
        slide = self.model.get(series, ModelSlide())
        expected = series in self.model and behind == 0 and slide.state is SlideState.RECEIVING
        assert self.ledger.mark_incomplete(series, slide.revision - behind, "a level is missing", self.now) is expected
        if expected:
            slide.state = SlideState.INCOMPLETE

    @rule(series=SLIDES, number=st.integers(1, 6))
    def record_the_last(self, series: str, number: int) -> None:
        """The usual way: an instance makes the slide complete."""
        self.record(series, number, "")
        self.slides_change_only_as_drawn()
        self.mark_ready(series, 0)

    # Working

    @rule(seconds=st.sampled_from([1.0, 30.0, LEASE_S, 500.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(target=jobs)
    @precondition(lambda self: self.open_slides())
    def lease_job(self) -> Job | MultipleResults[Job]:
        job = self.ledger.lease_job("worker", self.now, LEASE_S)
        free = [uid for uid, slide in self.open_slides() if slide.free_from <= self.now]
        assert (job is not None) is bool(free)
        if job is None:
            return multiple()
        assert job.series_uid in free
        slide = self.model[job.series_uid]
        assert job.revision == slide.revision
        slide.state, slide.holder = SlideState.COUNTING, (job.job_id, job.attempt)
        slide.free_from = self.now + timedelta(seconds=LEASE_S)
        return job

    @rule(job=jobs)
    def extend(self, job: Job) -> None:
        slide = self.held(job)
        assert self.ledger.extend_lease(job, self.now, LEASE_S) is (slide is not None)
        if slide is not None:
            slide.free_from = self.now + timedelta(seconds=LEASE_S)

    @rule(job=jobs, how=st.sampled_from(ENDS))
    def end(self, job: Job, how: SlideState) -> None:
        """Also by workers that lost their job long ago."""
        slide = self.held(job)
        assert self.end_as(job, how) is (slide is not None)
        if slide is not None:
            slide.state, slide.holder, slide.free_from = how, None, self.now + timedelta(seconds=10)
            self.owed += len(ORDERS) if how is SlideState.COUNTED else 0

    def end_as(self, job: Job, how: SlideState) -> bool:
        if how is SlideState.COUNTED:
            return self.ledger.finish(job, CountedOutcome(job.series_uid, "{}", ORDERS), self.now)
        if how is SlideState.REFUSED:
            return self.ledger.refuse(job, RefusedOutcome("no-cells", "nothing is there"), self.now)
        if how is SlideState.FAILED:
            return self.ledger.fail_job(job, "worker-lost", "three died", self.now)
        return self.ledger.retry_job(job, "the disk failed", self.now + timedelta(seconds=10), self.now)

    # Sending

    @rule(target=sent)
    @precondition(lambda self: self.owed)
    def lease_delivery(self) -> Delivery | MultipleResults[Delivery]:
        delivery = self.ledger.lease_delivery("sender", self.now, LEASE_S)
        if delivery is None:
            return multiple()
        assert delivery.next_attempt_at <= self.now
        assert self.everything_older_is_done(delivery)
        return delivery

    def everything_older_is_done(self, delivery: Delivery) -> bool:
        older = [
            each.state
            for each in self.ledger.deliveries(delivery.series_uid)
            if each.order.destination == delivery.order.destination and each.delivery_id < delivery.delivery_id
        ]
        return not {DeliveryState.WAITING, DeliveryState.SENDING} & set(older)

    @rule(delivery=consumes(sent), how=st.sampled_from(["delivered", "postponed", "buried"]))
    def send(self, delivery: Delivery, how: str) -> None:
        if how == "delivered":
            self.ledger.delivered(delivery, self.now, f"2.25.{delivery.delivery_id}")
        elif how == "postponed":
            self.ledger.retry_delivery(delivery, "no answer", self.now + timedelta(seconds=10), self.now)
        else:
            self.ledger.bury_delivery(delivery, "refused", self.now)

    @rule(delivery=sent)
    def go_on_sending(self, delivery: Delivery) -> None:
        (there,) = [each for each in self.ledger.deliveries() if each.delivery_id == delivery.delivery_id]
        held = there.state is DeliveryState.SENDING and there.attempts == delivery.attempts
        assert self.ledger.extend_delivery(delivery, self.now, LEASE_S) is held

    @rule(number=st.integers(1, 12))
    @precondition(lambda self: self.owed)
    def revive(self, number: int) -> None:
        self.ledger.revive_delivery(number, self.now)

    # What always holds

    @invariant()
    def slides_are_as_in_the_model(self) -> None:
        seen = {s.series_uid: (s.state, s.revision, s.instances) for s in self.ledger.slides()}
        assert seen == {uid: (s.state, s.revision, len(s.numbers)) for uid, s in self.model.items()}

    @invariant()
    def slides_change_only_as_drawn(self) -> None:
        now = {slide.series_uid: slide.state for slide in self.ledger.slides()}
        for uid, state in self.states.items():
            assert now[uid] is state or now[uid] in SLIDE_TRANSITIONS[state]
        self.states = now

    @invariant()
    def no_debt_is_lost(self) -> None:
        assert len(self.ledger.deliveries()) == self.owed

    @invariant()
    def no_newer_result_is_overtaken(self) -> None:
        """What is on its way or delivered is never older than something delivered later."""
        for destination in ("pacs", "ehr"):
            for uid in self.model:
                here = [d for d in self.ledger.deliveries(uid) if d.order.destination == destination]
                dates = [d.delivered_at for d in here if d.delivered_at is not None]
                assert dates == sorted(dates)


class InterleavingsOnSqlite(Interleavings):
    """The same on SQLite."""

    def make_ledger(self) -> Ledger:
        self.folder = tempfile.TemporaryDirectory()
        return open_ledger(f"sqlite:///{Path(self.folder.name) / 'ledger.sqlite'}")

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()


TestInMemory = Interleavings.TestCase
TestInMemory.settings = settings(max_examples=100, stateful_step_count=80, deadline=None)
TestSqlite = InterleavingsOnSqlite.TestCase
TestSqlite.settings = settings(
    max_examples=12,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking on a disk takes minutes; memory shrinks faster
)
