"""Pictures cut from a slide: which parts of a region they show, and which objects belong to each."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from marrowcount.slides.geometry import PixelBox, SizePx

if TYPE_CHECKING:
    from collections.abc import Iterable

    from marrowcount.datasets.sources import NamedBox

__all__ = ["Area", "area_of", "objects_in", "scale_to", "tiles_over"]

NEAR: Final = 0.02
"""Scanners that call themselves 0.25 um/px differ by as much."""


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of whole pixels on a slide's base level."""

    left: int
    top: int
    size: SizePx

    @property
    def box(self) -> PixelBox:
        """Its edges."""
        return PixelBox(self.left, self.top, self.left + self.size.width, self.top + self.size.height)

    def holds(self, point: tuple[float, float]) -> bool:
        """Whether a point (x, y) lies in it; of two areas that touch, one holds the point between them."""
        (x, y), box = point, self.box
        return box.left <= x < box.right and box.top <= y < box.bottom


def scale_to(um_per_px: float, wanted: float) -> float:
    """By what to multiply the sides of a picture to bring it to a resolution; exactly 1 where it nearly has it."""
    factor = um_per_px / wanted
    return 1.0 if abs(factor - 1) < NEAR else factor


def area_of(region: PixelBox, slide: SizePx) -> Area:
    """The whole pixels of a region that lie on the slide; its size may be zero."""
    box = region.clipped(slide)
    left, top = math.floor(box.left), math.floor(box.top)
    return Area(left, top, SizePx(math.ceil(box.right) - left, math.ceil(box.bottom) - top))


def tiles_over(area: Area, side_px: int) -> tuple[Area, ...]:
    """Square tiles that cover an area wholly, in raster order.

    As few as will do, evenly spread: where the area is no multiple of the side they overlap, so that no part of what
    somebody labelled is lost; an object in an overlap is then on two tiles. An area narrower than a tile gives tiles of
    its own width.
    """
    width, height = min(side_px, area.size.width), min(side_px, area.size.height)
    return tuple(
        Area(area.left + left, area.top + top, SizePx(width, height))
        for top in _starts(area.size.height, height)
        for left in _starts(area.size.width, width)
    )


def _starts(length: int, side: int) -> tuple[int, ...]:
    count = math.ceil(length / side)
    return tuple(round(place * (length - side) / (count - 1)) for place in range(count)) if count > 1 else (0,)


def objects_in(area: Area, objects: Iterable[NamedBox]) -> tuple[NamedBox, ...]:
    """The objects whose centre lies in the area, their boxes cut off at its edges, in pixels of the area."""
    inside = (one for one in objects if area.holds(one.box.centre))
    moved = (replace(one, box=one.box.moved(-area.left, -area.top).clipped(area.size)) for one in inside)
    return tuple(moved)
