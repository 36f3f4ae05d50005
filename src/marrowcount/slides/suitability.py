"""A cheap look at the overview: which tiles are worth the ROI model's while.

Clearly empty glass and clearly thick ground are left out; everything else is kept, with wide margins, because what is
dropped here is never looked at again. Colours are made optical densities against the slide's own glass, so that neither
stain nor lamp decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.slides.tiles import TILE_PX, grid_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from marrowcount.slides.geometry import SizePx
    from marrowcount.slides.tiles import Tile

__all__ = ["SuitabilityLimits", "candidate_tiles", "glass_colour"]

BRIGHTEST_PERCENT: Final = 3.0
"""Glass shows somewhere on every smear: between cells, if nowhere else."""

UNSCANNED: Final = 254
"""Ground without frames is shown as pure white, brighter than any glass."""

LEAST_SCANNED: Final = 0.05
"""Share of pixels below pure white that is enough to judge the glass by."""


@dataclass(frozen=True, slots=True)
class SuitabilityLimits:
    """What is clearly empty and clearly thick; densities are decadic, the mean of the three colours.

    Attributes:
        covered_density: density from which a pixel is not glass; a red cell has some 0.1.
        least_covered: share of a tile that must not be glass; one nucleated cell covers 0.01.
        thick_density: a tile of which one half is denser is thick ground, cells upon cells. Real fields cut closely
            around nucleated cells of marrow, and so more crowded than any tile, have a median of 0.10, 19 of 22 under
            this; fields of blood 0.05, all under it.
    """

    covered_density: float = 0.05
    least_covered: float = 0.02
    thick_density: float = 0.22


def candidate_tiles(
    overview: NDArray[np.uint8], scale: float, size: SizePx, limits: SuitabilityLimits | None = None
) -> tuple[Tile, ...]:
    """The tiles that are neither clearly empty nor clearly thick, in raster order.

    Args:
        overview: picture of the whole base level, (rows, columns, 3), RGB.
        scale: base pixels that one of its pixels spans.
        size: total pixel matrix of the base level.
        limits: where clearly begins.
    """
    chosen = limits or SuitabilityLimits()
    densities = _densities(glass_colour(overview))
    return tuple(
        tile for tile, part in _parts(overview, scale, size) if _is_candidate(_density(part, densities), chosen)
    )


def glass_colour(overview: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The colour of bare glass, (3,): the median of the brightest pixels that were scanned."""
    pixels = overview.reshape(-1, 3)
    scanned = pixels[pixels.min(axis=1) < UNSCANNED]
    if len(scanned) < LEAST_SCANNED * len(pixels):
        scanned = pixels
    brightness = scanned.sum(axis=1, dtype=np.int32)
    brightest = scanned[brightness >= np.percentile(brightness, 100 - BRIGHTEST_PERCENT)]
    return np.asarray(np.median(brightest, axis=0), np.float64)


def _densities(glass: NDArray[np.float64]) -> NDArray[np.float32]:
    """Optical density of every grey level in each colour against the glass, (3, 256)."""
    levels = np.arange(256)
    return np.asarray(np.maximum(0, -np.log10((levels + 1) / (glass[:, None] + 1))), np.float32)


def _density(part: NDArray[np.uint8], densities: NDArray[np.float32]) -> NDArray[np.float32]:
    red, green, blue = (densities[colour][part[..., colour]] for colour in range(3))
    return np.asarray((red + green + blue) / 3, np.float32)


def _is_candidate(density: NDArray[np.float32], limits: SuitabilityLimits) -> bool:
    covered = np.count_nonzero(density > limits.covered_density)
    thick = np.count_nonzero(density > limits.thick_density)
    return bool(covered >= limits.least_covered * density.size and thick * 2 <= density.size)


def _parts(overview: NDArray[np.uint8], scale: float, size: SizePx) -> Iterator[tuple[Tile, NDArray[np.uint8]]]:
    for tile in grid_of(size):
        rows = _span(tile.top, scale, overview.shape[0])
        columns = _span(tile.left, scale, overview.shape[1])
        yield tile, overview[rows, columns]


def _span(start: int, scale: float, length: int) -> slice:
    """The overview's pixels that a tile from there touches; at least one."""
    first = min(math.floor(start / scale), length - 1)
    last = min(math.ceil((start + TILE_PX) / scale), length)
    return slice(first, max(last, first + 1))
