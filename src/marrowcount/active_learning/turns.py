"""A picture seen from several sides, and the boxes found there brought back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from marrowcount.slides.geometry import PixelBox

if TYPE_CHECKING:
    from marrowcount.ports import Picture
    from marrowcount.slides.geometry import SizePx

__all__ = ["MOST_VIEWS", "TURNS", "brought_back", "turned"]

TRANSPOSED: Final = 1
MIRRORED: Final = 2
UPSIDE_DOWN: Final = 4

TURNS: Final = (0, MIRRORED | UPSIDE_DOWN, TRANSPOSED | MIRRORED, MIRRORED)
"""In the order in which they are used: as it is, turned by a half, by a quarter, mirrored. A cell has no upright."""

MOST_VIEWS: Final = len(TURNS)
"""More views cost as much again and tell little more."""


def turned(picture: Picture, turn: int) -> Picture:
    """The picture, (rows, columns, 3), transposed (1), then mirrored (2), then upside down (4); any sum of these."""
    picture = picture.transpose(1, 0, 2) if turn & TRANSPOSED else picture
    picture = picture[:, ::-1] if turn & MIRRORED else picture
    return picture[::-1] if turn & UPSIDE_DOWN else picture


def brought_back(box: PixelBox, turn: int, size: SizePx) -> PixelBox:
    """A box of the turned picture in pixels of the picture, whose size is given."""
    width, height = (size.height, size.width) if turn & TRANSPOSED else (size.width, size.height)
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    if turn & UPSIDE_DOWN:
        top, bottom = height - bottom, height - top
    if turn & MIRRORED:
        left, right = width - right, width - left
    return PixelBox(top, left, bottom, right) if turn & TRANSPOSED else PixelBox(left, top, right, bottom)
