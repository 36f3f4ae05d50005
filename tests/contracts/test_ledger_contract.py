"""What every ledger promises about slides and the work on them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from marrowcount.ports import CountedOutcome, DeliveryKind, DeliveryOrder, EventKind, Job, Recording, RefusedOutcome
from marrowcount.slides.states import DeliveryState, SlideState
from marrowcount.testing import InMemoryLedger, made_up_instance
from marrowcount_adapters.sql import SqlLedger
from marrowcount_adapters.sql.tables import results

if TYPE_CHECKING:
    from collections.abc import Callable

    from marrowcount.ports import Ledger

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
LEASE_S = 60.0
SLIDE, OTHER = "1.2.3", "1.2.4"
OUTCOME = CountedOutcome("1.2.3/1", '{"cells": 500}', ())
REFUSED = RefusedOutcome("no-cells", "nothing is there", '{"refused": "no-cells"}')


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def receive(ledger: Ledger, number: int = 1, slide: str = SLIDE, seconds: float = 0.0) -> Recording:
    return ledger.record_instance(made_up_instance(slide, number, after(seconds)))


def make_ready(ledger: Ledger, slide: str = SLIDE) -> None:
    receive(ledger, slide=slide)
    assert ledger.mark_ready(slide, 1, "all levels are there", NOW)


def lease(ledger: Ledger, seconds: float = 0.0) -> Job:
    job = ledger.lease_job("worker", after(seconds), LEASE_S)
    assert job is not None
    return job


def state_of(ledger: Ledger, slide: str = SLIDE) -> SlideState:
    record = ledger.slide(slide)
    assert record is not None
    return record.state


def counting(ledger: Ledger) -> Job:
    make_ready(ledger)
    return lease(ledger)


# Receiving


def test_an_instance_is_recorded_once(ledger: Ledger) -> None:
    """The same bytes again are no news."""
    assert receive(ledger) is Recording.NEW
    assert receive(ledger, seconds=5) is Recording.IDENTICAL
    assert ledger.instances(SLIDE) == [made_up_instance(SLIDE, 1, NOW)]


def test_of_two_contents_the_first_stands(ledger: Ledger) -> None:
    """Another file under a known UID is told and changes nothing."""
    receive(ledger)
    before = ledger.slide(SLIDE)
    other = made_up_instance(SLIDE, 1, after(5), content="other")
    assert ledger.record_instance(other) is Recording.CONFLICT
    assert ledger.instance(f"{SLIDE}.1") == made_up_instance(SLIDE, 1, NOW)
    assert ledger.slide(SLIDE) == before
    assert [event.kind for event in ledger.events(SLIDE)] == [EventKind.OPENED, EventKind.CONFLICT]


def test_instances_come_back_whole_and_in_the_order_of_receipt(ledger: Ledger) -> None:
    """What was recorded is what is read, also where clocks disagree about the order."""
    sent = [made_up_instance(SLIDE, number, after(-number)) for number in (3, 1, 2)]
    for instance in sent:
        ledger.record_instance(instance)
    receive(ledger, slide=OTHER)
    assert ledger.instances(SLIDE) == sent


def test_what_is_not_known_is_none(ledger: Ledger) -> None:
    """Nothing is made up."""
    assert ledger.instance("1.9") is None
    assert ledger.slide("1.9") is None
    assert not ledger.instances("1.9")
    assert not ledger.slides()
    assert not ledger.deliveries()
    assert not ledger.events("1.9")


def test_a_slide_adds_up_its_instances(ledger: Ledger) -> None:
    """Number, bytes and times are those of all its instances."""
    for number, seconds in ((1, 0.0), (2, 9.0), (3, 4.0)):
        receive(ledger, number, seconds=seconds)
    slide = ledger.slide(SLIDE)
    assert slide is not None
    assert (slide.instances, slide.size_bytes, slide.revision, slide.state) == (3, 3000, 1, SlideState.RECEIVING)
    assert (slide.first_received_at, slide.last_received_at, slide.changed_at) == (NOW, after(9), NOW)
    assert (slide.study_uid, slide.sender) == (f"{SLIDE}.0", "SCANNER")


def test_times_keep_their_instant_whatever_their_zone(ledger: Ledger) -> None:
    """A time given in another zone is the same instant when read."""
    there = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    ledger.record_instance(made_up_instance(SLIDE, 1, there))
    slide = ledger.slide(SLIDE)
    assert slide is not None
    assert slide.first_received_at == NOW
    assert slide.first_received_at.tzinfo is not None


def test_slides_are_listed_by_state_the_oldest_first(ledger: Ledger) -> None:
    """A list of slides can be narrowed to some states."""
    receive(ledger, slide="1.2.9", seconds=1)
    receive(ledger, slide="1.2.8", seconds=3)
    receive(ledger, slide="1.2.7", seconds=2)
    ledger.mark_ready("1.2.7", 1, "complete", after(4))
    assert [slide.series_uid for slide in ledger.slides()] == ["1.2.9", "1.2.7", "1.2.8"]
    assert [slide.series_uid for slide in ledger.slides(SlideState.RECEIVING)] == ["1.2.9", "1.2.8"]
    assert [slide.series_uid for slide in ledger.slides(SlideState.READY, SlideState.FAILED)] == ["1.2.7"]


# From receiving to ready


def test_a_slide_becomes_ready_once(ledger: Ledger) -> None:
    """One slide, one job."""
    receive(ledger)
    assert ledger.mark_ready(SLIDE, 1, "all levels are there", after(7))
    assert not ledger.mark_ready(SLIDE, 1, "again", after(8))
    slide = ledger.slide(SLIDE)
    assert slide is not None
    assert (slide.state, slide.evidence, slide.changed_at) == (SlideState.READY, "all levels are there", after(7))
    lease(ledger, 9)
    assert ledger.lease_job("worker", after(9), LEASE_S) is None


@pytest.mark.parametrize(("slide", "revision"), [(SLIDE, 0), (SLIDE, 2), (OTHER, 1)])
def test_only_the_present_revision_can_become_ready(ledger: Ledger, slide: str, revision: int) -> None:
    """Whoever judged an older state of the slide is told so."""
    receive(ledger)
    assert not ledger.mark_ready(slide, revision, "complete", NOW)
    assert not ledger.mark_incomplete(slide, revision, "level 2 is missing", NOW)
    assert state_of(ledger) is SlideState.RECEIVING


def test_an_incomplete_slide_can_be_counted_after_all(ledger: Ledger) -> None:
    """A person may resume what the timer gave up."""
    receive(ledger)
    assert ledger.mark_incomplete(SLIDE, 1, "level 2 is missing", NOW)
    assert not ledger.mark_incomplete(SLIDE, 1, "again", NOW)
    assert ledger.lease_job("worker", NOW, LEASE_S) is None
    assert ledger.mark_ready(SLIDE, 1, "as it is", NOW)
    assert lease(ledger).series_uid == SLIDE


def test_a_slide_that_is_ready_is_not_given_up(ledger: Ledger) -> None:
    """The timer comes too late."""
    make_ready(ledger)
    assert not ledger.mark_incomplete(SLIDE, 1, "level 2 is missing", NOW)
    assert state_of(ledger) is SlideState.READY


WAYS = {
    "ready": lambda _ledger: None,
    "counting": lease,
    "counted": lambda ledger: ledger.finish(lease(ledger), OUTCOME, NOW),
    "refused": lambda ledger: ledger.refuse(lease(ledger), REFUSED, NOW),
    "failed": lambda ledger: ledger.fail_job(lease(ledger), "worker-lost", "three died", NOW),
}


@pytest.mark.parametrize("state", [*WAYS, "incomplete"])
def test_a_late_instance_opens_a_new_revision(ledger: Ledger, state: str) -> None:
    """Whatever was done with the slide, it is received anew, and nothing of the old revision sticks to it."""
    if state == "incomplete":
        receive(ledger)
        ledger.mark_incomplete(SLIDE, 1, "level 2 is missing", NOW)
    else:
        make_ready(ledger)
        WAYS[state](ledger)
    assert state_of(ledger) == state
    assert receive(ledger, 2, seconds=30) is Recording.NEW
    slide = ledger.slide(SLIDE)
    assert slide is not None
    assert (slide.state, slide.revision, slide.instances) == (SlideState.RECEIVING, 2, 2)
    assert (slide.evidence, slide.code, slide.message, slide.result_folder) == ("", "", "", "")
    assert slide.changed_at == after(30)
    assert ledger.lease_job("worker", after(3600), LEASE_S) is None
    assert ledger.mark_ready(SLIDE, 2, "now really", after(31))
    assert lease(ledger, 32).revision == 2


@pytest.mark.parametrize("content", ["", "other"])
def test_a_repeated_instance_opens_none(ledger: Ledger, content: str) -> None:
    """A scanner that sends everything twice does not cause everything to be counted twice."""
    make_ready(ledger)
    ledger.record_instance(made_up_instance(SLIDE, 1, after(5), content=content))
    slide = ledger.slide(SLIDE)
    assert slide is not None
    assert (slide.state, slide.revision) == (SlideState.READY, 1)


# Jobs


def test_a_job_is_leased_to_one_worker(ledger: Ledger) -> None:
    """While the lease lasts nobody else gets it."""
    job = counting(ledger)
    assert (job.series_uid, job.revision, job.attempt, job.leased_until) == (SLIDE, 1, 1, after(LEASE_S))
    assert state_of(ledger) is SlideState.COUNTING
    assert ledger.lease_job("other", after(LEASE_S - 1), LEASE_S) is None


def test_the_oldest_job_comes_first(ledger: Ledger) -> None:
    """Slides are counted in the order in which they became ready."""
    for slide in ("1.2.9", "1.2.7", "1.2.8"):
        make_ready(ledger, slide)
    assert [lease(ledger).series_uid for _ in range(3)] == ["1.2.9", "1.2.7", "1.2.8"]


def test_the_job_of_a_dead_worker_is_taken_over(ledger: Ledger) -> None:
    """An expired lease counts as nobody's, and the attempts are counted."""
    counting(ledger)
    taken = lease(ledger, LEASE_S)
    assert taken.attempt == 2
    assert lease(ledger, 3 * LEASE_S).attempt == 3


