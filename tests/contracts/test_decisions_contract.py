"""What every ledger promises about people's decisions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from marrowcount.ports import CountedOutcome, Decision, EventKind, Recording, RefusedOutcome, SlideDecisions
from marrowcount.slides.states import SlideState
from marrowcount.testing import InMemoryLedger, made_up_instance
from marrowcount_adapters.sql import SqlDatabase, SqlDecisions

if TYPE_CHECKING:
    from collections.abc import Callable

    from marrowcount.ports import Job, Ledger, SlideRecord

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
SLIDE, OTHER = "1.2.3", "1.2.4"
DECISION = Decision("A. Person", "the scanner lost the rest", NOW + timedelta(seconds=50))
ACTS = ("resume", "discard", "recount")


@pytest.fixture
def decisions(ledger: Ledger) -> SlideDecisions:
    if isinstance(ledger, InMemoryLedger):
        return ledger
    assert isinstance(ledger, SqlDatabase)
    return SqlDecisions(ledger)


def receive(ledger: Ledger, number: int = 1, seconds: float = 0) -> Recording:
    return ledger.record_instance(made_up_instance(SLIDE, number, NOW + timedelta(seconds=seconds)))


def slide_of(ledger: Ledger) -> SlideRecord:
    slide = ledger.slide(SLIDE)
    assert slide is not None
    return slide


def counting(ledger: Ledger) -> Job:
    receive(ledger)
    assert ledger.mark_ready(SLIDE, 1, "whole", NOW)
    job = ledger.lease_job("worker", NOW, 60)
    assert job is not None
    return job


def bring(ledger: Ledger, decisions: SlideDecisions, state: SlideState) -> Job | None:
    """Bring the slide to a state."""
    if state in {SlideState.RECEIVING, SlideState.READY, SlideState.INCOMPLETE, SlideState.ASIDE, SlideState.DISCARDED}:
        receive(ledger)
        {
            SlideState.RECEIVING: lambda: None,
            SlideState.READY: lambda: ledger.mark_ready(SLIDE, 1, "whole", NOW),
            SlideState.INCOMPLETE: lambda: ledger.mark_incomplete(SLIDE, 1, "a level is missing", NOW),
            SlideState.ASIDE: lambda: decisions.set_aside(SLIDE, 1, "documents", NOW, instances=1),
            SlideState.DISCARDED: lambda: decisions.discard(SLIDE, DECISION),
        }[state]()
        return None
    job = counting(ledger)
    {
        SlideState.COUNTING: lambda: None,
        SlideState.COUNTED: lambda: ledger.finish(job, CountedOutcome("1.2.3/1", "{}", ()), NOW),
        SlideState.REFUSED: lambda: ledger.refuse(job, RefusedOutcome("no-cells", "none"), NOW),
        SlideState.FAILED: lambda: ledger.fail_job(job, "worker-lost", "gone", NOW),
    }[state]()
    return job


ALLOWED = {
    "resume": {SlideState.INCOMPLETE, SlideState.DISCARDED},
    "discard": set(SlideState) - {SlideState.COUNTED, SlideState.DISCARDED},
    "recount": {SlideState.COUNTED, SlideState.REFUSED, SlideState.FAILED},
    "accept": {SlideState.RECEIVING, SlideState.INCOMPLETE},
    "set_aside": {SlideState.RECEIVING, SlideState.INCOMPLETE},
}


def calls(decisions: SlideDecisions) -> dict[str, Callable[[], bool]]:
    return {
        "resume": lambda: decisions.resume(SLIDE, DECISION),
        "discard": lambda: decisions.discard(SLIDE, DECISION),
        "recount": lambda: decisions.recount(SLIDE, DECISION),
        "accept": lambda: decisions.accept(SLIDE, "the base is whole", DECISION, instances=1),
        "set_aside": lambda: decisions.set_aside(SLIDE, 1, "documents", NOW, instances=1),
    }


@pytest.mark.parametrize("state", SlideState)
@pytest.mark.parametrize("act", ALLOWED)
def test_each_decision_has_its_states(ledger: Ledger, decisions: SlideDecisions, act: str, state: SlideState) -> None:
    """In any other state it changes nothing and writes no history."""
    bring(ledger, decisions, state)
    before, events = slide_of(ledger), ledger.events(SLIDE)
    assert before.state is state
    allowed = state in ALLOWED[act]
    assert calls(decisions)[act]() is allowed
    if not allowed:
        assert (slide_of(ledger), ledger.events(SLIDE)) == (before, events)


@pytest.mark.parametrize("act", ALLOWED)
def test_nothing_is_decided_about_an_unknown_slide(decisions: SlideDecisions, act: str) -> None:
    """False, and no slide comes into being."""
    assert not calls(decisions)[act]()


def test_a_decision_stands_in_the_history(ledger: Ledger, decisions: SlideDecisions) -> None:
    """Who, why and when."""
    bring(ledger, decisions, SlideState.INCOMPLETE)
    decisions.discard(SLIDE, DECISION)
    event = ledger.events(SLIDE)[-1]
    assert (event.kind, event.at) == (EventKind.DISCARDED, DECISION.at)
    assert event.detail == "by A. Person: the scanner lost the rest"


def test_a_resumed_slide_waits_anew(ledger: Ledger, decisions: SlideDecisions) -> None:
    """The same revision, since no job was ever put for it; the waiting begins with the decision."""
    bring(ledger, decisions, SlideState.INCOMPLETE)
    assert decisions.resume(SLIDE, DECISION)
    slide = slide_of(ledger)
    assert (slide.state, slide.revision, slide.evidence, slide.changed_at) == (
        SlideState.RECEIVING,
        1,
        "",
        DECISION.at,
    )


def test_a_discarded_slide_stays_so_when_something_late_comes(ledger: Ledger, decisions: SlideDecisions) -> None:
    """The instance is kept and answered for and the history tells of it; only a person takes the decision back."""
    bring(ledger, decisions, SlideState.DISCARDED)
    assert receive(ledger, 2, seconds=60) is Recording.NEW
    slide = slide_of(ledger)
    assert (slide.state, slide.revision, slide.instances) == (SlideState.DISCARDED, 1, 2)
    assert ledger.events(SLIDE)[-1].kind is EventKind.LATE
    assert decisions.resume(SLIDE, DECISION)
    assert (slide_of(ledger).state, slide_of(ledger).revision) == (SlideState.RECEIVING, 2)


def test_discarding_takes_the_job_away(ledger: Ledger, decisions: SlideDecisions) -> None:
    """Whoever counts it finds the job lost, and nobody takes it up again."""
    job = bring(ledger, decisions, SlideState.COUNTING)
    assert job is not None
    assert decisions.discard(SLIDE, DECISION)
    assert not ledger.extend_lease(job, NOW, 60)
    assert not ledger.finish(job, CountedOutcome("1.2.3/1", "{}", ()), NOW)
    assert ledger.lease_job("worker", NOW + timedelta(days=1), 60) is None
    assert slide_of(ledger).state is SlideState.DISCARDED


def test_a_recount_is_a_revision_of_its_own(ledger: Ledger, decisions: SlideDecisions) -> None:
    """The first result stays; the second stands beside it."""
    bring(ledger, decisions, SlideState.COUNTED)
    assert decisions.recount(SLIDE, DECISION)
    slide = slide_of(ledger)
    assert (slide.state, slide.revision, slide.result_folder) == (SlideState.RECEIVING, 2, "")
    assert ledger.mark_ready(SLIDE, 2, "whole", NOW)
    job = ledger.lease_job("worker", NOW, 60)
    assert job is not None
    assert ledger.finish(job, CountedOutcome("1.2.3/2", "{}", ()), NOW)
    assert slide_of(ledger).result_folder == "1.2.3/2"


def test_an_accepted_slide_gets_its_job(ledger: Ledger, decisions: SlideDecisions) -> None:
    """And its evidence says what it was accepted without."""
    bring(ledger, decisions, SlideState.INCOMPLETE)
    assert decisions.accept(SLIDE, "the base is whole", DECISION, instances=1)
    assert (slide_of(ledger).state, slide_of(ledger).evidence) == (SlideState.READY, "the base is whole")
    assert [event.kind for event in ledger.events(SLIDE)][-2:] == [EventKind.ACCEPTED, EventKind.READY]
    assert ledger.lease_job("worker", DECISION.at, 60) is not None


def test_evidence_of_fewer_instances_decides_nothing(ledger: Ledger, decisions: SlideDecisions) -> None:
    """What came while the evidence was weighed may change it, so the slide is left for the next look."""
    receive(ledger, 1)
    receive(ledger, 2)
    assert not ledger.mark_ready(SLIDE, 1, "whole", NOW, instances=1)
    assert not ledger.mark_incomplete(SLIDE, 1, "a part is missing", NOW, instances=1)
    assert not decisions.set_aside(SLIDE, 1, "documents", NOW, instances=1)
    assert not decisions.accept(SLIDE, "the base is whole", DECISION, instances=1)
    assert slide_of(ledger).state is SlideState.RECEIVING
    assert ledger.mark_ready(SLIDE, 1, "whole", NOW, instances=2)


def test_siblings_are_the_other_series_of_the_study(ledger: Ledger, decisions: SlideDecisions) -> None:
    """Neither the slide itself nor other studies."""
    receive(ledger)
    ledger.record_instance(made_up_instance(OTHER, 1, NOW))
    assert list(decisions.siblings(f"{OTHER}.0", SLIDE)) == [made_up_instance(OTHER, 1, NOW)]
    assert list(decisions.siblings(f"{SLIDE}.0", SLIDE)) == []


def test_of_two_people_at_once_one_decides(ledger: Ledger, decisions: SlideDecisions) -> None:
    """The other is told that the slide is no longer as it was."""
    bring(ledger, decisions, SlideState.INCOMPLETE)
    acts = [calls(decisions)["resume"], calls(decisions)["accept"]] * 3
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda act: act(), acts))
    kinds = [event.kind for event in ledger.events(SLIDE)]
    assert done.count(True) == kinds.count(EventKind.RESUMED) + kinds.count(EventKind.ACCEPTED)
    assert kinds.count(EventKind.READY) == kinds.count(EventKind.ACCEPTED) == 1
