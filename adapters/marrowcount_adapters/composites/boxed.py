"""Pictures with their objects, turned and enlarged together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.datasets import LabelledBox
from marrowcount.ports import Picture
from marrowcount.slides.geometry import PixelBox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["ORIENTATIONS", "Boxed", "enlarged", "oriented", "oriented_picture", "turned"]

Boxed = tuple[Picture, tuple[LabelledBox, ...]]
"""A picture and its objects in its own pixels."""

ORIENTATIONS: Final = 8
"""Quarter turns of the picture and of its mirror image."""
QUARTERS: Final = 4


def oriented_picture(picture: NDArray[np.generic], orientation: int) -> NDArray[np.generic]:
    """One of the eight orientations: from 4 on mirrored first, then turned by quarters against the clock."""
    mirrored = picture[:, ::-1] if orientation >= QUARTERS else picture
    return np.rot90(mirrored, orientation % QUARTERS)


def oriented(boxes: Sequence[PixelBox], width: float, height: float, orientation: int) -> tuple[PixelBox, ...]:
    """Where boxes lie after the picture of that size was brought into an orientation."""
    if orientation >= QUARTERS:
        boxes = [PixelBox(width - b.right, b.top, width - b.left, b.bottom) for b in boxes]
    for _ in range(orientation % QUARTERS):
        boxes = [PixelBox(b.top, width - b.right, b.bottom, width - b.left) for b in boxes]
        width, height = height, width
    return tuple(boxes)


def enlarged(box: PixelBox, x: float, y: float | None = None) -> PixelBox:
    """The box with its coordinates multiplied, by ``x`` along a row and ``y`` down a column."""
    down = x if y is None else y
    return PixelBox(box.left * x, box.top * down, box.right * x, box.bottom * down)


def turned(boxed: Boxed, orientation: int) -> Boxed:
    """Picture and objects in one of the eight orientations."""
    picture, objects = boxed
    rows, columns = picture.shape[:2]
    boxes = oriented([one.box for one in objects], columns, rows, orientation)
    seen = np.ascontiguousarray(oriented_picture(picture, orientation), np.uint8)
    return seen, tuple(replace(one, box=box) for one, box in zip(objects, boxes, strict=True))
