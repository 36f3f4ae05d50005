"""The grid of 512 px tiles on a slide's base level and the order in which they are read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.slides.geometry import PixelBox, SizePx

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["TILE_PX", "Tile", "grid_of", "stratified_order"]

TILE_PX: Final = 512
"""Side of an ROI tile in pixels of the base level (Tayebi 2022)."""

STRATA_PER_SIDE: Final = 4
"""The slide is read in rounds over 4 x 4 parts, so that no corner decides the count."""


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """One place of the 512 px grid: its row and column, counted from 0."""

    row: int
    column: int

    @property
    def left(self) -> int:
        """Left edge in pixels of the total pixel matrix."""
        return self.column * TILE_PX

    @property
    def top(self) -> int:
        """Top edge in pixels of the total pixel matrix."""
        return self.row * TILE_PX

    @property
    def box(self) -> PixelBox:
        """The tile's ground."""
        return PixelBox(self.left, self.top, self.left + TILE_PX, self.top + TILE_PX)


def grid_of(size: SizePx) -> tuple[Tile, ...]:
    """All tiles that lie wholly inside the total pixel matrix, in raster order."""
    return tuple(Tile(row, column) for row in range(size.height // TILE_PX) for column in range(size.width // TILE_PX))


def stratified_order(tiles: Iterable[Tile], size: SizePx, seed: str) -> tuple[Tile, ...]:
    """The tiles in a random order that visits the parts of the slide in turn.

    The order is a function of the seed (the series UID) alone, so that a repeated count reads the same tiles;
    raster order would converge on one corner (method section 5, decisions).
    """
    shuffled = sorted(tiles)
    generator = np.random.default_rng(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]))
    generator.shuffle(shuffled)
    rounds: dict[tuple[int, int], int] = {}
    keyed: list[tuple[int, int, Tile]] = []
    for place, tile in enumerate(shuffled):
        stratum = _stratum(tile, size)
        rounds[stratum] = rounds.get(stratum, 0) + 1
        keyed.append((rounds[stratum], place, tile))
    return tuple(tile for _, _, tile in sorted(keyed))


def _stratum(tile: Tile, size: SizePx) -> tuple[int, int]:
    rows, columns = max(1, size.height // TILE_PX), max(1, size.width // TILE_PX)
    return tile.row * STRATA_PER_SIDE // rows, tile.column * STRATA_PER_SIDE // columns
