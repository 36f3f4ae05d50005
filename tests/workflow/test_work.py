"""Counting job by job: refused, retried, failed or finished, and never for ever."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from marrowcount.errors import ModelError, PeerError, Refusal, SlideError, StorageError
from marrowcount.ports import CountedOutcome, DeliveryKind, DeliveryOrder, Job, SlideRecord
from marrowcount.slides.states import SlideState
from marrowcount.testing import HeldClock, InMemoryLedger, made_up_instance
from marrowcount.workflow.leases import Lease, LeaseLostError
from marrowcount.workflow.work import WorkSettings, work_once

if TYPE_CHECKING:
    from marrowcount.workflow.work import Count

SLIDE = "1.2.3"
OUTCOME = CountedOutcome("1.2.3/1", "{}", (DeliveryOrder(DeliveryKind.DICOM, "pacs", ("ann.dcm",)),))
PATIENCE_S = 20.0
SETTINGS = WorkSettings(lease_s=120.0, max_attempts=3)
FAST = WorkSettings(lease_s=0.03, max_attempts=3)
"""Beats every 10 ms."""


def jitter(seed: int = 7) -> Random:
    return Random(seed)  # noqa: S311 - jitter guards no secret


class Node:
    """A ledger with one slide that is ready."""

    def __init__(self, ledger: InMemoryLedger | None = None) -> None:
        self.clock, self.ledger = HeldClock(), ledger or InMemoryLedger()
        self.receive(1)
        self.ledger.mark_ready(SLIDE, 1, "complete", self.clock.now())

    def receive(self, number: int) -> None:
        self.ledger.record_instance(made_up_instance(SLIDE, number, self.clock.now()))

    def work(self, count: Count, settings: WorkSettings = SETTINGS) -> bool:
        return work_once(self.ledger, self.clock, "worker", count, settings, random=jitter())

    @property
    def slide(self) -> SlideRecord:
        slide = self.ledger.slide(SLIDE)
        assert slide is not None
        return slide


def counted(_job: Job, _lease: Lease) -> CountedOutcome:
    return OUTCOME


def failing(error: BaseException) -> Count:
    def count(_job: Job, _lease: Lease) -> CountedOutcome:
        raise error

    return count


def test_no_job_is_nothing_done() -> None:
    """The loop can rest."""
    node = Node()
    node.work(counted)
    assert not node.work(counted)


def test_a_count_ends_with_result_and_debts() -> None:
    """What the count brings is recorded together."""
    node = Node()
    assert node.work(counted)
    assert (node.slide.state, node.slide.result_folder) == (SlideState.COUNTED, "1.2.3/1")
    assert [delivery.order for delivery in node.ledger.deliveries()] == list(OUTCOME.deliveries)


def test_the_count_is_told_its_job() -> None:
    """Which slide, which revision."""
    node, jobs = Node(), []

    def count(job: Job, _lease: Lease) -> CountedOutcome:
        jobs.append((job.series_uid, job.revision, job.attempt))
        return OUTCOME

    node.work(count)
    assert jobs == [(SLIDE, 1, 1)]


def test_a_slide_error_refuses_the_slide() -> None:
    """It is not tried again: the slide will not change."""
    node = Node()
    assert node.work(failing(SlideError(Refusal.NO_CELLS, "suitable tiles hold no cell")))
    assert (node.slide.state, node.slide.code) == (SlideState.REFUSED, "no-cells")
    assert node.slide.message == "suitable tiles hold no cell"


@pytest.mark.parametrize(
    "error",
    [
        PeerError("peer-down", "no answer"),
        ValueError("x"),
        MemoryError(),
    ],
)
def test_a_passing_failure_is_tried_again_later(error: Exception) -> None:
    """With a pause of at most 30 s after the first, and for all attempts in vain only then failed."""
    node = Node()
    for attempt in (1, 2):
        assert node.work(failing(error))
        assert node.slide.state is SlideState.READY
        assert node.ledger.lease_job("other", node.clock.now(), 1) is None
        node.clock.advance(30.0 * attempt)
    assert node.work(failing(error))
    assert node.slide.state is SlideState.FAILED
    assert node.slide.code == getattr(error, "code", "unexpected")
    assert not node.work(counted)


def test_a_failure_that_passes_leaves_no_trace_in_the_result() -> None:
    """The second attempt counts as well as the first would have."""
    node = Node()
    node.work(failing(PeerError("peer-down", "no answer")))
    node.clock.advance(30)
    assert node.work(counted)
    assert (node.slide.state, node.slide.code) == (SlideState.COUNTED, "")


def test_the_nodes_own_trouble_is_not_charged_to_the_slide() -> None:
    """A full disk or a lost database is waited out, however long it takes, within the same attempt."""
    node, pauses = Node(), list[float]()
    failures = [StorageError("disk-full", "no space is left")] * 40

    def count(job: Job, lease: Lease) -> CountedOutcome:
        if failures:
            raise failures.pop()
        return counted(job, lease)

    with capture_logs() as logs:
        assert work_once(node.ledger, node.clock, "worker", count, FAST, random=Random(7), wait=pauses.append)  # noqa: S311 - jitter
    assert (node.slide.state, node.slide.code) == (SlideState.COUNTED, "")
    assert len(pauses) == 40
    assert 10 < max(pauses) <= 60
    assert {log["code"] for log in logs if log["event"] == "job.waits"} == {"disk-full"}


def test_waiting_ends_with_the_program_or_the_lease() -> None:
    """Whoever waits for room is told to stop, or finds that another worker has the slide."""
    node = Node()

    def stop(_: float) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        work_once(node.ledger, node.clock, "worker", failing(StorageError("disk-full", "x")), FAST, wait=stop)
    assert node.slide.state is SlideState.COUNTING


def test_a_broken_model_fails_at_once() -> None:
    """No repetition mends it; a person must look, and can have it tried anew."""
    node = Node()
    assert node.work(failing(ModelError("model-altered", "its digest is wrong")))
    assert (node.slide.state, node.slide.code) == (SlideState.FAILED, "model-altered")
    assert node.ledger.mark_ready(SLIDE, 1, "the model was replaced", node.clock.now())
    assert node.work(counted)
    assert node.slide.state is SlideState.COUNTED


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(1)])
def test_the_end_of_the_program_leaves_the_lease_to_end(stop: BaseException) -> None:
    """Another worker takes over when it has ended; nothing counts as failed."""
    node = Node()
    with pytest.raises(type(stop)):
        node.work(failing(stop))
    assert node.slide.state is SlideState.COUNTING
    assert not node.work(counted)
    node.clock.advance(120)
    assert node.work(counted)
    assert node.slide.state is SlideState.COUNTED


def test_a_slide_that_kills_every_worker_fails() -> None:
    """After the last attempt nobody counts it again; a person must look."""
    node = Node()
    for _ in range(3):
        assert node.ledger.lease_job("killed", node.clock.now(), 120)
        node.clock.advance(120)
    assert node.work(failing(AssertionError("it was counted again")))
    assert (node.slide.state, node.slide.code) == (SlideState.FAILED, "worker-lost")


def test_a_count_that_lost_its_job_records_nothing() -> None:
    """A late instance made it pointless while it went on; the log says so."""
    node = Node()

    def count(_job: Job, _lease: Lease) -> CountedOutcome:
        node.receive(2)
        return OUTCOME

    with capture_logs() as logs:
        assert node.work(count)
    assert (node.slide.state, node.slide.revision) == (SlideState.RECEIVING, 2)
    assert not node.ledger.deliveries()
    assert [(line["event"], line["recorded"]) for line in logs] == [("job.counted", False)]


class WatchedLedger(InMemoryLedger):
    """Says when a lease was extended; can fail at it."""

    def __init__(self, *failures: Exception) -> None:
        super().__init__()
        self.failures = list(failures)
        self.extended = threading.Semaphore(0)

    def extend_lease(self, job: Job, now: datetime, lease_s: float) -> bool:
        if self.failures:
            raise self.failures.pop()
        still_held = super().extend_lease(job, now, lease_s)
        self.extended.release()
        return still_held


def test_the_lease_is_kept_up_while_the_count_goes_on() -> None:
    """A long count is not taken over."""
    ledger = WatchedLedger()
    node = Node(ledger)

    def count(_job: Job, lease: Lease) -> CountedOutcome:
        node.clock.advance(1000)
        assert ledger.extended.acquire(timeout=PATIENCE_S)
        assert ledger.extended.acquire(timeout=PATIENCE_S)
        assert ledger.lease_job("other", node.clock.now(), 60) is None
        lease.check()
        return OUTCOME

    before = threading.active_count()
    assert node.work(count, FAST)
    assert node.slide.state is SlideState.COUNTED
    assert threading.active_count() == before


def test_a_count_can_stop_when_its_lease_is_lost() -> None:
    """Hours of work are not wasted on a slide that has changed."""
    ledger = WatchedLedger()
    node = Node(ledger)

    def count(_job: Job, lease: Lease) -> CountedOutcome:
        node.receive(2)
        assert ledger.extended.acquire(timeout=PATIENCE_S)
        while True:
            lease.check()

    with capture_logs() as logs:
        assert node.work(count, FAST)
    assert node.slide.state is SlideState.RECEIVING
    assert [line["event"] for line in logs] == ["job.lost"]


def test_a_failed_beat_does_not_end_the_count() -> None:
    """The next beat may succeed."""
    ledger = WatchedLedger(StorageError("database-failed", "it is locked"))
    node = Node(ledger)

    def count(_job: Job, lease: Lease) -> CountedOutcome:
        assert ledger.extended.acquire(timeout=PATIENCE_S)
        lease.check()
        return OUTCOME

    with capture_logs() as logs:
        node.work(count, FAST)
    assert node.slide.state is SlideState.COUNTED
    assert logs[0]["event"] == "lease.not_extended"


def test_a_lost_lease_says_so_each_time() -> None:
    """Whoever asks again hears the same."""
    lost = Lease("job-99", lambda: False, 0.03)
    with lost.kept_up():
        for _ in range(2):
            with pytest.raises(LeaseLostError):
                _check_until_lost(lost)


def _check_until_lost(lease: Lease) -> None:
    deadline = datetime.now().astimezone() + timedelta(seconds=PATIENCE_S)
    while datetime.now().astimezone() < deadline:
        lease.check()


def test_an_unforeseen_error_is_told_without_what_it_quotes() -> None:
    """Neither the ledger nor the log repeats text that may name a patient."""
    node = Node()
    with capture_logs() as logs:
        for _ in range(3):
            node.work(failing(ValueError("MUSTERMANN^ERIKA")))
            node.clock.advance(900)
    assert node.slide.message.startswith("ValueError at test_work.py:")
    assert "MUSTERMANN" not in f"{node.slide} {node.ledger.events(SLIDE)} {logs}"


def test_a_ledger_that_fails_is_the_callers_affair() -> None:
    """The tick is told; the lease ends by itself and the slide is counted again."""

    class BrokenLedger(InMemoryLedger):
        def finish(self, *_: object, **__: object) -> bool:
            raise StorageError("database-failed", "the disk is gone")

    node = Node(BrokenLedger())
    with pytest.raises(StorageError):
        node.work(counted)
    assert node.slide.state is SlideState.COUNTING
