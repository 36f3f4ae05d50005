"""What every ledger promises about files taken, commitments asked for, and persons who step in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from marrowcount.ports import EventKind, FileState, Ledger, Settlement, TakenFile
from marrowcount.slides.states import DeliveryState
from owing import EHR, NOW, OTHER, PACS, SLIDE, after, count, lease, states

ANN = TakenFile("ann.dcm", "1.2.840.1", "1.2.8.1")
SR = TakenFile("sr.dcm", "1.2.840.2", "1.2.8.2", code=0xB007)


def asked(ledger: Ledger, transaction_uid: str = "2.25.7") -> None:
    """Deliver annotations and report, and ask for commitment."""
    count(ledger, PACS)
    leased = lease(ledger)
    for one in (ANN, SR):
        ledger.file_taken(leased, one)
    ledger.delivered(leased, after(3), transaction_uid)


def test_files_are_taken_one_by_one(ledger: Ledger) -> None:
    """What a destination has is known file by file, and stays known when the rest fails."""
    count(ledger, PACS)
    leased = lease(ledger)
    assert list(leased.unsent) == ["ann.dcm", "sr.dcm"]
    ledger.file_taken(leased, ANN)
    ledger.retry_delivery(leased, "no answer", after(1), NOW)
    (delivery,) = ledger.deliveries()
    assert (delivery.taken, list(delivery.unsent)) == ((ANN,), ["sr.dcm"])
    assert delivery.state is DeliveryState.WAITING


def test_a_file_that_is_taken_again_has_one_entry(ledger: Ledger) -> None:
    """The later answer stands in the place of the earlier one."""
    count(ledger, PACS)
    leased = lease(ledger)
    for one in (ANN, SR, replace(ANN, code=0xB000)):
        ledger.file_taken(leased, one)
    assert ledger.deliveries()[0].taken == (replace(ANN, code=0xB000), SR)


def test_a_sender_that_lost_its_delivery_notes_no_files(ledger: Ledger) -> None:
    """Its successor sends them itself."""
    count(ledger, PACS)
    late = lease(ledger)
    lease(ledger, 60)
    ledger.file_taken(late, ANN)
    assert ledger.deliveries()[0].taken == ()


def test_taking_a_file_keeps_the_lease(ledger: Ledger) -> None:
    """The others are still on their way."""
    count(ledger, PACS)
    ledger.file_taken(lease(ledger), ANN)
    assert ledger.lease_delivery("other", after(59), 60) is None
    assert ledger.lease_delivery("other", after(60), 60) is not None


def test_a_transaction_leads_to_its_delivery(ledger: Ledger) -> None:
    """The Transaction UID is all that an answer has in common with the request."""
    asked(ledger)
    assert ledger.asked_by("2.25.8") is None
    assert ledger.asked_by("") is None
    delivery = ledger.asked_by("2.25.7")
    assert delivery == ledger.deliveries()[0]
    assert (delivery.commitment_uid, delivery.asked_at, delivery.asks) == ("2.25.7", after(3), 1)


def test_what_asks_for_nothing_is_found_by_nothing(ledger: Ledger) -> None:
    """A delivery without commitment has no transaction."""
    count(ledger, EHR)
    ledger.delivered(lease(ledger), NOW)
    assert ledger.asked_by("") is None
    assert ledger.deliveries()[0].asks == 0


def test_asking_again_keeps_the_earlier_transactions(ledger: Ledger) -> None:
    """An archive may answer the first request after the second; the date of delivery stays the first."""
    asked(ledger)
    again = Settlement(DeliveryState.WAITING, (ANN, SR), "no answer", after(100))
    assert ledger.settle(ledger.deliveries()[0], again, after(100))
    ledger.delivered(lease(ledger, 100), after(101), "2.25.8")
    (delivery,) = ledger.deliveries()
    assert ledger.asked_by("2.25.7") == ledger.asked_by("2.25.8") == delivery
    assert (delivery.commitment_uid, delivery.asks, delivery.asked_at) == ("2.25.8", 2, after(101))
    assert delivery.delivered_at == after(3)
    assert [event.kind for event in ledger.events(SLIDE)][-2:] == [
        EventKind.COMMITMENT_AGAIN,
        EventKind.COMMITMENT_ASKED,
    ]


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (DeliveryState.COMMITTED, EventKind.COMMITTED),
        (DeliveryState.DELIVERED, EventKind.COMMITMENT_PARTIAL),
        (DeliveryState.UNCOMMITTED, EventKind.COMMITMENT_MISSING),
        (DeliveryState.DEAD, EventKind.DELIVERY_BURIED),
    ],
)
def test_a_settlement_is_recorded_whole(ledger: Ledger, state: DeliveryState, kind: EventKind) -> None:
    """State, each file's answer and the slide's history change together."""
    asked(ledger)
    (before,) = ledger.deliveries()
    answered = (replace(ANN, state=FileState.COMMITTED), replace(SR, state=FileState.FAILED, code=0x0112))
    assert ledger.settle(before, Settlement(state, answered, "the reason"), after(9))
    (delivery,) = ledger.deliveries()
    assert (delivery.state, delivery.taken) == (state, answered)
    told = ledger.events(SLIDE)[-1]
    assert (told.kind, told.at) == (kind, after(9))
    assert "the reason" in told.detail


def test_a_delivery_that_moved_on_is_not_settled(ledger: Ledger) -> None:
    """Who read it before must read it again."""
    asked(ledger)
    (before,) = ledger.deliveries()
    granted = Settlement(DeliveryState.COMMITTED, before.taken, "all")
    assert ledger.settle(before, granted, NOW)
    assert not ledger.settle(before, granted, NOW)
    assert not ledger.settle(ledger.deliveries()[0], Settlement(DeliveryState.DEAD, (), "late"), NOW)
    assert states(ledger) == ["committed"]


def test_what_is_being_sent_is_not_settled(ledger: Ledger) -> None:
    """Its sender has the word."""
    count(ledger, PACS)
    assert not ledger.settle(lease(ledger), Settlement(DeliveryState.COMMITTED, (), "early"), NOW)


def test_an_older_result_is_not_sent_again_for_want_of_commitment(ledger: Ledger) -> None:
    """The newer one took its place."""
    asked(ledger)
    count(ledger, PACS, revision=2)
    older, _ = ledger.deliveries()
    assert ledger.settle(older, Settlement(DeliveryState.WAITING, (), "not answered for", NOW), NOW)
    assert states(ledger) == ["superseded", "waiting"]


def test_a_named_destination_is_sent_to_alone(ledger: Ledger) -> None:
    """A sender of its own has each."""
    count(ledger, PACS, EHR)
    leased = ledger.lease_delivery("sender", NOW, 60, "ehr")
    assert leased is not None
    assert leased.order == EHR
    assert ledger.lease_delivery("sender", NOW, 60, "ehr") is None
    assert ledger.lease_delivery("sender", NOW, 60, "nobody") is None


def test_what_awaits_its_commitment_is_found_by_when_it_was_asked_for(ledger: Ledger) -> None:
    """Nothing that is answered, was never asked for, or was asked for later."""
    asked(ledger)
    count(ledger, EHR, slide=OTHER)
    ledger.delivered(lease(ledger), NOW)
    assert list(ledger.awaiting_commitment(after(2))) == []
    (waiting,) = ledger.awaiting_commitment(after(3))
    assert waiting == ledger.deliveries()[0]
    ledger.settle(waiting, Settlement(DeliveryState.COMMITTED, waiting.taken, "all"), after(9))
    assert list(ledger.awaiting_commitment(after(1e6))) == []


def test_destinations_that_wait_are_named_once(ledger: Ledger) -> None:
    """Whatever is due later, too; not what is being sent, held or done."""
    count(ledger, PACS, EHR)
    count(ledger, PACS, slide=OTHER)
    assert list(ledger.destinations_waiting()) == ["ehr", "pacs"]
    ledger.retry_delivery(lease(ledger), "no answer", after(900), NOW)
    ledger.delivered(lease(ledger), NOW)
    assert list(ledger.destinations_waiting()) == ["pacs"]
    for delivery in ledger.deliveries():
        ledger.hold_delivery(delivery.delivery_id, NOW, "anna")
    assert list(ledger.destinations_waiting()) == []


def test_one_delivery_is_found_by_its_number(ledger: Ledger) -> None:
    """A person names it by that."""
    count(ledger, PACS, EHR)
    for delivery in ledger.deliveries():
        assert ledger.delivery(delivery.delivery_id) == delivery
    assert ledger.delivery(-1) is None


# Persons


def test_what_is_held_is_not_sent_until_it_is_revived(ledger: Ledger) -> None:
    """History says who did it and why."""
    count(ledger, PACS)
    (delivery,) = ledger.deliveries()
    assert ledger.hold_delivery(delivery.delivery_id, after(1), "anna: wrong patient")
    assert ledger.lease_delivery("sender", after(1e6), 60) is None
    assert ledger.revive_delivery(delivery.delivery_id, after(2), "anna: was right")
    assert lease(ledger, 2).order == PACS
    held, revived = ledger.events(SLIDE)[-2:]
    assert (held.kind, revived.kind) == (EventKind.DELIVERY_HELD, EventKind.DELIVERY_REVIVED)
    assert "anna: wrong patient" in held.detail
    assert "anna: was right" in revived.detail


def test_a_newer_result_supersedes_what_is_held(ledger: Ledger) -> None:
    """Reviving the older one would overwrite the newer."""
    count(ledger, PACS)
    (delivery,) = ledger.deliveries()
    ledger.hold_delivery(delivery.delivery_id, NOW, "anna")
    count(ledger, PACS, revision=2)
    assert states(ledger) == ["superseded", "waiting"]
    assert not ledger.revive_delivery(delivery.delivery_id, NOW, "anna")


def test_what_is_dropped_stays_on_record(ledger: Ledger) -> None:
    """Nothing is ever removed, and it can be taken back."""
    count(ledger, PACS)
    dead = lease(ledger)
    ledger.bury_delivery(dead, "refused", NOW)
    assert ledger.drop_delivery(dead.delivery_id, after(1), "anna: the archive was shut down")
    assert states(ledger) == ["dropped"]
    assert ledger.events(SLIDE)[-1].kind is EventKind.DELIVERY_DROPPED
    assert not ledger.drop_delivery(dead.delivery_id, after(2), "anna")
    assert ledger.revive_delivery(dead.delivery_id, after(3), "anna")
    assert states(ledger) == ["waiting"]


def test_what_is_being_sent_or_done_is_neither_held_nor_dropped(ledger: Ledger) -> None:
    """It is too late."""
    count(ledger, PACS)
    leased = lease(ledger)
    for _ in range(2):
        assert not ledger.hold_delivery(leased.delivery_id, NOW, "anna")
        assert not ledger.drop_delivery(leased.delivery_id, NOW, "anna")
        ledger.delivered(leased, NOW)
    assert not ledger.hold_delivery(-1, NOW, "anna")
    assert not ledger.drop_delivery(-1, NOW, "anna")


def test_what_nobody_answers_for_is_sent_anew(ledger: Ledger) -> None:
    """An archive that never said that it holds the files gets all of them again, and is asked as often as at first."""
    asked(ledger)
    (delivery,) = ledger.deliveries()
    ledger.settle(delivery, Settlement(DeliveryState.UNCOMMITTED, delivery.taken, "no answer"), after(9))
    assert ledger.revive_delivery(delivery.delivery_id, after(10), "anna")
    again = lease(ledger, 10)
    assert (list(again.unsent), again.asks) == (["ann.dcm", "sr.dcm"], 0)


def test_a_dead_letter_is_revived_without_what_was_taken(ledger: Ledger) -> None:
    """Only what is missing is sent again."""
    count(ledger, PACS)
    leased = lease(ledger)
    ledger.file_taken(leased, ANN)
    ledger.bury_delivery(leased, "A900H", NOW)
    ledger.revive_delivery(leased.delivery_id, NOW)
    assert list(lease(ledger).unsent) == ["sr.dcm"]
