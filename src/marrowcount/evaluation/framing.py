"""Pictures of any size as tiles, judged as the product judges a slide.

A picture is set in the middle of the smallest canvas of whole 512 px tiles that holds it; what it leaves free is filled
with its own ground colour, the median of its brightest pixels below pure white (bare glass shows between the cells of
any smear). Each tile is judged alone; an object on a border that both tiles report is one object.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import SizePx
from marrowcount.slides.seams import without_seam_repeats
from marrowcount.slides.suitability import glass_colour
from marrowcount.slides.tiles import TILE_PX, Tile, grid_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["FramedPicture"]


@dataclass(frozen=True, slots=True)
class FramedPicture:
    """A picture on a canvas of whole tiles.

    Attributes:
        canvas: (rows, columns, 3), RGB, both sides multiples of 512.
        size: of the picture.
        left: column of the canvas at which the picture begins.
        top: row of the canvas at which it begins.
    """

    canvas: NDArray[np.uint8]
    size: SizePx
    left: int
    top: int

    @classmethod
    def of(cls, picture: NDArray[np.uint8]) -> FramedPicture:
        """Set a picture, (rows, columns, 3), in its frame; one that fills whole tiles is left as it is."""
        rows, columns = picture.shape[:2]
        height, width = (-(-side // TILE_PX) * TILE_PX for side in (rows, columns))
        top, left = (height - rows) // 2, (width - columns) // 2
        canvas = picture
        if (height, width) != (rows, columns):
            canvas = np.empty((height, width, 3), np.uint8)
            canvas[:] = glass_colour(picture).round()
            canvas[top : top + rows, left : left + columns] = picture
        return cls(canvas, SizePx(columns, rows), left, top)

    @classmethod
    def inside(cls, picture: NDArray[np.uint8]) -> FramedPicture:
        """Likewise, but cut about its middle to whole tiles where it is larger than one, so that nothing is filled."""
        rows, columns = (max(side // TILE_PX * TILE_PX, min(side, TILE_PX)) for side in picture.shape[:2])
        top, left = (picture.shape[0] - rows) // 2, (picture.shape[1] - columns) // 2
        return cls.of(picture[top : top + rows, left : left + columns])

    def tiles(self) -> Iterator[tuple[Tile, NDArray[np.uint8]]]:
        """Its tiles, (512, 512, 3) each."""
        for tile in grid_of(SizePx(self.canvas.shape[1], self.canvas.shape[0])):
            yield (
                tile,
                np.ascontiguousarray(self.canvas[tile.top : tile.top + TILE_PX, tile.left : tile.left + TILE_PX]),
            )

    def merged(self, found: Mapping[Tile, Sequence[Detection]], threshold: float) -> tuple[Detection, ...]:
        """What was found on the tiles, boxes in pixels of the picture and clipped to it.

        The objects that count are merged among themselves first, as when a slide is counted, so that finds below the
        threshold, which are kept for the curves, cannot take their place.

        Args:
            found: of each tile, boxes in its pixels.
            threshold: probability from which an object counts.
        """
        counted: dict[Tile, tuple[Detection, ...]] = {}
        for tile, placed in _placed(found):
            likely = [one for one in placed if one.probability >= threshold]
            counted[tile] = without_seam_repeats(tile, likely, counted)
        for tile, placed in _placed(found):
            unlikely = [one for one in placed if one.probability < threshold]
            counted[tile] += without_seam_repeats(tile, unlikely, counted)
        inside = (self._in_picture(one) for all_of_tile in counted.values() for one in all_of_tile)
        return tuple(one for one in inside if one.box.area > 0)

    def _in_picture(self, found: Detection) -> Detection:
        box = found.box.moved(-self.left, -self.top).clipped(self.size)
        return Detection(found.cell_type, box, found.probability)


def _placed(found: Mapping[Tile, Sequence[Detection]]) -> Iterator[tuple[Tile, list[Detection]]]:
    """Boxes in pixels of the canvas."""
    for tile, detections in found.items():
        moved = (Detection(one.cell_type, one.box.moved(tile.left, tile.top), one.probability) for one in detections)
        yield tile, list(moved)
