"""The levels of a slide, filled from above row by row of tiles while nothing but bands stays in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import simplejpeg
from PIL import Image

from marrowcount.slides.tiles import TILE_PX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from marrowcount.ports import Picture
    from marrowcount.slides.geometry import SizePx
    from marrowcount_adapters.wsm_writer.frames import FrameFile

__all__ = ["FACTOR", "Level", "PreparedTile", "compressed", "prepared"]

FACTOR: Final = 4
"""Each level is smaller than the one above by this."""

QUALITY: Final = 85
WHITE: Final = 255
QUARTER_PX: Final = TILE_PX // FACTOR


@dataclass(frozen=True, slots=True)
class PreparedTile:
    """A tile ready for its level and the one below: JPEG, and the picture made small, (128, 128, 3)."""

    jpeg: bytes
    small: Picture


def compressed(picture: Picture) -> bytes:
    """JPEG baseline, YCbCr 4:2:2, which DICOM calls YBR_FULL_422 (PS3.5 8.2.1)."""
    return bytes(
        simplejpeg.encode_jpeg(
            np.ascontiguousarray(picture), quality=QUALITY, colorspace="RGB", colorsubsampling="422", fastdct=False
        )
    )


def prepared(picture: Picture, row: int, column: int, matrix: SizePx) -> PreparedTile:
    """Compress a tile of a level and make it small; what lies beyond the matrix becomes white."""
    width, height = matrix.width - column * TILE_PX, matrix.height - row * TILE_PX
    if width < TILE_PX or height < TILE_PX:
        picture = picture.copy()
        picture[max(0, height) :] = WHITE
        picture[:, max(0, width) :] = WHITE
    return PreparedTile(compressed(picture), np.asarray(Image.fromarray(picture).reduce(FACTOR)))


class Level:
    """One level being written.

    Args:
        matrix: its total pixel matrix.
        file: takes its frames.
        below: the next smaller level, None for the last.
    """

    def __init__(self, matrix: SizePx, file: FrameFile, below: Level | None) -> None:
        self.matrix = matrix
        self.rows = -(-matrix.height // TILE_PX)
        self.columns = -(-matrix.width // TILE_PX)
        self._file = file
        self._below = below
        self._row = 0
        small_columns = -(-self.columns // FACTOR) * TILE_PX
        self._band = np.full((TILE_PX, small_columns, 3), WHITE, np.uint8)

    def add_row(self, tiles: Iterable[PreparedTile]) -> None:
        """Write the next row of tiles and hand it on below once four rows are there or the level is complete."""
        top = self._row % FACTOR * QUARTER_PX
        for column, tile in enumerate(tiles):
            self._file.append(tile.jpeg)
            self._band[top : top + QUARTER_PX, column * QUARTER_PX : (column + 1) * QUARTER_PX] = tile.small
        self._row += 1
        if self._below is not None and (self._row % FACTOR == 0 or self._row == self.rows):
            self._below.add_row(self._tiles_below(self._below))
            self._band[...] = WHITE

    def _tiles_below(self, below: Level) -> Iterator[PreparedTile]:
        for column in range(below.columns):
            picture = self._band[:, column * TILE_PX : (column + 1) * TILE_PX]
            yield prepared(picture, below._row, column, below.matrix)

    @property
    def miniature(self) -> Picture:
        """The last level four times smaller; whole once all rows of a level of at most 2048 px are in."""
        return self._band[: -(-self.matrix.height // FACTOR), : -(-self.matrix.width // FACTOR)]
