"""Pictures brought to another resolution, with their boxes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from marrowcount.datasets.regions import scale_to
from marrowcount.errors import DatasetError
from marrowcount.slides.geometry import PixelBox, SizePx

if TYPE_CHECKING:
    from marrowcount.datasets import NamedBox, NamedExample
    from marrowcount.ports import Picture

__all__ = ["rescaled"]


def rescaled(picture: Picture, example: NamedExample, um_per_px: float) -> tuple[Picture, NamedExample]:
    """The picture, (rows, columns, 3), and what is known of it, at a resolution.

    Raises:
        DatasetError: ``resolution-unknown``: nobody knows the picture's own.
    """
    if example.um_per_px is None:
        raise DatasetError(
            "resolution-unknown",
            f"{example.name}: its resolution is unknown, so it cannot be brought to another; say it",
        )
    factor = scale_to(example.um_per_px, um_per_px)
    if factor == 1:
        return picture, example
    size = SizePx(max(1, round(example.size.width * factor)), max(1, round(example.size.height * factor)))
    kind = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    pixels = np.asarray(cv2.resize(picture, (size.width, size.height), interpolation=kind), np.uint8)
    return pixels, _scaled(example, size, um_per_px)


def _scaled(example: NamedExample, size: SizePx, um_per_px: float) -> NamedExample:
    x, y = size.width / example.size.width, size.height / example.size.height
    objects = example.objects
    boxes = None if objects is None else tuple(_scaled_box(one, x, y) for one in objects)
    return replace(example, size=size, objects=boxes, um_per_px=um_per_px)


def _scaled_box(one: NamedBox, x: float, y: float) -> NamedBox:
    box = one.box
    return replace(one, box=PixelBox(box.left * x, box.top * y, box.right * x, box.bottom * y))
