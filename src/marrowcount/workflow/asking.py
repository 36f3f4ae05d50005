"""Asking an archive how many instances a slide has there, while the slide is being received."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.errors import PeerError
from marrowcount.ports import SeriesCounts
from marrowcount.slides.completeness import Basis, Completeness
from marrowcount.slides.states import SlideState

if TYPE_CHECKING:
    from datetime import datetime

    from marrowcount.ports import Archive, SlideRecord
    from marrowcount.workflow.readiness import Readiness

__all__ = ["ArchiveCounts", "Asking"]

LOG: Final = structlog.get_logger()

ASKED_FOR: Final = frozenset({Basis.QUIET, Basis.FRAMES})
"""A known gap is no question, and a list needs no count."""


class ArchiveCounts(SeriesCounts):
    """Counts what any archive lists, by C-FIND or QIDO-RS."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    @property
    def name(self) -> str:
        """The archive's name in the settings."""
        return self._archive.name

    def count(self, study_uid: str, series_uid: str) -> int | None:
        """Instances that the archive lists, and those that it counts beside (0020,1209).

        Raises:
            PeerError: it could not be reached or failed.
        """
        found = [len(s.instances) + s.unlisted for s in self._archive.list_slides(study_uid, series_uid)]
        return found[0] if found else None


class Asking:
    """Asks about each slide that is being received, until two answers in a row are the same."""

    def __init__(self, readiness: Readiness, archive: SeriesCounts, every_s: float) -> None:
        self._readiness = readiness
        self._archive = archive
        self._every_s = every_s
        self._asked: dict[str, datetime] = {}
        """When each slide was last asked about; of those alone that are being received."""

    def ask(self) -> int:
        """Ask about the slides that are due; how many answers came.

        An archive that does not answer delays nothing: what else is known decides.

        Raises:
            StorageError: the ledger failed.
        """
        receiving = self._readiness.ledger.slides(SlideState.RECEIVING)
        self._asked = {slide.series_uid: self._asked[slide.series_uid] for slide in receiving if self._known(slide)}
        due = [slide for slide in receiving if self._is_due(slide)]
        try:
            return sum(self._answered(slide) for slide in due)
        except PeerError as error:
            LOG.warning("series_count.failed", archive=self._archive.name, code=error.code, message=error.message)
            return 0

    def _known(self, slide: SlideRecord) -> bool:
        return slide.series_uid in self._asked

    def _is_due(self, slide: SlideRecord) -> bool:
        before = self._asked.get(slide.series_uid)
        if before is not None and (self._readiness.clock.now() - before).total_seconds() < self._every_s:
            return False
        found = self._readiness.assess(slide)
        return found.verdict is Completeness.WAITING and found.basis in ASKED_FOR

    def _answered(self, slide: SlideRecord) -> bool:
        self._asked[slide.series_uid] = self._readiness.clock.now()
        instances = self._archive.count(slide.study_uid, slide.series_uid)
        if instances is None:
            return False
        now = self._readiness.clock.now()
        self._readiness.expectations.note_count(slide.series_uid, self._archive.name, instances, now)
        return True
