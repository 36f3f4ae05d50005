"""Slides and the annotations that refer to them, found among DICOM files in folders nested in any way."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydicom.uid import MicroscopyBulkSimpleAnnotationsStorage

from marrowcount.errors import DatasetError, InstanceError
from marrowcount_adapters.annotations.rectangles import read_rectangles
from marrowcount_adapters.wsi.header import read_facts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from marrowcount.datasets import Faults
    from marrowcount.slides.instances import InstanceFacts
    from marrowcount_adapters.annotations.rectangles import Rectangles

__all__ = ["AnnotatedSlide", "SlideFolder", "find_slides"]

DICOM_SUFFIX: Final = ".dcm"


@dataclass(frozen=True, slots=True)
class AnnotatedSlide:
    """A slide's files and the annotations that refer to them."""

    paths: tuple[Path, ...]
    annotations: tuple[Rectangles, ...]


@dataclass(frozen=True, slots=True)
class SlideFolder:
    """What a folder holds: slides with annotations, and a line each on what has no partner."""

    slides: tuple[AnnotatedSlide, ...]
    remarks: tuple[str, ...]


def find_slides(root: Path, faults: Faults) -> SlideFolder:
    """All annotated slides under a folder, in the order of their series.

    Raises:
        DatasetError: ``no-slides``: there is no slide image; where ``faults`` does not keep going also ``not-dicom``
            (a file that calls itself .dcm and is none), ``annotations-malformed``, ``annotations-unsupported``.
    """
    found = _Found()
    for path, facts in _instances(root, faults):
        if facts.sop_class_uid == MicroscopyBulkSimpleAnnotationsStorage:
            before = len(faults.found)
            with faults.noted():
                read = read_rectangles(path)
                found.annotations[read.slide_series_uid].append(read)
            if len(faults.found) > before:
                found.faulty_studies.add(facts.study_uid)
        elif facts.is_slide_image:
            found.slides[facts.series_uid].append(path)
            found.study_of[facts.series_uid] = facts.study_uid
    if not found.slides:
        raise DatasetError("no-slides", f"{root} holds no VL Whole Slide Microscopy image")
    return SlideFolder(tuple(found.paired()), tuple(found.without_partner()))


def _lists() -> defaultdict[str, list[Any]]:
    return defaultdict(list)


@dataclass(slots=True)
class _Found:
    """Files of slides by their series, annotations by the series of their slide.

    Attributes:
        faulty_studies: those of which an annotation cannot be read: a slide without one of its annotations would pass
            for one that nobody labelled, so it is left out.
    """

    slides: defaultdict[str, list[Path]] = field(default_factory=_lists)
    annotations: defaultdict[str, list[Rectangles]] = field(default_factory=_lists)
    study_of: dict[str, str] = field(default_factory=dict[str, str])
    faulty_studies: set[str] = field(default_factory=set[str])

    def paired(self) -> Iterator[AnnotatedSlide]:
        for uid in sorted({*self.slides} & {*self.annotations}):
            if self.study_of[uid] not in self.faulty_studies:
                yield AnnotatedSlide(tuple(self.slides[uid]), tuple(self.annotations[uid]))

    def without_partner(self) -> Iterator[str]:
        bare, lost = len({*self.slides} - {*self.annotations}), len({*self.annotations} - {*self.slides})
        faulty = sum(study in self.faulty_studies for study in self.study_of.values())
        if bare:
            yield f"{bare} slides have no annotations and give no pictures"
        if lost:
            yield f"{lost} slides have annotations here but no images"
        if faulty:
            yield f"{faulty} slides were left out because an annotation of their study is faulty"


def _instances(root: Path, faults: Faults) -> Iterator[tuple[Path, InstanceFacts]]:
    """Every DICOM file and what it says of itself; files that neither are DICOM nor say so are passed over."""
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        with faults.noted():
            try:
                yield path, read_facts(path)
            except InstanceError as error:
                if path.suffix.lower() == DICOM_SUFFIX:
                    raise DatasetError(error.code, f"{path.name}: {error.message}") from error
