"""The empty ground of a smear picture, and how much light things on it take away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from marrowcount.ports import Picture

__all__ = ["glass_of", "optical_density"]

NEAR_LEVELS: Final = 4
"""Of the commonest level: the camera's noise."""


def glass_of(picture: Picture) -> NDArray[np.float32]:
    """Colour of the empty ground: the commonest colour of the brightest third in green, RGB, (3,)."""
    smooth = cv2.GaussianBlur(picture, (0, 0), 1.5).reshape(-1, 3)
    green = smooth[:, 1]
    counts = np.convolve(np.bincount(green, minlength=256), np.ones(5), "same")
    counts[: int(np.percentile(green, 60))] = 0
    near = np.abs(green.astype(np.int16) - int(counts.argmax())) <= NEAR_LEVELS
    glass: NDArray[np.float32] = np.maximum(1, np.median(smooth[near], axis=0)).astype(np.float32)
    return glass


def optical_density(picture: Picture, glass: NDArray[np.float32]) -> NDArray[np.float32]:
    """Natural logarithm of the light taken away, (rows, columns, 3); 0 on empty ground."""
    density: NDArray[np.float32] = np.log(glass / np.maximum(picture.astype(np.float32), 1))
    return np.maximum(density, 0, out=density)
