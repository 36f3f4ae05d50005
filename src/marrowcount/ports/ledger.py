"""What the work asks of the outside: a memory that survives everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from marrowcount.ports.holdings import Holdings
from marrowcount.ports.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from marrowcount.ports.keeping import ReceivedInstance, Recording
    from marrowcount.ports.records import CountedOutcome, Job, LedgerEvent, RefusedOutcome, SlideRecord
    from marrowcount.slides.states import SlideState

__all__ = ["Ledger"]


class Ledger(Outbox, Holdings, Protocol):
    """The node's memory: what it received, what it works on, and, as an :class:`Outbox`, what it owes.

    Each method is one transaction. All may be called from several threads and processes. Times are given by the
    caller, with zone.

    Raises (all methods):
        StorageError: the database failed; nothing was changed.
    """

    def record_instance(self, instance: ReceivedInstance) -> Recording:
        """Answer for an instance; a new one of a slide that left ``RECEIVING`` opens a new revision.

        A slide that a person discarded stays discarded; its history tells of the late instance.
        """
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

    def mark_ready(
        self, series_uid: str, revision: int, evidence: str, now: datetime, *, instances: int | None = None
    ) -> bool:
        """Move a slide that is being received, incomplete or failed to ready and put the job of counting it.

        False where it has moved on meanwhile, or holds another number of instances than the evidence is about.
        """
        ...

    def mark_incomplete(
        self, series_uid: str, revision: int, evidence: str, now: datetime, *, instances: int | None = None
    ) -> bool:
        """Give up waiting for the rest of a slide; False as in :meth:`mark_ready`."""
        ...

    def lease_job(self, worker: str, now: datetime, lease_s: float) -> Job | None:
        """The oldest job that nobody works on (an expired lease counts as nobody); None where there is none."""
        ...

    def extend_lease(self, job: Job, now: datetime, lease_s: float) -> bool:
        """Work goes on; False where the job was lost to another worker or to a newer revision."""
        ...

    def finish(self, job: Job, outcome: CountedOutcome, now: datetime) -> bool:
        """Record the result and all that it owes in one transaction; False, and nothing recorded, where it was lost.

        It counts as lost, too, where the report that it ``follows`` has moved on: it is then to be made anew, on the
        end of its lease. Deliveries of an older revision that still wait are superseded, unless it is not given out.
        """
        ...

    def let_go(self, job: Job, now: datetime) -> bool:
        """Supersede the deliveries of older revisions that still wait or are held; False where the job was lost.

        What destinations then have of the slide is what the outbox says, but for deliveries that are being sent.
        """
        ...

    def refuse(self, job: Job, outcome: RefusedOutcome, now: datetime) -> bool:
        """Record that the slide cannot be counted, and all that is owed then, in one transaction.

        False, and nothing recorded, where the job was lost, or the report that it ``follows`` has moved on. Deliveries
        of an older revision that still wait are superseded, as they no longer hold, unless it is not given out.
        """
        ...

    def retry_job(self, job: Job, message: str, not_before: datetime, now: datetime) -> bool:
        """Put the job back after a passing failure; False where it was lost."""
        ...

    def fail_job(self, job: Job, code: str, message: str, now: datetime) -> bool:
        """Give the job up; a person must look."""
        ...

    def events(self, series_uid: str) -> Sequence[LedgerEvent]:
        """What happened to a slide, in the order in which it happened; nothing is ever removed."""
        ...
