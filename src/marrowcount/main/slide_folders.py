"""Slides and the annotations that refer to them, found among DICOM files in folders nested in any way."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydicom.uid import MicroscopyBulkSimpleAnnotationsStorage

from marrowcount.errors import DatasetError, InstanceError
from marrowcount_adapters.annotations.rectangles import read_rectangles
from marrowcount_adapters.wsi.header import read_facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
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
    slides: defaultdict[str, list[Path]] = defaultdict(list)
    annotations: defaultdict[str, list[Rectangles]] = defaultdict(list)
    for path, facts in _instances(root, faults):
        if facts.sop_class_uid == MicroscopyBulkSimpleAnnotationsStorage:
            with faults.noted():
                read = read_rectangles(path)
                annotations[read.slide_series_uid].append(read)
        elif facts.is_slide_image:
            slides[facts.series_uid].append(path)
    if not slides:
        raise DatasetError("no-slides", f"{root} holds no VL Whole Slide Microscopy image")
    paired = [AnnotatedSlide(tuple(slides[uid]), tuple(annotations[uid])) for uid in sorted({*slides} & {*annotations})]
    return SlideFolder(tuple(paired), tuple(_without_partner(slides, annotations)))


def _instances(root: Path, faults: Faults) -> Iterator[tuple[Path, InstanceFacts]]:
    """Every DICOM file and what it says of itself; files that neither are DICOM nor say so are passed over."""
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        with faults.noted():
            try:
                yield path, read_facts(path)
            except InstanceError as error:
                if path.suffix.lower() == DICOM_SUFFIX:
                    raise DatasetError(error.code, f"{path.name}: {error.message}") from error


def _without_partner(slides: Mapping[str, list[Path]], annotations: Mapping[str, list[Rectangles]]) -> Iterator[str]:
    bare, lost = len({*slides} - {*annotations}), len({*annotations} - {*slides})
    if bare:
        yield f"{bare} slides have no annotations and give no pictures"
    if lost:
        yield f"{lost} slides have annotations here but no images"
