"""From a tile's pixels to a network's input, the same for every runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from marrowcount.slides.tiles import TILE_PX

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["checked_tile", "halved"]


def checked_tile(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture, if it is an RGB tile of (512, 512, 3), 8 bits.

    Raises:
        ValueError: it is not; a caller's mistake, not a slide's.
    """
    if picture.shape != (TILE_PX, TILE_PX, 3) or picture.dtype != np.uint8:
        raise ValueError(f"a tile is (512, 512, 3) uint8, not {picture.shape} {picture.dtype}")
    return picture


def halved(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Half the side: the mean of each 2 x 2 pixels, rounded half up."""
    wide = picture.astype(np.uint16)
    rows = wide[0::2] + wide[1::2]
    total = rows[:, 0::2] + rows[:, 1::2]
    return ((total + 2) // 4).astype(np.uint8)