def test_a_lease_can_be_extended(ledger: Ledger) -> None:
    """A living worker keeps its job, also one that was late but was not replaced."""
    job = counting(ledger)
    assert ledger.extend_lease(job, after(50), LEASE_S)
    assert ledger.lease_job("other", after(LEASE_S), LEASE_S) is None
    assert ledger.extend_lease(job, after(200), LEASE_S)
    assert ledger.lease_job("other", after(201), LEASE_S) is None


def taken_over(ledger: Ledger) -> None:
    lease(ledger, LEASE_S)


def put_back(ledger: Ledger, job: Job) -> bool:
    return ledger.retry_job(job, "the disk failed", after(5), after(1))


ENDS: dict[str, Callable[[Ledger, Job], bool]] = {
    "extend": lambda ledger, job: ledger.extend_lease(job, after(1), LEASE_S),
    "finish": lambda ledger, job: ledger.finish(job, OUTCOME, after(1)),
    "refuse": lambda ledger, job: ledger.refuse(job, REFUSED, after(1)),
    "fail": lambda ledger, job: ledger.fail_job(job, "worker-lost", "three died", after(1)),
    "put back": put_back,
    "let go": lambda ledger, job: ledger.let_go(job, after(1)),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("loss", ["taken over", "late instance", "finished", "put back"])
def test_a_lost_job_can_do_nothing_more(ledger: Ledger, end: str, loss: str) -> None:
    """A worker that lost its job is told so and changes nothing."""
    job = counting(ledger)
    {
        "taken over": lambda: taken_over(ledger),
        "late instance": lambda: receive(ledger, 2),
        "finished": lambda: ledger.finish(job, OUTCOME, NOW),
        "put back": lambda: put_back(ledger, job),
    }[loss]()
    before = ledger.slide(SLIDE), ledger.events(SLIDE), ledger.deliveries(SLIDE)
    assert not ENDS[end](ledger, job)
    assert (ledger.slide(SLIDE), ledger.events(SLIDE), ledger.deliveries(SLIDE)) == before


def test_a_refused_slide_says_why(ledger: Ledger) -> None:
    """Code and words stay with the slide."""
    assert ledger.refuse(counting(ledger), REFUSED, after(9))
    slide = ledger.slide(SLIDE)
    assert slide is not None
    assert (slide.state, slide.code, slide.message) == (SlideState.REFUSED, "no-cells", "nothing is there")
    assert slide.changed_at == after(9)
    assert not ledger.mark_ready(SLIDE, 1, "again", after(10))


def test_a_refusal_lets_older_results_go_and_owes_what_takes_them_back(ledger: Ledger) -> None:
    """What waits of an older revision no longer holds; the note is owed in the same step."""
    counted, note = (DeliveryOrder(DeliveryKind.DICOM, "pacs", (f"1.2.3/{name}",)) for name in ("1.1/a", "2.1/note"))
    assert ledger.finish(counting(ledger), CountedOutcome("1.2.3/1.1", "{}", (counted,)), NOW)
    receive(ledger, 2)
    assert ledger.mark_ready(SLIDE, 2, "all levels are there", NOW)
    assert ledger.refuse(lease(ledger, 1), replace(REFUSED, deliveries=(note,)), after(2))
    owed = {delivery.order: delivery.state for delivery in ledger.deliveries(SLIDE)}
    assert owed == {counted: DeliveryState.SUPERSEDED, note: DeliveryState.WAITING}
    due = ledger.lease_delivery("sender", after(3), LEASE_S)
    assert due is not None
    assert (due.order, due.revision) == (note, 2)


def test_an_outcome_is_kept_in_full(ledger: Ledger) -> None:
    """What was found, or why nothing was, as result.json has it."""
    assert ledger.refuse(counting(ledger), REFUSED, NOW)
    receive(ledger, 2)
    assert ledger.mark_ready(SLIDE, 2, "all levels are there", NOW)
    assert ledger.finish(lease(ledger), OUTCOME, NOW)
    assert summaries(ledger) == [REFUSED.summary, OUTCOME.summary]


def summaries(ledger: Ledger) -> list[str]:
    if isinstance(ledger, InMemoryLedger):
        return list(ledger.summaries.values())
    assert isinstance(ledger, SqlLedger)
    with ledger.reading() as connection:
        return list(connection.execute(select(results.c.summary).order_by(results.c.revision)).scalars())


def owing(ledger: Ledger, *destinations: str) -> Job:
    """Job of a slide whose first result is owed to each of these and to three more: held, being sent, delivered."""
    orders = [
        DeliveryOrder(DeliveryKind.DICOM, name, ("1.2.3/1.1/a",))
        for name in ("delivered", "sending", "held", *destinations)
    ]
    assert ledger.finish(counting(ledger), replace(OUTCOME, deliveries=tuple(orders)), NOW)
    delivered = ledger.lease_delivery("sender", NOW, 1000.0, "delivered")
    assert delivered is not None
    ledger.delivered(delivered, NOW)
    assert ledger.lease_delivery("sender", NOW, 1000.0, "sending") is not None
    assert ledger.hold_delivery(delivered.delivery_id + 2, NOW, "A. Person")
    receive(ledger, 2)
    assert ledger.mark_ready(SLIDE, 2, "all levels are there", NOW)
    return lease(ledger, 1)


def states_by_destination(ledger: Ledger) -> dict[str, str]:
    return {each.order.destination: str(each.state) for each in ledger.deliveries(SLIDE)}


def test_a_worker_can_let_go_of_older_results_before_the_new_one_stands(ledger: Ledger) -> None:
    """What waits or is held will never be sent, what is being sent goes on; the job does, too."""
    job = owing(ledger, "waiting")
    assert ledger.let_go(job, after(2))
    let_go = {"delivered": "delivered", "sending": "sending", "held": "superseded", "waiting": "superseded"}
    assert states_by_destination(ledger) == let_go
    superseded = [event for event in ledger.events(SLIDE) if event.kind is EventKind.DELIVERY_SUPERSEDED]
    assert [event.at for event in superseded] == [after(2)] * 2
    assert ledger.let_go(job, after(3))
    assert ledger.finish(job, OUTCOME, after(4))
    assert states_by_destination(ledger) == let_go


def test_letting_go_concerns_older_revisions_of_the_slide_alone(ledger: Ledger) -> None:
    """What another slide owes still waits."""
    make_ready(ledger, OTHER)
    order = DeliveryOrder(DeliveryKind.DICOM, "pacs", ("1.2.4/1.1/a",))
    assert ledger.finish(lease(ledger), replace(OUTCOME, deliveries=(order,)), NOW)
    assert ledger.let_go(owing(ledger), after(2))
    assert [each.state for each in ledger.deliveries(OTHER)] == [DeliveryState.WAITING]


def test_a_counted_slide_has_a_result(ledger: Ledger) -> None:
    """Its folder stands in the record."""
    assert ledger.finish(counting(ledger), OUTCOME, after(9))
    slide = ledger.slide(SLIDE)
    assert slide is not None
    assert (slide.state, slide.result_folder, slide.changed_at) == (SlideState.COUNTED, "1.2.3/1", after(9))
    assert ledger.lease_job("worker", after(1000), LEASE_S) is None


def test_a_job_put_back_rests_until_its_time(ledger: Ledger) -> None:
    """A passing failure is tried again, not at once, and the attempts are counted."""
    job = counting(ledger)
    assert ledger.retry_job(job, "the disk failed", after(30), after(2))
    assert state_of(ledger) is SlideState.READY
    assert ledger.lease_job("worker", after(29), LEASE_S) is None
    assert lease(ledger, 30).attempt == 2


def test_a_resting_job_holds_up_no_other(ledger: Ledger) -> None:
    """The next slide goes first."""
    make_ready(ledger, OTHER)
    make_ready(ledger)
    ledger.retry_job(lease(ledger), "the disk failed", after(30), NOW)
    assert lease(ledger).series_uid == SLIDE


def test_a_failed_slide_can_be_tried_anew(ledger: Ledger) -> None:
    """A person's retry is a new job with all its attempts, and no worker of before can meddle with it."""
    old = counting(ledger)
    ledger.fail_job(old, "worker-lost", "three died", NOW)
    assert state_of(ledger) is SlideState.FAILED
    assert ledger.mark_ready(SLIDE, 1, "a person asked for it", after(9))
    slide = ledger.slide(SLIDE)
    assert slide is not None
    assert (slide.state, slide.code, slide.message) == (SlideState.READY, "", "")
    new = lease(ledger, 10)
    assert (new.attempt, new.revision) == (1, 1)
    assert not ledger.finish(old, OUTCOME, after(11))
    assert ledger.finish(new, OUTCOME, after(11))


def test_history_tells_everything_in_order(ledger: Ledger) -> None:
    """A person can read what happened to a slide, with its dates."""
    job = counting(ledger)
    ledger.retry_job(job, "the disk failed", after(5), after(2))
    ledger.fail_job(lease(ledger, 6), "worker-lost", "three died", after(7))
    receive(ledger, 2, seconds=8)
    ledger.mark_incomplete(SLIDE, 2, "level 2 is missing", after(9))
    kinds = [(event.kind, (event.at - NOW).total_seconds()) for event in ledger.events(SLIDE)]
    assert kinds == [
        (EventKind.OPENED, 0),
        (EventKind.READY, 0),
        (EventKind.TAKEN_UP, 0),
        (EventKind.PUT_BACK, 2),
        (EventKind.TAKEN_UP, 6),
        (EventKind.FAILED, 7),
        (EventKind.REOPENED, 8),
        (EventKind.INCOMPLETE, 9),
    ]
    assert "the disk failed" in ledger.events(SLIDE)[3].detail


# Several threads


def in_threads(number: int, act: Callable[[int], object]) -> list[object]:
    """Let all threads act at the same moment; what they brought, in order."""
    start = threading.Barrier(number)

    def begin(index: int) -> object:
        start.wait()
        return act(index)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(begin, range(number)))


