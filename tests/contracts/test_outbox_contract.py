"""What every ledger promises about what the node owes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from marrowcount.ports import Delivery, DeliveryKind, DeliveryOrder, EventKind, Settlement
from marrowcount.slides.states import DeliveryState
from owing import EHR, LEASE_S, NOW, OTHER, PACS, SLIDE, after, count, lease, states

if TYPE_CHECKING:
    from collections.abc import Callable

    from marrowcount.ports import Ledger


def test_a_result_comes_with_what_it_owes(ledger: Ledger) -> None:
    """Result and deliveries are recorded together, in the order given."""
    count(ledger, PACS, EHR)
    owed = ledger.deliveries(SLIDE)
    assert [delivery.order for delivery in owed] == [PACS, EHR]
    assert {(d.state, d.attempts, d.owed_since, d.next_attempt_at) for d in owed} == {
        (DeliveryState.WAITING, 0, NOW, NOW)
    }
    assert {(d.series_uid, d.revision, d.last_error, d.delivered_at, d.commitment_uid) for d in owed} == {
        (SLIDE, 1, "", None, "")
    }


def test_a_result_may_owe_nothing(ledger: Ledger) -> None:
    """A node without destinations counts all the same."""
    count(ledger)
    assert not ledger.deliveries()
    assert ledger.lease_delivery("sender", NOW, LEASE_S) is None


def test_deliveries_are_leased_to_one_sender_the_oldest_first(ledger: Ledger) -> None:
    """While the lease lasts nobody else sends the same."""
    count(ledger, PACS, EHR)
    first, second = lease(ledger), lease(ledger)
    assert [first.order, second.order] == [PACS, EHR]
    assert (first.state, first.attempts) == (DeliveryState.SENDING, 1)
    assert ledger.lease_delivery("other", after(LEASE_S - 1), LEASE_S) is None
    assert list(ledger.deliveries()) == [first, second]


def test_what_was_delivered_is_done(ledger: Ledger) -> None:
    """It is kept with its date and never sent again."""
    count(ledger, PACS)
    ledger.delivered(lease(ledger), after(3))
    (delivery,) = ledger.deliveries(SLIDE)
    assert (delivery.state, delivery.delivered_at) == (DeliveryState.DELIVERED, after(3))
    assert ledger.lease_delivery("sender", after(1e6), LEASE_S) is None


def test_a_dead_senders_delivery_is_taken_over(ledger: Ledger) -> None:
    """An expired lease counts as nobody's."""
    count(ledger, PACS)
    lease(ledger)
    assert lease(ledger, LEASE_S).attempts == 2


def test_a_sender_at_work_keeps_its_delivery(ledger: Ledger) -> None:
    """A lease that is extended in time lasts; a transfer may take longer than one lease."""
    count(ledger, PACS)
    delivery = lease(ledger)
    assert ledger.extend_delivery(delivery, after(LEASE_S - 1), LEASE_S)
    assert ledger.lease_delivery("other", after(2 * LEASE_S - 2), LEASE_S) is None
    assert lease(ledger, 2 * LEASE_S - 1).attempts == 2


@pytest.mark.parametrize("loss", ["taken over", "delivered"])
def test_a_lost_delivery_cannot_be_extended(ledger: Ledger, loss: str) -> None:
    """Its sender hears so."""
    count(ledger, PACS)
    late = lease(ledger)
    if loss == "taken over":
        lease(ledger, LEASE_S)
    else:
        ledger.delivered(late, NOW)
    assert not ledger.extend_delivery(late, after(LEASE_S + 1), LEASE_S)


