"""What giving back asks of the outside: a queue that survives everything, and destinations that take results."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

from marrowcount.ports.records import EventKind
from marrowcount.slides.states import DeliveryState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from marrowcount.ports.circuits import Circuit
    from marrowcount.ports.deliveries import Delivery, Hold, Settlement, TakenFile

__all__ = ["Destination", "Outbox", "event_of_settlement"]

_EVENTS: Final = MappingProxyType(
    {
        DeliveryState.COMMITTED: EventKind.COMMITTED,
        DeliveryState.WAITING: EventKind.COMMITMENT_AGAIN,
        DeliveryState.UNCOMMITTED: EventKind.COMMITMENT_MISSING,
        DeliveryState.DEAD: EventKind.DELIVERY_BURIED,
    }
)


def event_of_settlement(before: DeliveryState, after: DeliveryState) -> EventKind:
    """What a slide's history is told of a settlement; one that leaves the state as it is answered for some files."""
    return EventKind.COMMITMENT_PARTIAL if after is before else _EVENTS[after]


class Outbox(Protocol):
    """What is and was owed to destinations. Each method is one transaction.

    All methods may be called from several threads and processes. Times are given by the caller, with zone.

    Raises (all methods):
        StorageError: the database failed; nothing was changed.
    """

    def lease_delivery(
        self, sender: str, now: datetime, lease_s: float, destination: str | None = None
    ) -> Delivery | None:
        """The oldest delivery that is due and whose destination has nothing older of the same subject waiting.

        What the node itself holds is due when the time to look at it again has come. Where a destination is named, of
        those to it alone: one that is slow or dead then keeps no other waiting.
        """
        ...

    def extend_delivery(self, delivery: Delivery, now: datetime, lease_s: float) -> bool:
        """Sending goes on; False where the delivery was lost to another sender."""
        ...

    def file_taken(self, delivery: Delivery, taken: TakenFile) -> None:
        """The destination has this file of a leased delivery: it is not sent again. Replaces its older entry."""
        ...

    def delivered(self, delivery: Delivery, now: datetime, commitment_uid: str = "") -> None:
        """The destination has all of it; with the Transaction UID where commitment was asked for."""
        ...

    def retry_delivery(self, delivery: Delivery, error: str, not_before: datetime, now: datetime) -> None:
        """Try again later, unless a newer result of the slide took its place."""
        ...

    def keep_delivery(self, delivery: Delivery, hold: Hold, now: datetime) -> bool:
        """Hold it without anybody's doing, to be looked at again; the attempt does not count.

        True where that is news: not where it was held for the same code last.
        """
        ...

    def bury_delivery(self, delivery: Delivery, error: str, now: datetime, outcome: str = "") -> None:
        """Refused for good or tried too often; kept as dead letter, with all that the destination said."""
        ...

    def asked_by(self, commitment_uid: str) -> Delivery | None:
        """The delivery for which commitment was asked by this transaction, also by an earlier one than its last."""
        ...

    def settle(self, delivery: Delivery, settlement: Settlement, now: datetime) -> bool:
        """Record what became of a commitment; False where the delivery has moved on since it was read.

        One that is to be sent again is superseded where a newer result took its place.
        """
        ...

    def awaiting_commitment(self, asked_until: datetime) -> Sequence[Delivery]:
        """What was delivered, asked for commitment at this time or before, and is not answered; the oldest first."""
        ...

    def circuit(self, destination: str) -> Circuit:
        """How it goes with a destination, for all its senders together; a closed one where nothing is known."""
        ...

    def circuits(self) -> Sequence[Circuit]:
        """Those of which something is known, in order of their destinations' names."""
        ...

    def switch(self, before: Circuit, after: Circuit) -> bool:
        """Put a circuit in the place of the one that was read; False where another sender was faster."""
        ...

    def destinations_waiting(self) -> Sequence[str]:
        """Names of the destinations to which something waits to be sent, in order."""
        ...

    def deliveries(self, series_uid: str | None = None) -> Sequence[Delivery]:
        """What is and was owed, of one slide or of all, the oldest first."""
        ...

    def delivery(self, delivery_id: int) -> Delivery | None:
        """One of them; None where there is none."""
        ...

    def hold_delivery(self, delivery_id: int, now: datetime, by: str) -> bool:
        """Keep a waiting delivery, or one that the node holds, from being sent; ``by`` says who did so and why.

        False where it does neither.
        """
        ...

    def drop_delivery(self, delivery_id: int, now: datetime, by: str) -> bool:
        """Let go of what waits, is held or is dead; False where there is none of these."""
        ...

    def revive_delivery(self, delivery_id: int, now: datetime, by: str = "") -> bool:
        """Put what is dead, held, dropped or uncommitted back in the queue; what waits is tried at once.

        Files that the destination has are not sent again, except of what it never answered for. False where there is
        none of these, or a newer result took its place.
        """
        ...


class Destination(Protocol):
    """Takes results: a PACS or an EHR."""

    @property
    def name(self) -> str:
        """Its name in the settings."""
        ...

    def send(self, files: Sequence[Path], taken: Callable[[Path, TakenFile], None]) -> None:
        """Send all files, in this order, and tell of each one as soon as it is taken.

        Sending again what was already sent does no harm.

        Raises:
            PeerError: it could not be reached or failed; try again later.
            DeliveryHeldError: whose results these are cannot be said for now.
            DeliveryRefusedError: it refused for good.
        """
        ...

    def ask_commitment(self, instances: Sequence[TakenFile]) -> str:
        """Ask it to answer for what it took; the Transaction UID, or "" where none is to be asked of it.

        Raises:
            PeerError: it could not be reached or failed; try again later.
        """
        ...

    def check(self) -> str:
        """Ask whether it answers (C-ECHO, metadata); what it said, in a few words.

        Raises:
            PeerError: it does not.
        """
        ...
