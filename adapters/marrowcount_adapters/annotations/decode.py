"""Annotation instance to detections: what a viewer or a next program reads back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from highdicom.ann import AnnotationGroup, MicroscopyBulkSimpleAnnotations

from marrowcount.cytology.cell_types import CellType
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox
from marrowcount_adapters.annotations.drawing import SLIDE_EDGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from marrowcount.slides.placement import Placement

__all__ = ["decode_cells"]


def decode_cells(dataset: Dataset, placement: Placement | None = None) -> tuple[Detection, ...]:
    """The cells of an instance that :func:`~marrowcount_adapters.annotations.encode_cells` made, group by group.

    Args:
        dataset: the instance.
        placement: of the slide's base level on the glass, by which 3D coordinates are brought back to its pixels.

    Raises:
        ValueError: a group's label is none of the classes, or coordinates are 3D and no placement is given.
    """
    annotations = MicroscopyBulkSimpleAnnotations.from_dataset(dataset)
    groups = annotations.get_annotation_groups()
    if dataset.AnnotationCoordinateType == "2D":
        return tuple(found for group in groups for found in _detections(group, "2D", _box))
    if placement is None:
        raise ValueError("The annotations are in millimetres; the slide's placement is needed to tell their pixels.")
    return tuple(found for group in groups for found in _detections(group, "3D", partial(_box_on_glass, placement)))


def _detections(
    group: AnnotationGroup, coordinates: str, box_of: Callable[[NDArray[np.float32]], PixelBox]
) -> Iterator[Detection]:
    cell_type = CellType.from_label(group.label)
    _, values, _ = group.get_measurements()
    for corners, probability in zip(group.get_graphic_data(coordinates), values[:, 0], strict=True):
        yield Detection(cell_type, box_of(corners), float(probability))


def _box(corners: NDArray[np.float32]) -> PixelBox:
    places = np.where(corners == SLIDE_EDGE, np.float32(0), corners)
    left, top = places.min(axis=0).tolist()
    right, bottom = places.max(axis=0).tolist()
    return PixelBox(left, top, right, bottom)


def _box_on_glass(placement: Placement, corners: NDArray[np.float32]) -> PixelBox:
    places = [placement.to_pixels(x_mm, y_mm) for x_mm, y_mm, _ in corners.tolist()]
    across, down = [x for x, _ in places], [y for _, y in places]
    return PixelBox(min(across), min(down), max(across), max(down))
