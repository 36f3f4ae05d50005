"""The pictures that go with a result: cells for the gallery, and the slide made small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.errors import SlideError
from marrowcount.slides.gallery import choose_cells
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount.slides.tiles import TILE_PX, Tile

if TYPE_CHECKING:
    from marrowcount.ports import Picture, Slide
    from marrowcount.result import CountResult
    from marrowcount.slides.detections import Detection
    from marrowcount.slides.gallery import GalleryCell

__all__ = ["CellPicture", "Illustrations", "Thumbnail", "illustrate", "thumbnail_of"]

THUMBNAIL_PX: Final = 1600
"""Longer side of the thumbnail at most; a 512 px tile then spans 4 px on the largest slides."""

GLASS: Final = 255
"""What is shown of the ground beyond the slide's edge."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """The whole slide, small.

    Attributes:
        picture: (rows, columns, 3), RGB.
        scale: pixels of the base level that one of its pixels spans.
    """

    picture: Picture
    scale: float


@dataclass(frozen=True, slots=True)
class CellPicture:
    """A cell of the gallery with the pixels of its field, (side, side, 3)."""

    cell: GalleryCell
    picture: Picture


@dataclass(frozen=True, slots=True)
class Illustrations:
    """The pictures of a result.

    Attributes:
        cells: in the order of the classes, each from the most to the least certain.
        thumbnail: None where there is none.
    """

    cells: tuple[CellPicture, ...]
    thumbnail: Thumbnail | None


def thumbnail_of(overview: Picture, scale: float) -> Thumbnail:
    """An overview reduced by a whole factor, each pixel the mean of factor x factor; the rest at the edge is left out.

    Args:
        overview: (rows, columns, 3), RGB.
        scale: pixels of the base level that one of its pixels spans.
    """
    factor = -(-max(overview.shape[:2]) // THUMBNAIL_PX)
    rows, columns = (max(1, side // factor) for side in overview.shape[:2])
    if factor == 1:
        return Thumbnail(overview.copy(), scale)  # a view would keep a larger picture alive
    blocks = overview[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor, -1)
    means = blocks.mean(axis=(1, 3), dtype=np.float32)
    return Thumbnail(np.rint(means).astype(np.uint8), scale * factor)


def illustrate(slide: Slide, result: CountResult, thumbnail: Thumbnail | None) -> Illustrations:
    """Read the gallery's cells: at most some hundred small pictures, a few megabytes.

    Args:
        slide: still open.
        result: of that slide.
        thumbnail: made of its overview.
    """
    chosen = choose_cells(result.detections, result.spacing)
    by_place = sorted(chosen, key=lambda cell: (cell.field.top, cell.field.left))  # frames are decoded once
    pictures = {cell: _read(slide, cell) for cell in by_place}
    return Illustrations(tuple(CellPicture(cell, pictures[cell]) for cell in chosen), thumbnail)


def _read(slide: Slide, cell: GalleryCell) -> Picture:
    """The cell's field; where a neighbour of its tile is damaged, the part on its tile, which was read before."""
    whole = cell.field.clipped(slide.size)
    for area in (whole, _on_tile(whole, cell.detection)):
        try:
            return _padded(slide, cell.field, area)
        except SlideError:  # a picture that cannot be shown is no reason to refuse a slide that was counted
            continue
    return _glass(cell.field)


def _on_tile(area: PixelBox, detection: Detection) -> PixelBox:
    x, y = detection.box.centre
    tile = Tile(int(y) // TILE_PX, int(x) // TILE_PX).box
    return PixelBox(
        max(area.left, tile.left),
        max(area.top, tile.top),
        min(area.right, tile.right),
        min(area.bottom, tile.bottom),
    )


def _padded(slide: Slide, field: PixelBox, area: PixelBox) -> Picture:
    """The field, of which only that area is read; the rest is white."""
    picture = _glass(field)
    left, top, size = int(area.left), int(area.top), SizePx(int(area.width), int(area.height))
    if size.width > 0 and size.height > 0:
        rows, columns = slice(top - int(field.top), None), slice(left - int(field.left), None)
        picture[rows, columns][: size.height, : size.width] = slide.read_area(left, top, size)
    return picture


def _glass(field: PixelBox) -> Picture:
    return np.full((int(field.height), int(field.width), 3), GLASS, np.uint8)
