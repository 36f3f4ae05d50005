"""Letting the input of a workitem come from where it says that it can be had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from marrowcount.errors import PeerError
from marrowcount.main.archives import archive_of, archive_party
from marrowcount.main.parts import audited_receiving
from marrowcount.ports import ListedInstance, ListedSeries
from marrowcount.slides.instances import WSM_SOP_CLASS_UID
from marrowcount.workflow.pull import Pulling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marrowcount.main.parts import Parts
    from marrowcount.ports import Archive
    from marrowcount.settings import ArchiveSection
    from marrowcount.workitems import ReferencedSeries

__all__ = ["InputFetching"]


@dataclass(frozen=True, slots=True)
class InputFetching:
    """Fetches from those archives in the settings that a workitem names; from others nothing is fetched.

    A workitem may name any address: only what the settings know is called, so that nobody can send the node, and its
    certificates and tokens, somewhere else.
    """

    parts: Parts

    def __call__(self, series: ReferencedSeries) -> None:
        """Let what lacks of a series come; what is held is not fetched again.

        Raises:
            PeerError: the last of the archives failed, or something did not come.
            StorageError: the node's disk or database failed.
        """
        fault: PeerError | None = None
        for section in self.parts.settings.archive:
            if _is_named(section, series):
                fault = self._fault(section, series)
                if fault is None:
                    return
        if fault is not None:
            raise fault

    def _fault(self, section: ArchiveSection, series: ReferencedSeries) -> PeerError | None:
        """What is wrong after a pull from one archive; None where all came."""
        pulling = Pulling(self.parts.ledger, self.parts.store)
        with audited_receiving(self.parts, self.parts.trail.fetching(archive_party(section))) as receiving:
            archive = archive_of(section, self.parts, receiving)
            try:
                faults = [pulling.pull(archive, slide, _unheard).fault for slide in _slides(archive, series)]
            except PeerError as error:
                return error
        return next((fault for fault in faults if fault is not None), None)


def _is_named(section: ArchiveSection, series: ReferencedSeries) -> bool:
    if section.how == "web":
        return any(url.startswith(f"{section.url.rstrip('/')}/") for url in series.retrieve_urls)
    return section.ae_title in series.retrieve_aes


def _slides(archive: Archive, series: ReferencedSeries) -> Iterator[ListedSeries]:
    """What the workitem lists; where it lists nothing, what the archive has of the series."""
    images = [one for one in series.instances if one.sop_class_uid == WSM_SOP_CLASS_UID]
    if images:
        listed = tuple(ListedInstance(one.sop_class_uid, one.sop_instance_uid) for one in images)
        yield ListedSeries(series.study_uid, series.series_uid, listed)
    else:
        yield from archive.list_slides(series.study_uid, series.series_uid)


def _unheard(_come: int, _wanted: int) -> None:
    """Nobody watches."""
