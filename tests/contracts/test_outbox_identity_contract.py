"""What every ledger promises about deliveries of which it is not known whose they are, and about their order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from marrowcount.ports import Circuit, CircuitState, Delivery, EventKind, Hold, TakenFile
from marrowcount.slides.states import DeliveryState
from owing import EHR, LEASE_S, NOW, OTHER, SLIDE, after, count, lease, states

if TYPE_CHECKING:
    from marrowcount.ports import Ledger

UNKNOWN = Hold("patient-not-found", "the EHR knows no such patient", after(1800))


def kept(ledger: Ledger, hold: Hold = UNKNOWN, seconds: float = 0.0) -> bool:
    return ledger.keep_delivery(lease(ledger, seconds), hold, after(seconds))


def only(ledger: Ledger) -> Delivery:
    (delivery,) = ledger.deliveries()
    return delivery


def test_the_node_holds_and_looks_again(ledger: Ledger) -> None:
    """It says why, and nobody sends it before its time; holding uses up no attempt."""
    count(ledger, EHR)
    assert kept(ledger)
    delivery = only(ledger)
    assert (delivery.state, delivery.held_code, delivery.attempts) == (DeliveryState.HELD, "patient-not-found", 0)
    assert delivery.last_error == "patient-not-found: the EHR knows no such patient"
    assert ledger.lease_delivery("sender", after(1799), LEASE_S) is None
    again = lease(ledger, 1800)
    assert (again.state, again.attempts, again.owed_since) == (DeliveryState.SENDING, 1, after(1800))


def test_the_same_hold_is_news_once(ledger: Ledger) -> None:
    """A patient who is missing for a week is not told of every half hour; another reason is."""
    count(ledger, EHR)
    assert kept(ledger)
    assert not kept(ledger, replace(UNKNOWN, again_at=after(3600)), 1800)
    assert kept(ledger, Hold("patient-ambiguous", "two", after(5400)), 3600)
    told = [event.detail for event in ledger.events(SLIDE) if event.kind is EventKind.DELIVERY_HELD]
    assert told == [
        "revision 1 to ehr: patient-not-found: the EHR knows no such patient",
        "revision 1 to ehr: patient-ambiguous: two",
    ]


def test_what_was_held_is_delivered_when_its_patient_appears(ledger: Ledger) -> None:
    """Nothing of the hold is left, and what the server keeps where is on record."""
    count(ledger, EHR)
    kept(ledger)
    again = lease(ledger, 1800)
    taken = TakenFile("bundle.json", places=("Observation/1/_history/1", "DiagnosticReport/2/_history/1"))
    ledger.file_taken(again, taken)
    ledger.delivered(again, after(1801))
    delivery = only(ledger)
    assert (delivery.state, delivery.held_code, delivery.last_error) == (DeliveryState.DELIVERED, "", "")
    assert delivery.taken == (taken,)


def test_a_sender_that_lost_its_delivery_cannot_hold_it(ledger: Ledger) -> None:
    """Nor can it do anything after another held and took it up again, though the attempts are the same."""
    count(ledger, EHR)
    late = lease(ledger)
    assert kept(ledger, seconds=LEASE_S)
    assert not ledger.keep_delivery(late, UNKNOWN, after(LEASE_S))
    current = lease(ledger, 1800)
    ledger.bury_delivery(late, "refused", after(1801))
    assert not ledger.extend_delivery(late, after(1801), LEASE_S)
    assert ledger.extend_delivery(current, after(1801), LEASE_S)


def test_a_person_may_hold_what_the_node_holds(ledger: Ledger) -> None:
    """Then only a person lets it go: it is not looked at again."""
    count(ledger, EHR)
    kept(ledger)
    assert ledger.hold_delivery(only(ledger).delivery_id, NOW, "anna: wait")
    assert not ledger.hold_delivery(only(ledger).delivery_id, NOW, "anna: wait")
    assert ledger.lease_delivery("sender", after(1e6), LEASE_S) is None
    assert ledger.revive_delivery(only(ledger).delivery_id, after(5), "anna: go")
    assert lease(ledger, 5).held_code == ""


def test_a_person_has_it_looked_at_at_once(ledger: Ledger) -> None:
    """Who has registered the patient does not wait; if that was not enough, it is news again."""
    count(ledger, EHR)
    kept(ledger)
    assert ledger.revive_delivery(only(ledger).delivery_id, after(5), "anna: registered")
    assert kept(ledger, seconds=5)


def test_a_newer_result_takes_the_place_of_what_the_node_holds(ledger: Ledger) -> None:
    """Also of one that it is just looking at."""
    count(ledger, EHR)
    kept(ledger)
    count(ledger, EHR, revision=2)
    assert states(ledger) == ["superseded", "waiting"]
    looked_at = lease(ledger)
    count(ledger, EHR, revision=3)
    ledger.keep_delivery(looked_at, UNKNOWN, NOW)
    assert states(ledger) == ["superseded", "superseded", "waiting"]


# Order by specimen


def test_results_of_one_specimen_go_in_order(ledger: Ledger) -> None:
    """Two scans of one slide are one specimen to an EHR: the older goes first, whatever fails."""
    marrow = replace(EHR, subject="urn:uuid:1")
    count(ledger, marrow)
    count(ledger, marrow, slide=OTHER)
    first = lease(ledger)
    assert first.order == marrow
    assert ledger.lease_delivery("sender", NOW, LEASE_S) is None
    ledger.retry_delivery(first, "no answer", after(30), NOW)
    assert ledger.lease_delivery("sender", after(29), LEASE_S) is None
    ledger.delivered(lease(ledger, 30), after(31))
    assert lease(ledger, 31).series_uid == OTHER


def test_other_specimens_wait_for_none(ledger: Ledger) -> None:
    """Nor does the same specimen at another destination."""
    count(ledger, replace(EHR, subject="urn:uuid:1"))
    count(
        ledger, replace(EHR, subject="urn:uuid:2"), replace(EHR, destination="cloud", subject="urn:uuid:1"), slide=OTHER
    )
    assert [lease(ledger).order.subject for _ in range(3)] == ["urn:uuid:1", "urn:uuid:2", "urn:uuid:1"]


def test_a_destination_that_needs_each_version_gets_each(ledger: Ledger) -> None:
    """A newer result does not take the place of one that waits, is being sent or is held; they go in order."""
    each = replace(EHR, skippable=False)
    count(ledger, each)
    count(ledger, each, revision=2)
    assert states(ledger) == ["waiting", "waiting"]
    first = lease(ledger)
    ledger.retry_delivery(first, "no answer", after(1), NOW)
    ledger.keep_delivery(lease(ledger, 1), replace(UNKNOWN, again_at=after(2)), after(1))
    assert states(ledger) == ["held", "waiting"]
    assert ledger.lease_delivery("sender", after(1), LEASE_S) is None
    assert [lease(ledger, 2).revision, only_sending(ledger)] == [1, 1]


def only_sending(ledger: Ledger) -> int:
    return sum(each.state is DeliveryState.SENDING for each in ledger.deliveries())


def test_a_scan_that_nobody_can_tell_whose_it_is_delays_no_other(ledger: Ledger) -> None:
    """The slide is scanned anew with a better header: that result goes at once."""
    marrow = replace(EHR, subject="urn:uuid:1")
    count(ledger, marrow)
    kept(ledger)
    count(ledger, marrow, slide=OTHER)
    assert lease(ledger).series_uid == OTHER


# What the destination said


def test_a_dead_letter_keeps_what_the_destination_said(ledger: Ledger) -> None:
    """In the delivery alone: neither history nor the delivery's printed form, which a log may hold, quotes it."""
    count(ledger, EHR)
    ledger.bury_delivery(lease(ledger), "http-422: invalid", NOW, '{"diagnostics": "DOE^JANE"}')
    delivery = only(ledger)
    assert delivery.outcome == '{"diagnostics": "DOE^JANE"}'
    assert "DOE" not in repr(delivery)
    assert not any("DOE" in event.detail for event in ledger.events(SLIDE))
    ledger.revive_delivery(delivery.delivery_id, NOW)
    ledger.delivered(lease(ledger), NOW)
    assert only(ledger).outcome == ""


# How it goes with destinations


def test_a_destination_of_which_nothing_is_known_is_well(ledger: Ledger) -> None:
    """Its circuit is closed."""
    assert ledger.circuit("ehr") == Circuit("ehr")
    assert not ledger.circuits()


@pytest.mark.parametrize("until", [None, after(30)])
def test_a_circuit_is_changed_by_who_saw_it_as_it_is(ledger: Ledger, until: object) -> None:
    """Of two that saw the same, one is heard: there is one probe, and no failure is lost."""
    before = Circuit("ehr")
    one = Circuit("ehr", CircuitState.OPEN, 5, 1, after(30) if until else None, "http-503")
    assert ledger.switch(before, one)
    assert not ledger.switch(before, Circuit("ehr", failures=1))
    assert not ledger.switch(replace(one, failures=4), Circuit("ehr"))
    assert ledger.circuit("ehr") == one
    two = Circuit("archive", failures=1, code="no-answer")
    assert ledger.switch(Circuit("archive"), two)
    assert list(ledger.circuits()) == [two, one]
    assert ledger.switch(one, Circuit("ehr"))
    assert ledger.switch(Circuit("ehr"), one)
