"""Pictures that are no marrow smear: a ROI model that saw only marrow would accept some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from marrowcount.slides.tiles import TILE_PX

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from marrowcount.ports import Picture

__all__ = ["distractor"]

TINTED_SHARE: Final = 0.5
BARCODE_SHARE: Final = 0.4
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789-/"


def distractor(number: int, rng: np.random.Generator) -> Picture:
    """Tissue sections, noise, labels, blank and tinted ground, in turn; (512, 512, 3) each."""
    kinds = (_section, _noise, _label, _plain, _cloud)
    return kinds[number % len(kinds)](rng)


def _plain(rng: np.random.Generator) -> Picture:
    """One colour, with a little grain."""
    grey, tinted = np.full(3, rng.choice([0.0, 128.0, 240.0, 255.0])), rng.uniform(0, 255, 3)
    colour = tinted if rng.random() < TINTED_SHARE else grey
    return _clipped(colour + rng.normal(0, rng.uniform(0, 4), (TILE_PX, TILE_PX, 3)))


def _noise(rng: np.random.Generator) -> Picture:
    """White noise, coarse or fine, grey or coloured."""
    side = int(rng.choice([512, 256, 64, 16]))
    small = rng.uniform(0, 255, (side, side, int(rng.choice([1, 3]))))
    return _clipped(np.broadcast_to(_enlarged(small), (TILE_PX, TILE_PX, 3)))


def _cloud(rng: np.random.Generator) -> Picture:
    """Smooth changes of colour: stain precipitate, shadows, background."""
    return _clipped(_field(rng, int(rng.integers(2, 12)), 3) * rng.uniform(20, 90) + rng.uniform(80, 240, 3))


def _label(rng: np.random.Generator) -> Picture:
    """Print on paper: rows of letters, or bars."""
    picture = _clipped(np.full((TILE_PX, TILE_PX, 3), rng.uniform(190, 255)))
    ink = tuple(int(v) for v in rng.uniform(0, 90, 3))
    if rng.random() < BARCODE_SHARE:
        for x in range(0, TILE_PX, int(rng.integers(6, 30))):
            cv2.rectangle(picture, (x, 0), (x + int(rng.integers(2, 14)), TILE_PX), ink, -1)
        return picture
    scale = float(rng.uniform(0.6, 4))
    for y in range(0, TILE_PX + 40, int(30 * scale) + 10):
        text = "".join(rng.choice(list(_LETTERS), 40))
        cv2.putText(picture, text, (-10, y), cv2.FONT_HERSHEY_SIMPLEX, scale, ink, max(1, int(2 * scale)))
    return picture


def _section(rng: np.random.Generator) -> Picture:
    """A haematoxylin and eosin section: pink fibres, crowded small violet nuclei, white gaps."""
    pink, white = rng.uniform([200, 120, 160], [240, 180, 210]), np.array([240.0, 238, 240])
    fibres = _field(rng, int(rng.integers(8, 40)), 1) * 18 + _field(rng, 3, 1) * 10
    gaps = _field(rng, int(rng.integers(3, 14)), 1) > rng.uniform(0.8, 2.5)
    picture = np.ascontiguousarray(_clipped(np.where(gaps, white, pink + fibres)))
    nucleus = rng.uniform([70, 40, 110], [130, 90, 170])
    radius = float(rng.uniform(5, 16))
    for _ in range(int(rng.integers(60, 600))):
        middle = (int(rng.integers(TILE_PX)), int(rng.integers(TILE_PX)))
        axes = (int(radius * rng.uniform(0.7, 1.3)), int(radius * rng.uniform(0.4, 1.1)))
        shade = tuple(int(v) for v in np.clip(nucleus + rng.normal(0, 14), 0, 255))
        cv2.ellipse(picture, middle, axes, float(rng.uniform(0, 180)), 0, 360, shade, -1)
    return _clipped(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.6, 2))) + rng.normal(0, 5, picture.shape))


def _field(rng: np.random.Generator, nodes: int, channels: int) -> NDArray[np.float64]:
    """A smooth random field of unit standard deviation, (512, 512, channels)."""
    field = _enlarged(rng.standard_normal((nodes, nodes, channels)))
    return field / max(1e-6, float(field.std()))


def _enlarged(small: NDArray[np.float64]) -> NDArray[np.float64]:
    large = np.asarray(cv2.resize(small, (TILE_PX, TILE_PX), interpolation=cv2.INTER_CUBIC), dtype=np.float64)
    return large.reshape(TILE_PX, TILE_PX, -1)


def _clipped(picture: NDArray[np.float64]) -> Picture:
    return np.clip(picture, 0, 255).astype(np.uint8)
