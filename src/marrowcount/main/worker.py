"""The worker process: counts slides and delivers results until it is told to stop.

It is a process of its own so that the listener stays small, and so that a crash in a decoder or a model's runtime
takes neither the listener nor an acknowledged instance with it.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.errors import SlideError, StorageError
from marrowcount.main.auditing import audit_trail
from marrowcount.main.counting import count_files
from marrowcount.main.destinations import destinations_of, orders_of_folder
from marrowcount.main.giving import Sending, asking_policy, retry_policy
from marrowcount.main.models import load_models
from marrowcount.main.result_files import RESULT_FILE
from marrowcount.main.result_folders import place_of, writing_waits
from marrowcount.main.result_writing import write_refusal
from marrowcount.main.slide_images import SlideImages
from marrowcount.main.superseding import Earlier, documents_in
from marrowcount.main.taking_back import REPLACED, WITHDRAWN, TakingBack
from marrowcount.ports import CountedOutcome, CountProgress, Progress, RefusedOutcome
from marrowcount.review import ReportStatus, Uncounted, not_counted
from marrowcount.workflow.commitment import note_report
from marrowcount.workflow.reviewing import until_standing
from marrowcount.workflow.withdrawing import with_notes
from marrowcount.workflow.work import WorkSettings, work_once
from marrowcount_adapters.filesystem import FolderStore
from marrowcount_adapters.schedule import SystemClock, ticking
from marrowcount_adapters.sql import SqlReports, SqlTasks, open_ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from marrowcount.ports import (
        CellModel,
        CommitmentReport,
        DeliveryOrder,
        InstanceStore,
        Job,
        Ledger,
        Reports,
        ReportVersion,
        RoiModel,
        TaskLedger,
    )
    from marrowcount.review import Report
    from marrowcount.settings import Settings
    from marrowcount.workflow.leases import Lease

__all__ = ["run_supervised_worker", "run_worker"]

IDLE_S: Final = 0.5
"""Between two looks for work, in seconds: short beside the minutes that a slide takes, gentle to the database."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SlideCounter:
    """Counts the slide of a job from the instances in the store into a folder of its own."""

    settings: Settings
    ledger: Ledger
    reports: Reports
    store: InstanceStore
    models: tuple[RoiModel, CellModel]
    stop: threading.Event
    tasks: TaskLedger

    def count(self, job: Job, lease: Lease) -> CountedOutcome | RefusedOutcome:
        """Count, write the files, and say what is owed; or refuse, and owe what takes an earlier result back.

        Raises:
            LeaseLostError: another worker has the job now.
            StorageError: the disk has no room, or cannot be written, at the moment.
        """
        place = place_of(job, self.settings.results_folder)
        with writing_waits():
            earlier, out = self._before(job.series_uid)
            try:
                self._counted(job, place, lease, earlier)
            except SlideError as error:
                return self._refused(error, job, place, earlier, out)
            owed = self._owed(job, place, earlier, REPLACED)
            follows, given_out = len(earlier.statuses), not earlier.decided
            return CountedOutcome(place, self._summary(place), owed, follows=follows, given_out=given_out)

    def _before(self, series_uid: str) -> tuple[Earlier, ReportVersion | None]:
        """What was given out before, and the version that is out."""
        versions = self.reports.versions(series_uid)
        out = until_standing(versions)
        last = out[-1] if out else None
        documents = documents_in(self._folder(last.folder) if last and last.folder else None)
        taken_back = self._taking_back.given_out(series_uid).taken_back()
        statuses = tuple(version.status for version in versions)
        return Earlier(documents, taken_back, statuses), last

    def _counted(self, job: Job, place: str, lease: Lease, earlier: Earlier) -> None:
        progress = LoggedProgress(job.series_uid, lease, self.stop, self.tasks, self.settings.count.stopping.cap)
        files = self._images(job.series_uid).files
        count_files(files, self._folder(place), self.settings, self.models, progress, earlier=earlier)

    def _refused(
        self, error: SlideError, job: Job, place: str, earlier: Earlier, out: ReportVersion | None
    ) -> RefusedOutcome:
        """Health records are told where they may have figures of the slide, or the site wants them to be told."""
        report = self._cancelled(error, job, earlier)
        written = (report, self.settings) if report else None
        write_refusal(error, self._folder(place), self.models, job.series_uid, written)
        told = self.settings.report.refused or (out is not None and out.status is ReportStatus.PRELIMINARY)
        owed = self._owed(job, place, earlier, f"{WITHDRAWN} ({error.code}).", messages=told)
        follows, given_out = len(earlier.statuses), not earlier.decided
        folder = place if report else ""
        return RefusedOutcome(
            error.code, error.message, self._summary(place), owed, folder, follows=follows, given_out=given_out
        )

    def _cancelled(self, error: SlideError, job: Job, earlier: Earlier) -> Report | None:
        """That the slide could not be counted; None where it cannot be told whose it is."""
        context = self._images(job.series_uid).context
        if context is None:
            return None
        identities = tuple(model.identity for model in self.models)
        uncounted = Uncounted(context, error.refusal, error.message, identities, datetime.now(UTC))
        return not_counted(uncounted, earlier.statuses)

    def _owed(
        self, job: Job, place: str, earlier: Earlier, why: str, *, messages: bool = True
    ) -> tuple[DeliveryOrder, ...]:
        """What an outcome owes, and what takes earlier ones back; nothing while a person is to decide first."""
        if earlier.decided:
            self._taking_back.settle(place)
            return ()
        orders = orders_of_folder(self.settings, place, self._images(job.series_uid).origin, messages=messages)
        return with_notes(orders, self._taking_back.notes(job, place, why, datetime.now(UTC)))

    @property
    def _taking_back(self) -> TakingBack:
        identities = tuple(model.identity for model in self.models)
        return TakingBack(self.ledger, self.settings.results_folder, identities)

    def _folder(self, place: str) -> Path:
        return self.settings.results_folder / place

    def _summary(self, place: str) -> str:
        return (self._folder(place) / RESULT_FILE).read_text(encoding="utf-8")

    def _images(self, series_uid: str) -> SlideImages:
        return SlideImages(self.ledger, self.store, series_uid)


