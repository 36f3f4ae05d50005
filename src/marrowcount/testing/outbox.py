"""The outbox in memory; a part of the ledger, with which it shares its lock and its history."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from marrowcount.ports import Circuit, Delivery, EventKind, LedgerEvent, Outbox
from marrowcount.ports.deliveries import with_taken
from marrowcount.ports.outbox import event_of_settlement
from marrowcount.slides.states import DROPPABLE, HOLDABLE, REVIVABLE, SETTLEABLE, SUPERSEDABLE, DeliveryState

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from marrowcount.ports import DeliveryOrder, Hold, ReportVersion, Settlement, TakenFile

__all__ = ["InMemoryOutbox"]

_UNSENT: Final = (DeliveryState.WAITING, DeliveryState.SENDING)


class InMemoryOutbox(Outbox):
    """Forgets everything at the end of the process; its threads may share it.

    Attributes:
        summaries: ``result.json`` of each series and revision that was counted or refused.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._deliveries: dict[int, Delivery] = {}
        self._delivery_leases: dict[int, datetime] = {}
        self._circuits: dict[str, Circuit] = {}
        self._asked: dict[str, int] = {}
        """The delivery that each commitment transaction was for."""
        self._events: list[LedgerEvent] = []
        self._versions: list[ReportVersion] = []
        self.summaries: dict[tuple[str, int], str] = {}

    def lease_delivery(
        self,
        sender: str,  # noqa: ARG002 - the port's
        now: datetime,
        lease_s: float,
        destination: str | None = None,
    ) -> Delivery | None:
        """See the port."""
        with self._lock:
            self._supersede([each for each in self._abandoned(now) if self._is_outdated(each)], now)
            due = [each for each in self._deliveries.values() if self._is_free(each, now)]
            wanted = [each for each in due if destination in {None, each.order.destination}]
            first = next((each for each in wanted if not self._something_older_waits(each)), None)
            if first is None:
                return None
            owed_since = now if first.state is DeliveryState.HELD else first.owed_since
            leased = replace(first, state=DeliveryState.SENDING, attempts=first.attempts + 1, owed_since=owed_since)
            self._deliveries[leased.delivery_id] = leased
            self._delivery_leases[leased.delivery_id] = now + timedelta(seconds=lease_s)
            return leased

    def extend_delivery(self, delivery: Delivery, now: datetime, lease_s: float) -> bool:
        """See the port."""
        with self._lock:
            if not self._is_held(delivery):
                return False
            self._delivery_leases[delivery.delivery_id] = now + timedelta(seconds=lease_s)
            return True

    def file_taken(self, delivery: Delivery, taken: TakenFile) -> None:
        """See the port."""
        with self._lock:
            there = self._deliveries[delivery.delivery_id]
            self._let_go(delivery, replace(there, taken=with_taken(there.taken, taken)))

    def delivered(self, delivery: Delivery, now: datetime, commitment_uid: str = "") -> None:
        """See the port."""
        with self._lock:
            there = replace(self._deliveries[delivery.delivery_id], state=DeliveryState.DELIVERED, last_error="")
            there = replace(there, held_code="", outcome="")
            if delivery.unsent:
                there = replace(there, delivered_at=now)
            if commitment_uid:
                there = replace(there, commitment_uid=commitment_uid, asked_at=now, asks=there.asks + 1)
            if self._let_go(delivery, there):
                if commitment_uid:
                    self._asked[commitment_uid] = delivery.delivery_id
                self._note_delivery(
                    now, EventKind.DELIVERED if delivery.unsent else EventKind.COMMITMENT_ASKED, delivery
                )

    def retry_delivery(self, delivery: Delivery, error: str, not_before: datetime, now: datetime) -> None:
        """See the port."""
        with self._lock:
            there = self._deliveries[delivery.delivery_id]
            waiting = replace(there, state=DeliveryState.WAITING, next_attempt_at=not_before, last_error=error)
            if self._let_go(delivery, waiting):
                tried = f", attempt {delivery.attempts}: {error}"
                self._note_delivery(now, EventKind.DELIVERY_POSTPONED, delivery, tried)
                self._supersede([waiting] if self._is_outdated(waiting) else [], now)

    def keep_delivery(self, delivery: Delivery, hold: Hold, now: datetime) -> bool:
        """See the port."""
        with self._lock:
            there = self._deliveries[delivery.delivery_id]
            why = f"{hold.code}: {hold.why}"
            held = replace(there, state=DeliveryState.HELD, held_code=hold.code, last_error=why)
            held = replace(held, next_attempt_at=hold.again_at, attempts=delivery.attempts - 1)
            if not self._let_go(delivery, held):
                return False
            news = hold.code != delivery.held_code
            if news:
                self._note_delivery(now, EventKind.DELIVERY_HELD, delivery, f": {why}")
            self._supersede([held] if self._is_outdated(held) else [], now)
            return news

    def bury_delivery(self, delivery: Delivery, error: str, now: datetime, outcome: str = "") -> None:
        """See the port."""
        with self._lock:
            there = self._deliveries[delivery.delivery_id]
            if self._let_go(delivery, replace(there, state=DeliveryState.DEAD, last_error=error, outcome=outcome)):
                self._note_delivery(now, EventKind.DELIVERY_BURIED, delivery, f": {error}")

    def asked_by(self, commitment_uid: str) -> Delivery | None:
        """See the port."""
        with self._lock:
            return self._deliveries.get(self._asked.get(commitment_uid, 0))

    def settle(self, delivery: Delivery, settlement: Settlement, now: datetime) -> bool:
        """See the port."""
        with self._lock:
            if self._deliveries.get(delivery.delivery_id) != delivery or delivery.state not in SETTLEABLE:
                return False
            settled = replace(delivery, state=settlement.state, taken=settlement.taken)
            if settlement.state not in {DeliveryState.COMMITTED, delivery.state}:
                settled = replace(settled, last_error=settlement.why)
            if settlement.next_attempt_at is not None:
                settled = replace(settled, next_attempt_at=settlement.next_attempt_at)
            self._deliveries[delivery.delivery_id] = settled
            kind = event_of_settlement(delivery.state, settlement.state)
            self._note_delivery(now, kind, delivery, f": {settlement.why}")
            waits = settlement.state is DeliveryState.WAITING
            self._supersede([settled] if waits and self._is_outdated(settled) else [], now)
            return True

    def awaiting_commitment(self, asked_until: datetime) -> Sequence[Delivery]:
        """See the port."""
        with self._lock:
            there = [each for each in self._deliveries.values() if each.state is DeliveryState.DELIVERED]
            return [each for each in there if each.asked_at is not None and each.asked_at <= asked_until]

    def circuit(self, destination: str) -> Circuit:
        """See the port."""
        with self._lock:
            return self._circuits.get(destination, Circuit(destination))

    def circuits(self) -> Sequence[Circuit]:
        """See the port."""
        with self._lock:
            return [self._circuits[name] for name in sorted(self._circuits)]

    def switch(self, before: Circuit, after: Circuit) -> bool:
        """See the port."""
        with self._lock:
            if self.circuit(before.destination) != before:
                return False
            self._circuits[before.destination] = after
            return True

    def destinations_waiting(self) -> Sequence[str]:
        """See the port."""
        with self._lock:
            waiting = [each for each in self._deliveries.values() if each.state is DeliveryState.WAITING]
            return sorted({each.order.destination for each in waiting})

    def deliveries(self, series_uid: str | None = None) -> Sequence[Delivery]:
        """See the port."""
        with self._lock:
            return [each for each in self._deliveries.values() if series_uid in {None, each.series_uid}]

    def delivery(self, delivery_id: int) -> Delivery | None:
        """See the port."""
        with self._lock:
            return self._deliveries.get(delivery_id)

    def hold_delivery(self, delivery_id: int, now: datetime, by: str) -> bool:
        """See the port."""
        with self._lock:
            return self._put(delivery_id, HOLDABLE, DeliveryState.HELD, now, by)

    def drop_delivery(self, delivery_id: int, now: datetime, by: str) -> bool:
        """See the port."""
        with self._lock:
            return self._put(delivery_id, DROPPABLE, DeliveryState.DROPPED, now, by)

    def revive_delivery(self, delivery_id: int, now: datetime, by: str = "") -> bool:
        """See the port."""
        with self._lock:
            before = self._deliveries.get(delivery_id)
            if before is None or self._is_outdated(before):
                return False
            anew = before.state is DeliveryState.UNCOMMITTED
            if not self._put(delivery_id, REVIVABLE, DeliveryState.WAITING, now, by):
                return False
            again = replace(self._deliveries[delivery_id], owed_since=now, next_attempt_at=now, asks=0)
            self._deliveries[delivery_id] = replace(again, taken=()) if anew else again
            return True

    def _put(
        self, delivery_id: int, before: Collection[DeliveryState], after: DeliveryState, now: datetime, by: str
    ) -> bool:
        delivery = self._deliveries.get(delivery_id)
        if delivery is None or delivery.state not in before:
            return False
        if after is delivery.state is DeliveryState.HELD and not delivery.held_code:
            return False
        self._deliveries[delivery_id] = replace(delivery, state=after, held_code="")
        kinds = {DeliveryState.HELD: EventKind.DELIVERY_HELD, DeliveryState.DROPPED: EventKind.DELIVERY_DROPPED}
        self._note_delivery(now, kinds.get(after, EventKind.DELIVERY_REVIVED), delivery, f" by {by}" if by else "")
        return True

    def _note(self, at: datetime, series_uid: str, kind: EventKind, detail: str) -> None:
        self._events.append(LedgerEvent(at, series_uid, kind, detail))

    def _owe(self, report: ReportVersion, order: DeliveryOrder, now: datetime) -> None:
        number, waiting = len(self._deliveries) + 1, DeliveryState.WAITING
        self._deliveries[number] = Delivery(
            number,
            report.series_uid,
            report.revision,
            order,
            waiting,
            0,
            now,
            "",
            None,
            "",
            now,
            version=report.version,
        )

    def _supersede_before(self, series_uid: str, version: int, now: datetime) -> None:
        older = [each for each in self.deliveries(series_uid) if each.version < version]
        self._supersede([each for each in older if each.state in SUPERSEDABLE], now)

    def _abandoned(self, now: datetime) -> Sequence[Delivery]:
        sending = [each for each in self._deliveries.values() if each.state is DeliveryState.SENDING]
        return [each for each in sending if self._delivery_leases[each.delivery_id] <= now]

    def _is_free(self, delivery: Delivery, now: datetime) -> bool:
        if delivery.state is DeliveryState.SENDING:
            return self._delivery_leases[delivery.delivery_id] <= now
        to_look_at_again = delivery.state is DeliveryState.HELD and delivery.held_code
        waits = delivery.state is DeliveryState.WAITING or to_look_at_again
        return bool(waits) and delivery.next_attempt_at <= now

    def _something_older_waits(self, delivery: Delivery) -> bool:
        return any(
            each.delivery_id < delivery.delivery_id
            and each.order.destination == delivery.order.destination
            and _subject(each) == _subject(delivery)
            and (each.state in _UNSENT or _is_held_version(each, delivery))
            for each in self._deliveries.values()
        )

    def _is_outdated(self, delivery: Delivery) -> bool:
        return any(
            each.series_uid == delivery.series_uid and each.version > delivery.version and each.given_out
            for each in self._versions
        )

    def _supersede(self, outdated: Sequence[Delivery], now: datetime) -> None:
        for delivery in (each for each in outdated if each.order.skippable):
            self._deliveries[delivery.delivery_id] = replace(delivery, state=DeliveryState.SUPERSEDED)
            self._note_delivery(now, EventKind.DELIVERY_SUPERSEDED, delivery)

    def _let_go(self, leased: Delivery, changed: Delivery) -> bool:
        held = self._is_held(leased)
        if held:
            self._deliveries[leased.delivery_id] = changed
        return held

    def _is_held(self, leased: Delivery) -> bool:
        now_there = self._deliveries[leased.delivery_id]
        return now_there.state is DeliveryState.SENDING and now_there.attempts == leased.attempts

    def _note_delivery(self, at: datetime, kind: EventKind, delivery: Delivery, more: str = "") -> None:
        detail = f"revision {delivery.revision} to {delivery.order.destination}{more}"
        self._note(at, delivery.series_uid, kind, detail)


def _is_held_version(older: Delivery, delivery: Delivery) -> bool:
    held_by_node = older.state is DeliveryState.HELD and bool(older.held_code)
    return held_by_node and older.series_uid == delivery.series_uid


def _subject(delivery: Delivery) -> str:
    """What is sent about it goes out in order."""
    return delivery.order.subject or delivery.series_uid
