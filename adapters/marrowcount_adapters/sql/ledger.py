"""The ledger's port, answered by a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from marrowcount.ports import Ledger
from marrowcount_adapters.sql import reception, work
from marrowcount_adapters.sql.deliveries import SqlOutbox
from marrowcount_adapters.sql.holdings import SqlHoldings
from marrowcount_adapters.sql.rows import event_of
from marrowcount_adapters.sql.statements import Standing
from marrowcount_adapters.sql.tables import events

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from marrowcount.ports import (
        CountedOutcome,
        Job,
        LedgerEvent,
        ReceivedInstance,
        Recording,
        RefusedOutcome,
        SlideRecord,
    )
    from marrowcount.slides.states import SlideState

__all__ = ["SqlLedger"]


class SqlLedger(SqlOutbox, SqlHoldings, Ledger):
    """A ledger in SQLite or PostgreSQL; get one by :func:`~marrowcount_adapters.sql.opening.open_ledger`.

    Each method is one transaction; all may be called from several threads and processes.
    """

    def record_instance(self, instance: ReceivedInstance) -> Recording:
        """See the port."""
        with self.writing() as connection:
            return reception.record(connection, instance)

    def instances(self, series_uid: str) -> Sequence[ReceivedInstance]:
        """See the port."""
        with self.reading() as connection:
            return reception.find_instances(connection, series_uid)

    def instance(self, sop_instance_uid: str) -> ReceivedInstance | None:
        """See the port."""
        with self.reading() as connection:
            return reception.find_instance(connection, sop_instance_uid)

    def slide(self, series_uid: str) -> SlideRecord | None:
        """See the port."""
        with self.reading() as connection:
            return reception.find_slide(connection, series_uid)

    def slides(self, *states: SlideState) -> Sequence[SlideRecord]:
        """See the port."""
        with self.reading() as connection:
            return reception.find_slides(connection, states)

    def mark_ready(
        self, series_uid: str, revision: int, evidence: str, now: datetime, *, instances: int | None = None
    ) -> bool:
        """See the port."""
        with self.writing() as connection:
            return work.mark_ready(connection, Standing(series_uid, revision, instances), evidence, now)

    def mark_incomplete(
        self, series_uid: str, revision: int, evidence: str, now: datetime, *, instances: int | None = None
    ) -> bool:
        """See the port."""
        with self.writing() as connection:
            return reception.mark_incomplete(connection, Standing(series_uid, revision, instances), evidence, now)

    def lease_job(self, worker: str, now: datetime, lease_s: float) -> Job | None:
        """See the port."""
        with self.writing() as connection:
            return work.lease(connection, worker, now, lease_s)

    def extend_lease(self, job: Job, now: datetime, lease_s: float) -> bool:
        """See the port."""
        with self.writing() as connection:
            return work.extend(connection, job, now, lease_s)

    def finish(self, job: Job, outcome: CountedOutcome, now: datetime) -> bool:
        """See the port."""
        with self.writing() as connection:
            return work.finish(connection, job, outcome, now)

    def let_go(self, job: Job, now: datetime) -> bool:
        """See the port."""
        with self.writing() as connection:
            return work.let_go(connection, job, now)

    def refuse(self, job: Job, outcome: RefusedOutcome, now: datetime) -> bool:
        """See the port."""
        with self.writing() as connection:
            return work.refuse(connection, job, outcome, now)

    def retry_job(self, job: Job, message: str, not_before: datetime, now: datetime) -> bool:
        """See the port."""
        with self.writing() as connection:
            return work.put_back(connection, job, message, not_before, now)

    def fail_job(self, job: Job, code: str, message: str, now: datetime) -> bool:
        """See the port."""
        with self.writing() as connection:
            return work.fail(connection, job, code, message, now)

    def events(self, series_uid: str) -> Sequence[LedgerEvent]:
        """See the port."""
        wanted = select(events).where(events.c.series_uid == series_uid).order_by(events.c.event_id)
        with self.reading() as connection:
            return [event_of(row) for row in connection.execute(wanted)]
