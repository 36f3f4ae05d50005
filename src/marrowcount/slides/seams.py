"""One object on the border of two tiles is one object.

The cell model is trained to report an object on the tile that holds its centre, so most objects on a border are
reported once. Where both tiles report their part, the two boxes meet at the border: the one found first stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from marrowcount.slides.tiles import TILE_PX, Tile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from marrowcount.slides.detections import Detection
    from marrowcount.slides.geometry import PixelBox

__all__ = ["without_seam_repeats"]

TOUCH_PX: Final = 3.0
"""A box this near to a border reaches it: detectors place edges to about a pixel."""

SHARED_SIDE: Final = 0.6
"""Two boxes that meet along this share of the shorter side are parts of one object."""


def without_seam_repeats(
    tile: Tile, found: Iterable[Detection], counted: Mapping[Tile, Sequence[Detection]]
) -> tuple[Detection, ...]:
    """What was found on a tile, less the objects that an adjacent, already counted tile has reported.

    Args:
        tile: the tile.
        found: its detections, boxes in pixels of the total pixel matrix.
        counted: detections of the tiles counted so far, likewise.
    """
    neighbours = [
        detection
        for row, column in ((0, -1), (0, 1), (-1, 0), (1, 0))
        for detection in counted.get(Tile(tile.row + row, tile.column + column), ())
    ]
    return tuple(
        detection for detection in found if not any(_one_object(detection.box, other.box) for other in neighbours)
    )


def _one_object(a: PixelBox, b: PixelBox) -> bool:
    return _meet((a.left, a.right), (b.left, b.right), (a.top, a.bottom), (b.top, b.bottom)) or _meet(
        (a.top, a.bottom), (b.top, b.bottom), (a.left, a.right), (b.left, b.right)
    )


def _meet(
    a_across: tuple[float, float],
    b_across: tuple[float, float],
    a_along: tuple[float, float],
    b_along: tuple[float, float],
) -> bool:
    first, second = sorted((a_across, b_across))
    border = round(second[0] / TILE_PX) * TILE_PX
    at_border = abs(first[1] - border) <= TOUCH_PX and abs(second[0] - border) <= TOUCH_PX
    shared = min(a_along[1], b_along[1]) - max(a_along[0], b_along[0])
    shorter = min(a_along[1] - a_along[0], b_along[1] - b_along[0])
    return at_border and shared >= SHARED_SIDE * shorter