def test_threads_never_get_the_same_job(ledger: Ledger) -> None:
    """However many workers ask at the same moment, each job goes to one."""
    for number in range(8):
        make_ready(ledger, f"1.2.3.{number}")

    def lease_all(_index: int) -> list[int]:
        taken = iter(lambda: ledger.lease_job("worker", NOW, LEASE_S), None)
        return [job.job_id for job in taken]

    taken = [job for jobs in in_threads(4, lease_all) for job in jobs]  # type: ignore[attr-defined]
    # A worker may go away empty-handed while another holds a row; nothing may be lost or given twice for that.
    taken += lease_all(0)
    assert len(taken) == len(set(taken)) == 8


def test_threads_that_send_the_same_instance_agree(ledger: Ledger) -> None:
    """One of them was the first."""
    said = in_threads(6, lambda _: receive(ledger))
    assert sorted(map(str, said)) == ["identical"] * 5 + ["new"]
    assert len(ledger.instances(SLIDE)) == 1


def test_threads_that_send_one_slide_lose_nothing(ledger: Ledger) -> None:
    """Parallel associations of one slide add up."""
    said = in_threads(8, lambda index: receive(ledger, index))
    assert set(said) == {Recording.NEW}
    slide = ledger.slide(SLIDE)
    assert slide is not None
    assert (slide.instances, slide.size_bytes, slide.revision) == (8, 8000, 1)
    assert len(ledger.instances(SLIDE)) == 8


def test_a_late_instance_and_the_end_of_the_count_agree(ledger: Ledger) -> None:
    """Either the result was recorded first, or the job was lost; never both, never neither."""
    job = counting(ledger)
    finished, _ = in_threads(2, lambda index: receive(ledger, 2) if index else ledger.finish(job, OUTCOME, after(1)))
    kinds = [event.kind for event in ledger.events(SLIDE)]
    assert state_of(ledger) is SlideState.RECEIVING
    assert (EventKind.COUNTED in kinds) is finished
    assert kinds.count(EventKind.REOPENED) == 1
