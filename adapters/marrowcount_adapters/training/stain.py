"""Another stain: the picture's optical density parted into its dyes, each made stronger or weaker.

Absorbance adds up over dyes (Beer-Lambert), so that a pixel's optical density is a mixture of the dyes' colours; the
mixture is solved as in Ruifrok and Johnston 2001. What is left over beside two dyes is the third, perpendicular axis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from marrowcount.ports import Picture

__all__ = ["density_of", "picture_of", "restained", "stain_change"]

DYES: Final = np.array([[0.834750, 0.513556, 0.196330], [0.092789, 0.954111, 0.283111]])
"""Optical density of red, green, blue under methylene blue and under eosin, the dyes of a Giemsa stain."""

STRENGTH: Final = 0.25
"""How far a dye's strength varies at ``amount`` 1: a factor of 0.75 to 1.25."""
HUE: Final = 0.06
"""Standard deviation of a dye's own colour at ``amount`` 1, in parts of its optical density."""
LEFT_OVER: Final = 0.10
"""How far what neither dye explains varies."""
FILM: Final = 0.02
"""Standard deviation of an even film of dye over all of the picture, in units of optical density."""

_DENSITY: Final = -np.log((np.arange(256) + 1) / 256).astype(np.float32)


def density_of(picture: Picture) -> NDArray[np.float32]:
    """Optical density of each channel, 0 for white; black has a finite one."""
    return np.asarray(cv2.LUT(picture, _DENSITY), dtype=np.float32)


def picture_of(density: NDArray[np.float32]) -> Picture:
    """The picture of an optical density, exactly that of which it is the density."""
    levels = cv2.exp(np.float32(np.log(256)) - density)
    one = np.array([1.0, 1.0, 1.0, 0.0])
    # Rounds, and keeps to 0..255.
    return np.asarray(cv2.subtract(levels, one, dtype=cv2.CV_8U), dtype=np.uint8)


def restained(picture: Picture, amount: float, rng: np.random.Generator) -> Picture:
    """The picture under another stain; unchanged at ``amount`` 0.

    Args:
        picture: (rows, columns, 3), RGB.
        amount: 0 for none, 1 for what laboratories differ by; about twice that is still marrow.
        rng: decides which.
    """
    return picture_of(cv2.transform(density_of(picture), stain_change(amount, rng)).astype(np.float32, copy=False))


def stain_change(amount: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """What becomes of an optical density, as an affine map (3, 4): unmixed, dyes scaled, mixed in their new colours."""
    mixing = np.vstack([DYES, np.cross(*DYES)])
    mixing /= np.linalg.norm(mixing, axis=1, keepdims=True)
    factors = 1 + amount * np.array([*rng.uniform(-STRENGTH, STRENGTH, 2), rng.uniform(-LEFT_OVER, LEFT_OVER)])
    other = np.maximum(0, mixing[:2] * (1 + amount * HUE * rng.standard_normal((2, 3))))
    mixed_anew = np.vstack([other, mixing[2]])
    film = amount * FILM * rng.standard_normal() * mixing[int(rng.integers(2))]
    # Densities are columns for cv2, hence the transpose.
    return np.concatenate([(np.linalg.inv(mixing) @ np.diag(factors) @ mixed_anew).T, film[:, None]], axis=1)
