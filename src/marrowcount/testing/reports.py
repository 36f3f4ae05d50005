"""The part of the ledger in memory that keeps reports."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from marrowcount.ports import EventKind, Reports, ReportVersion
from marrowcount.testing.outbox import InMemoryOutbox

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from marrowcount.ports import CountedOutcome, Delivery, DeliveryOrder, Job, RefusedOutcome, SlideRecord
    from marrowcount.review import ReportStatus

__all__ = ["InMemoryReports"]


class InMemoryReports(InMemoryOutbox, Reports):
    """Belongs to :class:`~marrowcount.testing.ledger.InMemoryLedger`, which is one."""

    _slides: dict[str, SlideRecord]

    def versions(self, series_uid: str) -> Sequence[ReportVersion]:
        """See the port."""
        with self._lock:
            return [version for version in self._versions if version.series_uid == series_uid]

    def sign(
        self, version: ReportVersion, deliveries: Sequence[DeliveryOrder], now: datetime, seen: Sequence[Delivery]
    ) -> bool:
        """See the port."""
        with self._lock:
            follows = self._latest(version.series_uid) == version.version - 1
            if not follows or self.deliveries(version.series_uid) != list(seen):
                return False
            signature = version.signature
            by = "nobody" if signature is None else f"{signature.act} by {signature.by.number}"
            said = f"version {version.version} of revision {version.revision} is {version.status}: {by}"
            self._note(now, version.series_uid, EventKind.SIGNED, said)
            self._show(version)
            self._add_version(version, deliveries, now)
            return True

    def _show(self, version: ReportVersion) -> None:
        slide = self._slides[version.series_uid]
        if slide.result_folder:
            self._slides[version.series_uid] = replace(slide, result_folder=version.folder)

    def _follows(self, job: Job, outcome: CountedOutcome | RefusedOutcome) -> bool:
        return outcome.follows in {None, self._latest(job.series_uid)}

    def _judged(self, job: Job, status: ReportStatus, outcome: CountedOutcome | RefusedOutcome, now: datetime) -> None:
        """A machine's version, and what it owes."""
        number = self._latest(job.series_uid) + 1
        self.summaries[job.series_uid, job.revision] = outcome.summary
        version = ReportVersion(
            job.series_uid, number, job.revision, status, now, outcome.result_folder, given_out=outcome.given_out
        )
        if not outcome.given_out:
            detail = f"version {number} of revision {job.revision} waits: a person answered for the report that is out"
            self._note(now, job.series_uid, EventKind.REVIEW_NEEDED, detail)
        self._add_version(version, outcome.deliveries, now)

    def _add_version(self, version: ReportVersion, orders: Sequence[DeliveryOrder], now: datetime) -> None:
        self._versions.append(version)
        if version.given_out:
            self._supersede_before(version.series_uid, version.version, now)
        for order in orders:
            self._owe(version, order, now)

    def _latest(self, series_uid: str) -> int:
        return max((version.version for version in self.versions(series_uid)), default=0)
