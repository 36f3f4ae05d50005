"""What the work asks of the outside: a memory that survives everything, and destinations that take results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from marrowcount.ports.keeping import ReceivedInstance, Recording
    from marrowcount.ports.records import CountedOutcome, Delivery, Job, LedgerEvent, SlideRecord
    from marrowcount.slides.states import SlideState

__all__ = ["Destination", "Ledger"]


class Ledger(Protocol):
    """The node's memory: what it received, what it works on, what it owes. Each method is one transaction.

    All methods may be called from several threads and processes. Times are given by the caller, with zone.

    Raises (all methods):
        StorageError: the database failed; nothing was changed.
    """

    def record_instance(self, instance: ReceivedInstance) -> Recording:
        """Answer for an instance; a new one of a slide that left ``RECEIVING`` opens a new revision."""
        ...

    def instances(self, series_uid: str) -> Sequence[ReceivedInstance]:
        """The instances of a slide, in the order of receipt."""
        ...

    def instance(self, sop_instance_uid: str) -> ReceivedInstance | None:
        """One instance; None where the node does not hold it."""
        ...

    def slide(self, series_uid: str) -> SlideRecord | None:
        """One slide; None where the node does not know it."""
        ...

    def slides(self, *states: SlideState) -> Sequence[SlideRecord]:
        """Slides in these states (none given: all), the oldest first."""
        ...

    def mark_ready(self, series_uid: str, revision: int, evidence: str, now: datetime) -> bool:
        """Move a slide that is being received, incomplete or failed to ready and put the job of counting it.

        False where it has moved on meanwhile.
        """
        ...

    def mark_incomplete(self, series_uid: str, revision: int, evidence: str, now: datetime) -> bool:
        """Give up waiting for the rest of a slide; False where it has moved on meanwhile."""
        ...

    def lease_job(self, worker: str, now: datetime, lease_s: float) -> Job | None:
        """The oldest job that nobody works on (an expired lease counts as nobody); None where there is none."""
        ...

    def extend_lease(self, job: Job, now: datetime, lease_s: float) -> bool:
        """Work goes on; False where the job was lost to another worker or to a newer revision."""
        ...

    def finish(self, job: Job, outcome: CountedOutcome, now: datetime) -> bool:
        """Record the result and all that it owes in one transaction; False, and nothing recorded, where it was lost.

        Deliveries of an older revision that still wait are superseded.
        """
        ...

    def refuse(self, job: Job, code: str, message: str, now: datetime) -> bool:
        """Record that the slide cannot be counted; False where the job was lost."""
        ...

    def retry_job(self, job: Job, message: str, not_before: datetime, now: datetime) -> bool:
        """Put the job back after a passing failure; False where it was lost."""
        ...

    def fail_job(self, job: Job, code: str, message: str, now: datetime) -> bool:
        """Give the job up; a person must look."""
        ...

    def lease_delivery(self, sender: str, now: datetime, lease_s: float) -> Delivery | None:
        """The oldest delivery that is due and whose destination has nothing older of the same slide waiting."""
        ...

    def extend_delivery(self, delivery: Delivery, now: datetime, lease_s: float) -> bool:
        """Sending goes on; False where the delivery was lost to another sender."""
        ...

    def delivered(self, delivery: Delivery, now: datetime, commitment_uid: str = "") -> None:
        """The destination has it; with the transaction UID where commitment was asked for."""
        ...

    def committed(self, commitment_uid: str, now: datetime) -> bool:
        """Storage commitment was granted; False where no delivery waits for that transaction."""
        ...

    def retry_delivery(self, delivery: Delivery, error: str, not_before: datetime, now: datetime) -> None:
        """Try again later, unless a newer result of the slide took its place."""
        ...

    def bury_delivery(self, delivery: Delivery, error: str, now: datetime) -> None:
        """Refused for good or tried too often; kept as dead letter."""
        ...

    def deliveries(self, series_uid: str | None = None) -> Sequence[Delivery]:
        """What is and was owed, of one slide or of all, the oldest first."""
        ...

    def revive_delivery(self, delivery_id: int, now: datetime) -> bool:
        """Put a dead letter back in the queue; False where there is none, or a newer result took its place."""
        ...

    def events(self, series_uid: str) -> Sequence[LedgerEvent]:
        """What happened to a slide, in the order in which it happened; nothing is ever removed."""
        ...


class Destination(Protocol):
    """Takes results: a PACS or an EHR."""

    @property
    def name(self) -> str:
        """Its name in the settings."""
        ...

    def send(self, files: Sequence[Path]) -> str:
        """Send all files, in this order; the storage commitment transaction UID where one was asked for, or "".

        Sending again what was already sent does no harm.

        Raises:
            PeerError: it could not be reached or failed; try again later.
            DeliveryRefusedError: it refused for good.
        """
        ...

    def check(self) -> str:
        """Ask whether it answers (C-ECHO, metadata); what it said, in a few words.

        Raises:
            PeerError: it does not.
        """
        ...
