"""What a person makes of a report: the next version with its files, and what it owes to whom."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from marrowcount.errors import DecisionError, InstanceError, SlideError, StorageError
from marrowcount.main.destinations import orders_of_folder
from marrowcount.main.result_files import COUNT_FILE
from marrowcount.main.result_folders import writing_waits
from marrowcount.main.result_writing import write_result, write_withdrawal
from marrowcount.main.slide_images import SlideImages
from marrowcount.main.superseding import Earlier, documents_in
from marrowcount.main.taking_back import SIGNED, WITHDRAWN_BY_A_PERSON, TakingBack
from marrowcount.review import ReportStatus, amended, kept, verified, withdrawn
from marrowcount.workflow.illustrate import illustrate, thumbnail_of
from marrowcount.workflow.reviewing import next_version, report_of, until_standing
from marrowcount.workflow.withdrawing import with_notes
from marrowcount_adapters.count_file import read_count
from marrowcount_adapters.filesystem import FolderStore
from marrowcount_adapters.schedule import SystemClock
from marrowcount_adapters.sql import SqlReports, open_ledger
from marrowcount_adapters.wsi.checks import AllowedResolution
from marrowcount_adapters.wsi.header import read_header
from marrowcount_adapters.wsi.slide import open_slide

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from marrowcount.cytology.cell_types import CellType
    from marrowcount.ports import Clock, Delivery, DeliveryOrder, Ledger, Reports, ReportVersion
    from marrowcount.review import Practitioner, Report
    from marrowcount.settings import Settings

__all__ = ["Signing", "opened_signing"]

ATTEMPTS: Final = 20
"""At recording a version while results of the slide are just being sent; each takes a part of a second."""


@dataclass(frozen=True, slots=True)
class Signing:
    """Lets a person decide about the report on a slide.

    Every method raises:
        DecisionError: ``no-report``; ``overtaken``: somebody else changed the report meanwhile; ``image-lost``; or what
            the report's life forbids (:mod:`marrowcount.review.life`). Nothing was changed.
        StorageError: the ledger or a file of the count failed; nothing was changed.
    """

    settings: Settings
    ledger: Ledger
    reports: Reports
    clock: Clock
    images: Callable[[str], SlideImages]

    def verify(
        self, series_uid: str, by: Practitioner, counts: Mapping[CellType, int] | None = None, comment: str = ""
    ) -> ReportVersion:
        """Answer for a machine's count, or for one's own figures in its place."""
        return self._sign(series_uid, lambda report: verified(report, by, self.clock.now(), counts, comment))

    def amend(
        self, series_uid: str, by: Practitioner, counts: Mapping[CellType, int] | None = None, comment: str = ""
    ) -> ReportVersion:
        """Correct figures that somebody answered for, or add words."""
        return self._sign(series_uid, lambda report: amended(report, by, self.clock.now(), counts, comment))

    def withdraw(self, series_uid: str, by: Practitioner, reason: str) -> ReportVersion:
        """Say that the report should never have been; all that was given out is taken back."""
        return self._sign(series_uid, lambda report: withdrawn(report, by, self.clock.now(), reason))

    def keep(self, series_uid: str, by: Practitioner, comment: str = "") -> ReportVersion:
        """Leave the report that is out as it is, and a machine's newer count unused."""
        versions = self._versions(series_uid)
        out = until_standing(versions)
        report = kept(self.report(versions), self.report(out), by, self.clock.now(), comment)
        version = next_version(report, out[-1].revision, out[-1].folder)
        return self._recorded(version, lambda _: ())

    def report(self, versions: Sequence[ReportVersion]) -> Report:
        """The report as the last of these versions has it."""
        folder = self._first_of_count(versions).folder
        return report_of(read_count(self.settings.results_folder / folder / COUNT_FILE), versions)

    def _versions(self, series_uid: str) -> Sequence[ReportVersion]:
        versions = self.reports.versions(series_uid)
        if not versions:
            raise DecisionError("no-report", f"No slide {series_uid} was counted; `marrowcount status` lists them.")
        if not self._first_of_count(versions).folder:
            raise DecisionError("no-report", f"Slide {series_uid} was refused unread: nothing to decide about.")
        return versions

    def _first_of_count(self, versions: Sequence[ReportVersion]) -> ReportVersion:
        """The machine's version, in whose folder the count lies."""
        return next(version for version in versions if version.revision == versions[-1].revision)

    def _sign(self, series_uid: str, act: Callable[[Report], Report]) -> ReportVersion:
        versions = self._versions(series_uid)
        report = act(self.report(versions))
        place = f"{self._first_of_count(versions).folder}.{report.version}"
        images = self.images(series_uid)
        with writing_waits():
            self._write(report, place, images, until_standing(versions))
        version = next_version(report, versions[-1].revision, place)
        return self._recorded(version, lambda seen: self._owed(report, place, images, seen))

    def _recorded(
        self, version: ReportVersion, owed: Callable[[Sequence[Delivery]], Sequence[DeliveryOrder]]
    ) -> ReportVersion:
        """Record it upon what destinations have; while they are just getting something, look again."""
        for _ in range(ATTEMPTS):
            seen = self.ledger.deliveries(version.series_uid)
            orders = owed(seen)
            if self.reports.sign(version, orders, self.clock.now(), seen):
                return version
            if self.reports.versions(version.series_uid)[-1].version != version.version - 1:
                break
        raise DecisionError("overtaken", "The report, or what is sent of it, changed meanwhile; look at it again.")

    def _owed(
        self, report: Report, place: str, images: SlideImages, seen: Sequence[Delivery]
    ) -> Sequence[DeliveryOrder]:
        why = WITHDRAWN_BY_A_PERSON if report.status is ReportStatus.ENTERED_IN_ERROR else SIGNED
        taking_back = TakingBack(self.ledger, self.settings.results_folder, report.models)
        with writing_waits():
            notes = taking_back.notes_beside(place, seen, why, self.clock.now())
        return with_notes(orders_of_folder(self.settings, place, images.origin), notes)

    def _write(self, report: Report, place: str, images: SlideImages, out: Sequence[ReportVersion]) -> None:
        folder = self.settings.results_folder / place
        if report.status is ReportStatus.ENTERED_IN_ERROR:
            write_withdrawal(report, folder, self.settings)
            return
        before = Earlier(documents_in(self.settings.results_folder / out[-1].folder)) if out else Earlier()
        allowed = AllowedResolution(self.settings.count.finest_um_per_px, self.settings.count.coarsest_um_per_px)
        try:
            with open_slide(images.files, allowed) as slide:
                header = read_header(slide.base_paths[0])
                pictures = illustrate(slide, report.result, thumbnail_of(*slide.overview()))
        except (InstanceError, SlideError, StorageError, OSError) as error:
            raise DecisionError(
                "image-lost", f"The slide's images cannot be read ({error}); send them anew, or withdraw the report."
            ) from None
        write_result(report, header, folder, self.settings, illustrations=pictures, earlier=before)


@contextmanager
def opened_signing(settings: Settings) -> Generator[Signing]:
    """For a command beside the node.

    Raises:
        SettingsError: the database is not usable.
        StorageError: the database cannot be reached.
    """
    ledger, store = open_ledger(settings.database_url), FolderStore(settings.node.data_folder)

    def images(series_uid: str) -> SlideImages:
        return SlideImages(ledger, store, series_uid)

    try:
        yield Signing(settings, ledger, SqlReports(ledger), SystemClock(), images)
    finally:
        ledger.close()
