"""What every ledger promises about the versions of reports."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount.ports import (
    CountedOutcome,
    DeliveryOrder,
    EventKind,
    Job,
    RefusedOutcome,
    Reports,
    ReportVersion,
    TakenFile,
)
from marrowcount.review import Act, Practitioner, ReportStatus, Signature
from marrowcount.slides.states import DeliveryState
from marrowcount.testing import InMemoryLedger, made_up_instance
from marrowcount_adapters.sql import SqlDatabase, SqlReports
from owing import EHR, LEASE_S, NOW, PACS, SLIDE, after, count, lease, states

if TYPE_CHECKING:
    from marrowcount.ports import Ledger

SHE = Practitioner("4711", "urn:oid:1.2.3", "Curie", "Marie", "Haematology")
SIGNED = ReportVersion(
    SLIDE,
    2,
    1,
    ReportStatus.FINAL,
    after(60),
    f"{SLIDE}/1.1.2",
    Signature(Act.VERIFIED, SHE, after(60), "Auer rods"),
    {CellType.BLAST: 40, CellType.MAST_CELL: 0},
)


@pytest.fixture
def reports(ledger: Ledger) -> Reports:
    if isinstance(ledger, InMemoryLedger):
        return ledger
    assert isinstance(ledger, SqlDatabase)
    return SqlReports(ledger)


def counting(ledger: Ledger, revision: int) -> Job:
    ledger.record_instance(made_up_instance(SLIDE, revision, NOW))
    assert ledger.mark_ready(SLIDE, revision, "complete", NOW)
    job = ledger.lease_job("worker", NOW, LEASE_S)
    assert job is not None
    return job


def kinds(ledger: Ledger) -> list[EventKind]:
    return [event.kind for event in ledger.events(SLIDE)]


def test_a_machines_outcomes_are_versions(ledger: Ledger, reports: Reports) -> None:
    """Preliminary where it counted, cancelled where it could not; versions count on over revisions."""
    assert not reports.versions(SLIDE)
    count(ledger)
    assert ledger.refuse(counting(ledger, 2), RefusedOutcome("no-cells", "none", result_folder="x"), NOW)
    assert reports.versions(SLIDE) == [
        ReportVersion(SLIDE, 1, 1, ReportStatus.PRELIMINARY, NOW, f"{SLIDE}/1"),
        ReportVersion(SLIDE, 2, 2, ReportStatus.CANCELLED, NOW, "x"),
    ]
    assert not reports.versions("1.9")


def test_a_persons_version_comes_back_whole(ledger: Ledger, reports: Reports) -> None:
    """Who, when, which counts, in which words; the slide's folder is the new one, its history tells of it."""
    count(ledger)
    assert reports.sign(SIGNED, (EHR,), after(60), ledger.deliveries(SLIDE))
    assert reports.versions(SLIDE)[1] == SIGNED
    slide = ledger.slide(SLIDE)
    assert slide is not None
    assert slide.result_folder == SIGNED.folder
    event = ledger.events(SLIDE)[-1]
    assert (event.kind, event.at) == (EventKind.SIGNED, after(60))
    assert event.detail == "version 2 of revision 1 is final: verified by 4711"
    assert "Auer" not in event.detail


def test_a_persons_version_owes_what_it_says_and_lets_go_of_what_waited(ledger: Ledger, reports: Reports) -> None:
    """The newer version takes the place of the older one that was not sent yet."""
    count(ledger, PACS, EHR)
    assert reports.sign(SIGNED, (PACS,), after(60), ledger.deliveries(SLIDE))
    assert states(ledger) == ["superseded", "superseded", "waiting"]
    assert [each.version for each in ledger.deliveries()] == [1, 1, 2]


@pytest.mark.parametrize("number", [1, 3])
def test_only_the_next_version_is_recorded(ledger: Ledger, reports: Reports, number: int) -> None:
    """Whoever saw an older state decides anew."""
    count(ledger, PACS)
    assert not reports.sign(replace(SIGNED, version=number), (EHR,), NOW, ledger.deliveries(SLIDE))
    assert len(reports.versions(SLIDE)) == 1
    assert states(ledger) == ["waiting"]
    assert EventKind.SIGNED not in kinds(ledger)


def test_of_two_who_sign_at_once_one_is_first(ledger: Ledger, reports: Reports) -> None:
    """The other is told."""
    count(ledger)
    with ThreadPoolExecutor(4) as pool:
        signed = list(pool.map(lambda _: reports.sign(SIGNED, (EHR,), NOW, ()), range(4)))
    assert sorted(signed) == [False, False, False, True]
    assert states(ledger) == ["waiting"]


