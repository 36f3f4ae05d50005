"""Annotation instance to detections: what a viewer or a next program reads back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highdicom.ann import AnnotationGroup, MicroscopyBulkSimpleAnnotations

from marrowcount.cytology.cell_types import CellType
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

__all__ = ["decode_cells"]


def decode_cells(dataset: Dataset) -> tuple[Detection, ...]:
    """The cells of an instance that :func:`~marrowcount_adapters.annotations.encode_cells` made, group by group.

    Raises:
        ValueError: a group's label is none of the classes.
    """
    annotations = MicroscopyBulkSimpleAnnotations.from_dataset(dataset)
    return tuple(found for group in annotations.get_annotation_groups() for found in _detections(group))


def _detections(group: AnnotationGroup) -> Iterator[Detection]:
    cell_type = CellType.from_label(group.label)
    _, values, _ = group.get_measurements()
    for corners, probability in zip(group.get_graphic_data("2D"), values[:, 0], strict=True):
        yield Detection(cell_type, _box(corners), float(probability))


def _box(corners: NDArray[np.float32]) -> PixelBox:
    left, top = corners.min(axis=0).tolist()
    right, bottom = corners.max(axis=0).tolist()
    return PixelBox(left, top, right, bottom)
