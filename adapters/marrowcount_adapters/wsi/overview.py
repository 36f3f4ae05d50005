"""A small picture of the whole base level, made from the pyramid level that suits, in bounded memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from marrowcount.ports import Picture
    from marrowcount.slides.geometry import SizePx
    from marrowcount_adapters.wsi.pixels import LevelPixels
    from marrowcount_adapters.wsi.series import Level

__all__ = ["OverviewPlan", "overview_plan", "reduced"]

WANTED_SCALE: Final = 16.0
"""A 512 px tile spans 32 px, a marrow cell three."""
MINIMUM_SCALE: Final = 8.0
MAXIMUM_SCALE: Final = 33.0
"""32 with room for pyramids whose levels are rounded."""
MAXIMUM_PIXELS: Final = 24_000_000
"""Beyond this a coarser picture will do, as long as a tile still spans 16 px."""
MAXIMUM_DISTORTION: Final = 0.05
"""By which the scales across and down may differ in a level that shows the same ground."""
BLOCK_PX: Final = 2048
"""Side of what is read at once."""


@dataclass(frozen=True, slots=True)
class OverviewPlan:
    """Which level to read and how many of its pixels, squared, make one.

    Attributes:
        scale: base pixels that one pixel of the overview spans.
    """

    level: Level
    factor: int
    scale: float


def overview_plan(levels: Sequence[Level]) -> OverviewPlan:
    """The level nearest to the wanted scale, or the coarsest finer one, to be reduced; the base if there is no other.

    Args:
        levels: the base first.
    """
    base = levels[0]
    scales = {level: _scale(base, level) for level in levels if level is base or _shows_same_ground(base, level)}
    near = [level for level in scales if MINIMUM_SCALE <= scales[level] <= MAXIMUM_SCALE]
    finer = [level for level in scales if scales[level] < MINIMUM_SCALE]
    if near:
        chosen, factor = min(near, key=lambda level: abs(math.log(scales[level] / WANTED_SCALE))), 1
    else:
        chosen = max(finer, key=lambda level: scales[level])
        factor = round(WANTED_SCALE / scales[chosen])
    while _pixels(base.size, scales[chosen] * factor) > MAXIMUM_PIXELS and scales[chosen] * factor * 2 < MAXIMUM_SCALE:
        factor *= 2
    return OverviewPlan(chosen, factor, scales[chosen] * factor)


def reduced(pixels: LevelPixels, size: SizePx, factor: int) -> Picture:
    """The level's picture, each pixel the mean of factor x factor; what does not fill a pixel is left out.

    Args:
        pixels: the opened level.
        size: its total pixel matrix.
        factor: at least 1.
    """
    overview = np.full((max(1, size.height // factor), max(1, size.width // factor), 3), 255, np.uint8)
    side = BLOCK_PX // factor * factor
    for top, left in _corners(overview.shape[0] * factor, overview.shape[1] * factor, side):
        height = min(side, overview.shape[0] * factor - top, size.height - top)
        width = min(side, overview.shape[1] * factor - left, size.width - left)
        block = Image.fromarray(pixels.read(left, top, width, height)).reduce(factor)
        overview[top // factor : top // factor + block.height, left // factor : left // factor + block.width] = (
            np.asarray(block)
        )
    return overview


def _corners(height: int, width: int, side: int) -> Iterator[tuple[int, int]]:
    return ((top, left) for top in range(0, height, side) for left in range(0, width, side))


def _scale(base: Level, level: Level) -> float:
    return max(base.size.width / level.size.width, base.size.height / level.size.height)


def _shows_same_ground(base: Level, level: Level) -> bool:
    """Whether the level is of the base's pyramid: by its UIDs where it has them, and by its shape."""
    across, down = base.size.width / level.size.width, base.size.height / level.size.height
    return (
        abs(across - down) <= MAXIMUM_DISTORTION * max(across, down)
        and _agree(base.facts.frame_of_reference_uid, level.facts.frame_of_reference_uid)
        and _agree(base.facts.pyramid_uid, level.facts.pyramid_uid)
    )


def _agree(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


def _pixels(size: SizePx, scale: float) -> float:
    return size.width * size.height / scale**2