def test_who_saw_other_deliveries_decides_anew(ledger: Ledger, reports: Reports) -> None:
    """A destination got something meanwhile, or may be getting it, that the version would have to take back."""
    count(ledger, PACS, EHR)
    seen = ledger.deliveries(SLIDE)
    sending = lease(ledger)
    assert not reports.sign(SIGNED, (), NOW, seen)
    seen = ledger.deliveries(SLIDE)
    ledger.file_taken(sending, TakenFile("ann.dcm", "1.2", "1.2.3.4"))
    assert not reports.sign(SIGNED, (), NOW, seen)
    assert reports.sign(SIGNED, (), NOW, ledger.deliveries(SLIDE))
    assert states(ledger) == ["sending", "superseded"]


def test_what_is_being_sent_is_not_sent_again_after_a_newer_version(ledger: Ledger, reports: Reports) -> None:
    """An attempt under way that fails is superseded; one of a sender that died as well."""
    count(ledger, PACS, EHR)
    under_way, lost = lease(ledger), lease(ledger)
    assert reports.sign(SIGNED, (), after(1), ledger.deliveries(SLIDE))
    ledger.retry_delivery(under_way, "no answer", after(2), after(2))
    assert states(ledger) == ["superseded", "sending"]
    assert ledger.lease_delivery("sender", after(2 * LEASE_S), LEASE_S) is None
    assert states(ledger) == ["superseded", "superseded"]
    assert not ledger.revive_delivery(lost.delivery_id, after(200))


def test_a_machine_does_not_touch_what_a_person_answered_for(ledger: Ledger, reports: Reports) -> None:
    """A new count that is not given out lets go of nothing, outdates nothing, and the history asks for a review."""
    count(ledger, EHR)
    assert reports.sign(SIGNED, (PACS, EHR), after(60), ledger.deliveries(SLIDE))
    outcome = CountedOutcome("1.2.3/2", "{}", (), follows=2, given_out=False)
    assert ledger.finish(counting(ledger, 2), outcome, after(70))
    assert states(ledger) == ["superseded", "waiting", "waiting"]
    assert EventKind.REVIEW_NEEDED in kinds(ledger)
    sending = lease(ledger, 80)
    ledger.retry_delivery(sending, "no answer", after(81), after(81))
    assert states(ledger) == ["superseded", "waiting", "waiting"]


def test_keeping_a_report_changes_nothing_for_those_who_have_it(ledger: Ledger, reports: Reports) -> None:
    """Neither is anything sent, nor what is still on its way let go."""
    count(ledger)
    assert reports.sign(SIGNED, (EHR,), after(60), ledger.deliveries(SLIDE))
    outcome = CountedOutcome("1.2.3/2", "{}", (), follows=2, given_out=False)
    assert ledger.finish(counting(ledger, 2), outcome, after(70))
    kept = replace(SIGNED, version=4, signature=Signature(Act.KEPT, SHE, after(90)), given_out=False)
    assert reports.sign(kept, (), after(90), ledger.deliveries(SLIDE))
    assert states(ledger) == ["waiting"]
    assert reports.versions(SLIDE)[-1] == kept
    slide = ledger.slide(SLIDE)
    assert slide is not None
    assert slide.result_folder == SIGNED.folder


@pytest.mark.parametrize("refused", [False, True])
def test_a_count_that_a_person_overtook_is_lost(ledger: Ledger, reports: Reports, *, refused: bool) -> None:
    """It was made without knowing the person's version; its lease ends, and it is made anew."""
    count(ledger)
    job = counting(ledger, 2)
    assert reports.sign(SIGNED, (EHR,), after(60), ledger.deliveries(SLIDE))
    if refused:
        recorded = ledger.refuse(job, RefusedOutcome("no-cells", "none", follows=1), after(61))
    else:
        recorded = ledger.finish(job, CountedOutcome("1.2.3/2", "{}", (PACS,), follows=1), after(61))
    assert not recorded
    assert len(reports.versions(SLIDE)) == 2
    assert states(ledger) == ["waiting"]
    again = ledger.lease_job("worker", after(2 * LEASE_S), LEASE_S)
    assert again is not None
    assert (again.revision, again.attempt) == (2, 2)


def test_a_count_after_the_version_that_it_followed_is_recorded(ledger: Ledger, reports: Reports) -> None:
    """As long as nobody came in between."""
    assert ledger.finish(counting(ledger, 1), CountedOutcome("1.2.3/1", "{}", (PACS,), follows=0), NOW)
    assert ledger.finish(counting(ledger, 2), CountedOutcome("1.2.3/2", "{}", (EHR,), follows=1), NOW)
    assert [each.version for each in reports.versions(SLIDE)] == [1, 2]
    assert [(each.version, each.state) for each in ledger.deliveries()] == [
        (1, DeliveryState.SUPERSEDED),
        (2, DeliveryState.WAITING),
    ]


def test_orders_of_a_held_count_are_still_owed_where_given(ledger: Ledger) -> None:
    """The ledger does what it is told: who holds a result back gives no orders."""
    order: DeliveryOrder = EHR
    assert ledger.finish(counting(ledger, 1), CountedOutcome("1.2.3/1", "{}", (order,), given_out=False), NOW)
    assert states(ledger) == ["waiting"]