@dataclass(slots=True)
class LoggedProgress(Progress):
    """Logs and notes how far a count has come, at every tenth tile, and stops a count whose lease is lost."""

    series_uid: str
    lease: Lease
    stop: threading.Event
    tasks: TaskLedger
    cap: int

    def tile_counted(self, tiles_looked_at: int, tiles_counted: int, cells: int, distance: float) -> None:
        """Hear of one more tile.

        Raises:
            LeaseLostError: another worker has the job now.
            SystemExit: the worker was told to stop; the slide's lease ends and it is taken up again.
        """
        self.lease.check()
        if self.stop.is_set():
            raise SystemExit
        if tiles_counted % 10 == 0:
            log.info(
                "count.progress",
                series_uid=self.series_uid,
                tiles_looked_at=tiles_looked_at,
                tiles_counted=tiles_counted,
                objects=cells,
                distance=distance,
            )
            self._note(tiles_counted, cells)

    def _note(self, tiles_counted: int, cells: int) -> None:
        """For whoever tells a worklist; a count does not fail for want of it."""
        share = min(tiles_counted / self.cap, 1.0)
        progress = CountProgress(self.series_uid, tiles_counted, cells, share, datetime.now(UTC))
        try:
            self.tasks.note_progress(progress)
        except StorageError as error:
            log.warning("count.progress_not_noted", series_uid=self.series_uid, code=error.code)


def run_supervised_worker(settings: Settings, stop: threading.Event) -> None:
    """The same, until standard input ends, too: that is how a worker hears that its node is dead."""

    def stop_at_end() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        stop.set()

    threading.Thread(target=stop_at_end, name="node-watch", daemon=True).start()
    run_worker(settings, stop)


def run_worker(settings: Settings, stop: threading.Event) -> None:
    """Count and deliver until ``stop`` is set; a slide in work is left to its lease."""
    name = f"{socket.gethostname()}:{os.getpid()}"
    ledger, clock = open_ledger(settings.database_url), SystemClock()
    store = FolderStore(settings.node.data_folder)
    asking = asking_policy(settings)

    def answered(report: CommitmentReport) -> bool:
        return note_report(ledger, clock, report, asking)

    results = settings.results_folder
    results.mkdir(parents=True, exist_ok=True)
    counter = SlideCounter(
        settings, ledger, SqlReports(ledger), store, load_models(settings.count), stop, SqlTasks(ledger)
    )
    log.info("worker.ready", name=name, models=[model.identity.name for model in counter.models])

    how = WorkSettings(lease_s=settings.count.lease_s, max_attempts=settings.count.attempts)

    def wait(seconds: float) -> None:
        if stop.wait(seconds):
            raise SystemExit

    sending = Sending(
        ledger,
        clock,
        name,
        destinations_of(settings, audit_trail(settings, clock), answered),
        results,
        retry_policy(settings),
        settings.count.lease_s,
    )
    with ticking(*sending.ticks()):
        while not stop.is_set():
            if not _worked(lambda: work_once(ledger, clock, name, counter.count, how, wait=wait)):
                stop.wait(IDLE_S)
    ledger.close()


def _worked(step: Callable[[], bool]) -> bool:
    try:
        return step()
    except StorageError as error:  # the database is away; the slide's lease ends and it is taken up again
        log.error("worker.fault", code=error.code, message=error.message)  # noqa: TRY400 - the trace is no news
        return False
