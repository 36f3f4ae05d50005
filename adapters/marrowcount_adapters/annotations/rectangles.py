"""Rectangles of annotation instances that others made: their labels and codes, and where they lie on their slide.

Read are 2D rectangles in pixels of a level's total pixel matrix (PS3.3 C.37.1.2), which is what the IDC collection
bonemarrowwsi_pediatricleukemia holds; anything else is refused by name.
"""

from __future__ import annotations

import struct
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.uid import MicroscopyBulkSimpleAnnotationsStorage

from marrowcount.errors import DatasetError
from marrowcount.slides.geometry import PixelBox
from marrowcount_adapters.annotations.inflating import read_bounded

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

__all__ = ["RectangleGroup", "Rectangles", "read_rectangles"]

CORNERS: Final = 4
PARSER_ERRORS: Final = (
    InvalidDicomError,
    BytesLengthException,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What pydicom and numpy raise on bytes that are no sound annotation."""


@dataclass(frozen=True, slots=True)
class RectangleGroup:
    """One annotation group.

    Attributes:
        label: Annotation Group Label.
        code: of the property type, as ``SCT:15622002``; empty without one.
        boxes: in pixels of the total pixel matrix of the image referred to.
    """

    label: str
    code: str
    boxes: tuple[PixelBox, ...]


@dataclass(frozen=True, slots=True)
class Rectangles:
    """One annotation instance.

    Attributes:
        description: Series Description, which tells regions, sessions and consensus apart.
        slide_series_uid: of the slide.
        image_uid: of the level whose pixels are meant.
        groups: in their order.
    """

    description: str
    slide_series_uid: str
    image_uid: str
    groups: tuple[RectangleGroup, ...]


def read_rectangles(path: Path) -> Rectangles:
    """Read an annotation instance; the messages name the file without its folders, which may name a patient.

    Raises:
        DatasetError: ``annotations-malformed``: no sound annotation instance; ``annotations-unsupported``: other than
            2D rectangles of a whole level; ``annotations-too-large``: deflated, and unfolds to more than any hold;
            ``label-unreadable``: the file cannot be read.
    """
    with _told(path):
        dataset = read_bounded(path)
        if dataset.SOPClassUID != MicroscopyBulkSimpleAnnotationsStorage:
            raise DatasetError("annotations-malformed", f"{path.name} holds no Microscopy Bulk Simple Annotations")
        if not dataset.AnnotationGroupSequence:  # Type 1: the standard knows no empty annotation
            raise DatasetError("annotations-malformed", f"{path.name} holds no annotation group; get it again")
        _require_matrix_pixels(dataset, path)
        return Rectangles(
            description=str(dataset.get("SeriesDescription") or ""),
            slide_series_uid=str(dataset.ReferencedSeriesSequence[0].SeriesInstanceUID),
            image_uid=str(dataset.ReferencedImageSequence[0].ReferencedSOPInstanceUID),
            groups=tuple(_group(item, path) for item in dataset.AnnotationGroupSequence),
        )


def _require_matrix_pixels(dataset: Dataset, path: Path) -> None:
    kind, origin = dataset.AnnotationCoordinateType, dataset.get("PixelOriginInterpretation", "VOLUME")
    if kind != "2D" or origin != "VOLUME":
        raise DatasetError(
            "annotations-unsupported",
            f"{path.name} has {kind} coordinates counted from each {origin.lower()}; read are 2D ones of a whole level",
        )


def _group(item: Dataset, path: Path) -> RectangleGroup:
    if item.GraphicType != "RECTANGLE":
        raise DatasetError(
            "annotations-unsupported", f"{path.name} holds a group of {item.GraphicType}; only RECTANGLE is read"
        )
    corners = _coordinates(item)
    if len(corners) != int(item.NumberOfAnnotations) or not np.isfinite(corners).all():
        raise DatasetError(
            "annotations-malformed",
            f"{path.name}: a group has coordinates of {len(corners)} rectangles and says "
            f"{item.NumberOfAnnotations}, or they are no numbers; get the file again",
        )
    sides: list[list[float]] = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).tolist()
    boxes = tuple(PixelBox(*of_box) for of_box in sides)
    return RectangleGroup(str(item.get("AnnotationGroupLabel") or ""), _code(item), boxes)


def _coordinates(item: Dataset) -> NDArray[np.float64]:
    """Corners, (rectangles, 4, 2): x, y."""
    if "DoublePointCoordinatesData" in item:
        flat = np.frombuffer(item.DoublePointCoordinatesData, "<f8")
    else:
        flat = np.frombuffer(item.PointCoordinatesData, "<f4")
    return flat.astype(np.float64).reshape(-1, CORNERS, 2)


def _code(item: Dataset) -> str:
    codes = item.get("AnnotationPropertyTypeCodeSequence")
    return f"{codes[0].CodingSchemeDesignator}:{codes[0].CodeValue}" if codes else ""


@contextmanager
def _told(path: Path) -> Generator[None]:
    try:
        yield
    except PARSER_ERRORS as error:
        said = f"{type(error).__name__}"  # what pydicom says may quote values
        raise DatasetError(
            "annotations-malformed", f"{path.name} is no sound annotation instance ({said}); get it again"
        ) from None
    except OSError as error:
        raise DatasetError("label-unreadable", f"{path.name} cannot be read: {error.strerror}") from None
