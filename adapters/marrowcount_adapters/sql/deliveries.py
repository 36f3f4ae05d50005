"""The outbox's port, answered by a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marrowcount.ports import Outbox
from marrowcount.slides.states import DeliveryState
from marrowcount_adapters.sql import circuits, outbox
from marrowcount_adapters.sql.database import SqlDatabase

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from marrowcount.ports import Circuit, Delivery, Hold, Settlement, TakenFile

__all__ = ["SqlOutbox"]


class SqlOutbox(SqlDatabase, Outbox):
    """What is owed; a part of the ledger. Each method is one transaction."""

    def lease_delivery(
        self, sender: str, now: datetime, lease_s: float, destination: str | None = None
    ) -> Delivery | None:
        """See the port."""
        with self.writing() as connection:
            return outbox.lease(connection, sender, now, lease_s, destination)

    def extend_delivery(self, delivery: Delivery, now: datetime, lease_s: float) -> bool:
        """See the port."""
        with self.writing() as connection:
            return outbox.extend(connection, delivery, now, lease_s)

    def file_taken(self, delivery: Delivery, taken: TakenFile) -> None:
        """See the port."""
        with self.writing() as connection:
            outbox.note_taken(connection, delivery, taken)

    def delivered(self, delivery: Delivery, now: datetime, commitment_uid: str = "") -> None:
        """See the port."""
        with self.writing() as connection:
            outbox.mark_delivered(connection, delivery, now, commitment_uid)

    def retry_delivery(self, delivery: Delivery, error: str, not_before: datetime, now: datetime) -> None:
        """See the port."""
        with self.writing() as connection:
            outbox.postpone(connection, delivery, error, not_before, now)

    def keep_delivery(self, delivery: Delivery, hold: Hold, now: datetime) -> bool:
        """See the port."""
        with self.writing() as connection:
            return outbox.keep(connection, delivery, hold, now)

    def bury_delivery(self, delivery: Delivery, error: str, now: datetime, outcome: str = "") -> None:
        """See the port."""
        with self.writing() as connection:
            outbox.bury(connection, delivery, error, now, outcome)

    def asked_by(self, commitment_uid: str) -> Delivery | None:
        """See the port."""
        with self.reading() as connection:
            return outbox.find_asked(connection, commitment_uid)

    def settle(self, delivery: Delivery, settlement: Settlement, now: datetime) -> bool:
        """See the port."""
        with self.writing() as connection:
            return outbox.settle(connection, delivery, settlement, now)

    def awaiting_commitment(self, asked_until: datetime) -> Sequence[Delivery]:
        """See the port."""
        with self.reading() as connection:
            return outbox.find_awaiting_commitment(connection, asked_until)

    def circuit(self, destination: str) -> Circuit:
        """See the port."""
        with self.reading() as connection:
            return circuits.find_one(connection, destination)

    def circuits(self) -> Sequence[Circuit]:
        """See the port."""
        with self.reading() as connection:
            return circuits.find(connection)

    def switch(self, before: Circuit, after: Circuit) -> bool:
        """See the port."""
        with self.writing() as connection:
            return circuits.switch(connection, before, after)

    def destinations_waiting(self) -> Sequence[str]:
        """See the port."""
        with self.reading() as connection:
            return outbox.find_destinations_waiting(connection)

    def deliveries(self, series_uid: str | None = None) -> Sequence[Delivery]:
        """See the port."""
        with self.reading() as connection:
            return outbox.find(connection, series_uid)

    def delivery(self, delivery_id: int) -> Delivery | None:
        """See the port."""
        with self.reading() as connection:
            return outbox.find_one(connection, delivery_id)

    def hold_delivery(self, delivery_id: int, now: datetime, by: str) -> bool:
        """See the port."""
        with self.writing() as connection:
            return outbox.put_aside(connection, delivery_id, DeliveryState.HELD, now, by)

    def drop_delivery(self, delivery_id: int, now: datetime, by: str) -> bool:
        """See the port."""
        with self.writing() as connection:
            return outbox.put_aside(connection, delivery_id, DeliveryState.DROPPED, now, by)

    def revive_delivery(self, delivery_id: int, now: datetime, by: str = "") -> bool:
        """See the port."""
        with self.writing() as connection:
            return outbox.revive(connection, delivery_id, now, by)
