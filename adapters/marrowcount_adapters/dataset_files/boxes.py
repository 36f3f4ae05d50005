"""Boxes as label files give them: checked against their picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from marrowcount.errors import DatasetError
from marrowcount.slides.geometry import PixelBox

if TYPE_CHECKING:
    from marrowcount.slides.geometry import SizePx

__all__ = ["checked_box"]

ROUNDING_PX: Final = 1.0
"""So far beyond the edge is rounding by the labelling tool, and is cut off."""


def checked_box(sides: tuple[float, float, float, float], size: SizePx, where: str) -> PixelBox:
    """A box of left, top, right, bottom within its picture.

    Args:
        sides: in pixels of the picture.
        size: of the picture.
        where: file and line, for the message.

    Raises:
        DatasetError: ``label-malformed`` (not a number), ``box-outside``, ``box-empty``.
    """
    if not all(map(math.isfinite, sides)):
        raise DatasetError("label-malformed", f"{where}: a box needs four finite numbers, not {sides}")
    box = PixelBox(*sides)
    beyond = max(-box.left, -box.top, box.right - size.width, box.bottom - size.height)
    said = f"{box.left:.6g}, {box.top:.6g} to {box.right:.6g}, {box.bottom:.6g}"
    if beyond > ROUNDING_PX:
        raise DatasetError(
            "box-outside",
            f"{where}: the box {said} reaches {beyond:.6g} px beyond its picture of {size.width} x {size.height} px; "
            "draw it again, or look whether the label belongs to another picture",
        )
    clipped = box.clipped(size)
    if not (clipped.width > 0 and clipped.height > 0):
        raise DatasetError("box-empty", f"{where}: the box {said} has no area; draw it again")
    return clipped