ENDS: dict[str, Callable[[Ledger, Delivery], object]] = {
    "delivered": lambda ledger, delivery: ledger.delivered(delivery, after(90), "1.7"),
    "postponed": lambda ledger, delivery: ledger.retry_delivery(delivery, "no answer", after(95), after(90)),
    "buried": lambda ledger, delivery: ledger.bury_delivery(delivery, "refused", after(90)),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("loss", ["taken over", "delivered"])
def test_a_sender_that_lost_its_delivery_changes_nothing(ledger: Ledger, end: str, loss: str) -> None:
    """What it says afterwards is not heard."""
    count(ledger, PACS)
    late = lease(ledger)
    if loss == "taken over":
        lease(ledger, LEASE_S)
    else:
        ledger.delivered(late, NOW)
    before = ledger.deliveries(), ledger.events(SLIDE)
    ENDS[end](ledger, late)
    assert (ledger.deliveries(), ledger.events(SLIDE)) == before


def test_a_postponed_delivery_rests_until_its_time(ledger: Ledger) -> None:
    """It keeps what went wrong and since when it is owed."""
    count(ledger, PACS)
    ledger.retry_delivery(lease(ledger), "no answer", after(30), after(2))
    (delivery,) = ledger.deliveries()
    assert (delivery.state, delivery.last_error, delivery.owed_since) == (DeliveryState.WAITING, "no answer", NOW)
    assert delivery.next_attempt_at == after(30)
    assert ledger.lease_delivery("sender", after(29), LEASE_S) is None
    assert lease(ledger, 30).attempts == 2


def test_one_destination_waits_for_no_other(ledger: Ledger) -> None:
    """An EHR gets its result while the PACS is down."""
    count(ledger, PACS, EHR)
    ledger.retry_delivery(lease(ledger), "no answer", after(300), NOW)
    assert lease(ledger).order == EHR


def test_one_slide_waits_for_no_other(ledger: Ledger) -> None:
    """A slide that its destination does not take holds up no other slide."""
    count(ledger, PACS)
    count(ledger, PACS, slide=OTHER)
    ledger.retry_delivery(lease(ledger), "no answer", after(300), NOW)
    assert lease(ledger).series_uid == OTHER


def test_a_destination_gets_a_slides_deliveries_in_order(ledger: Ledger) -> None:
    """What is younger waits, while the older one rests or is being sent."""
    later = DeliveryOrder(DeliveryKind.DICOM, "pacs", ("report.dcm",))
    count(ledger, PACS, later)
    first = lease(ledger)
    assert ledger.lease_delivery("sender", NOW, LEASE_S) is None
    ledger.retry_delivery(first, "no answer", after(30), NOW)
    assert ledger.lease_delivery("sender", after(29), LEASE_S) is None
    ledger.delivered(lease(ledger, 30), after(31))
    assert lease(ledger, 31).order == later


def test_a_dead_letter_makes_way(ledger: Ledger) -> None:
    """What was refused for good is kept and does not block what comes behind it."""
    later = DeliveryOrder(DeliveryKind.DICOM, "pacs", ("report.dcm",))
    count(ledger, PACS, later)
    ledger.bury_delivery(lease(ledger), "refused", after(1))
    assert ledger.deliveries()[0].state is DeliveryState.DEAD
    assert ledger.deliveries()[0].last_error == "refused"
    assert lease(ledger, 1).order == later


def test_a_dead_letter_can_be_revived(ledger: Ledger) -> None:
    """A person puts it back; the time to give up starts anew."""
    count(ledger, PACS)
    dead = lease(ledger)
    ledger.bury_delivery(dead, "refused", after(1))
    assert ledger.revive_delivery(dead.delivery_id, after(1000))
    (delivery,) = ledger.deliveries()
    assert (delivery.state, delivery.owed_since, delivery.attempts) == (DeliveryState.WAITING, after(1000), 1)
    assert lease(ledger, 1000).attempts == 2


def test_what_is_sent_or_being_sent_is_not_revived(ledger: Ledger) -> None:
    """Nothing is sent twice by mistake."""
    count(ledger, PACS)
    sending = lease(ledger)
    assert not ledger.revive_delivery(sending.delivery_id, NOW)
    assert not ledger.revive_delivery(-1, NOW)
    ledger.delivered(sending, NOW)
    assert not ledger.revive_delivery(sending.delivery_id, NOW)


def test_what_rests_is_tried_at_once_when_a_person_says_so(ledger: Ledger) -> None:
    """Nobody waits for the pause to end who knows that the archive is back."""
    count(ledger, PACS)
    resting = lease(ledger)
    ledger.retry_delivery(resting, "no answer", after(900), NOW)
    assert ledger.revive_delivery(resting.delivery_id, after(5), "anna: it is back")
    assert lease(ledger, 5).attempts == 2


# Newer results of the same slide


def test_a_newer_result_supersedes_what_still_waits(ledger: Ledger) -> None:
    """What the destination has not seen yet, it need not see; what it has, stays on record."""
    count(ledger, PACS, EHR)
    ledger.delivered(lease(ledger), NOW)
    count(ledger, PACS, EHR, revision=2)
    assert states(ledger) == ["delivered", "superseded", "waiting", "waiting"]
    assert [lease(ledger).revision for _ in range(2)] == [2, 2]


def test_a_slide_supersedes_only_its_own(ledger: Ledger) -> None:
    """Other slides' deliveries wait on."""
    count(ledger, PACS, slide=OTHER)
    count(ledger, PACS)
    count(ledger, PACS, revision=2)
    assert states(ledger) == ["waiting", "superseded", "waiting"]


def test_what_is_being_sent_goes_before_the_newer_result(ledger: Ledger) -> None:
    """A destination never gets an older result after a newer one."""
    count(ledger, PACS)
    older = lease(ledger)
    count(ledger, PACS, revision=2)
    assert ledger.lease_delivery("sender", NOW, LEASE_S) is None
    ledger.delivered(older, NOW)
    assert lease(ledger).revision == 2
    assert states(ledger) == ["delivered", "sending"]


@pytest.mark.parametrize("way", ["postponed", "abandoned"])
def test_an_older_result_is_not_sent_again(ledger: Ledger, way: str) -> None:
    """Where sending it failed, the newer one goes instead."""
    count(ledger, PACS)
    older = lease(ledger)
    count(ledger, PACS, revision=2)
    if way == "postponed":
        ledger.retry_delivery(older, "no answer", after(1), NOW)
    assert lease(ledger, LEASE_S).revision == 2
    assert states(ledger) == ["superseded", "sending"]


def test_an_older_results_dead_letter_stays_dead(ledger: Ledger) -> None:
    """Reviving it would overwrite the newer result."""
    count(ledger, PACS)
    dead = lease(ledger)
    ledger.bury_delivery(dead, "refused", NOW)
    count(ledger, PACS, revision=2)
    assert not ledger.revive_delivery(dead.delivery_id, NOW)
    assert states(ledger) == ["dead", "waiting"]


def test_history_tells_of_deliveries(ledger: Ledger) -> None:
    """A person can read what became of what was owed."""
    count(ledger, PACS, EHR)
    first = lease(ledger)
    ledger.retry_delivery(first, "no answer", after(2), after(1))
    ledger.bury_delivery(lease(ledger, 2), "refused", after(3))
    ledger.revive_delivery(first.delivery_id, after(4))
    ledger.delivered(lease(ledger, 5), after(6), "2.25.7")
    (delivered, _) = ledger.deliveries()
    assert ledger.settle(delivered, Settlement(DeliveryState.COMMITTED, (), "2 instances"), after(7))
    count(ledger, revision=2)
    told = [event for event in ledger.events(SLIDE) if "deliver" in event.kind or event.kind is EventKind.COMMITTED]
    assert [event.kind for event in told] == [
        EventKind.DELIVERY_POSTPONED,
        EventKind.DELIVERY_BURIED,
        EventKind.DELIVERY_REVIVED,
        EventKind.DELIVERED,
        EventKind.COMMITTED,
        EventKind.DELIVERY_SUPERSEDED,
    ]
    assert "pacs" in told[0].detail
    assert "no answer" in told[0].detail
