"""The DICOM objects of a result as a workitem's output: what they are, and where they can be had."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType] - pydicom leaves a PathLike open

from marrowcount.ports import DeliveryKind
from marrowcount.slides.states import DeliveryState
from marrowcount.workitems import InstanceReference, ReferencedSeries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from marrowcount.ports import Delivery, SlideRecord
    from marrowcount.settings import Settings

__all__ = ["ResultReferences"]

TAGS: Final = ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"]
THERE: Final = frozenset({DeliveryState.DELIVERED, DeliveryState.COMMITTED})


@dataclass(frozen=True, slots=True)
class ResultReferences:
    """Reads the result's files, and names the archives that took them."""

    settings: Settings

    def __call__(self, slide: SlideRecord, deliveries: Sequence[Delivery]) -> tuple[ReferencedSeries, ...]:
        """The series of a result; each names the archives that have it, else the node itself."""
        aes, urls = self._places(deliveries)
        folder = self.settings.results_folder / slide.result_folder
        found: dict[tuple[str, str], ReferencedSeries] = {}
        for file in sorted(folder.glob("*.dcm")):
            key, reference = _read(file)
            before = found.get(key, ReferencedSeries(*key, (), aes, tuple(f"{url}{_path(*key)}" for url in urls)))
            found[key] = replace(before, instances=(*before.instances, reference))
        return tuple(found.values())

    def _places(self, deliveries: Sequence[Delivery]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """AE titles, and DICOMweb services; the standard wants one at least (PS3.3 Table 10-3b)."""
        there = {each.order.destination: each.order.kind for each in deliveries if each.state in THERE}
        pacs = {section.name: section for section in self.settings.pacs}
        by_dimse = [name for name, kind in there.items() if kind is DeliveryKind.DICOM and name in pacs]
        aes = tuple(pacs[name].ae_title for name in by_dimse)
        return aes or (self.settings.node.ae_title,), ()


def _read(file: Path) -> tuple[tuple[str, str], InstanceReference]:
    header = dcmread(file, stop_before_pixels=True, specific_tags=list(TAGS))
    key = str(header.StudyInstanceUID), str(header.SeriesInstanceUID)
    return key, InstanceReference(str(header.SOPClassUID), str(header.SOPInstanceUID))


def _path(study_uid: str, series_uid: str) -> str:
    return f"/studies/{study_uid}/series/{series_uid}"
