"""Pasting a cut-out cell: turned, stained roughly as its new ground, and boxed exactly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from marrowcount.slides.geometry import PixelBox
from marrowcount_adapters.composites.windows import overlap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from marrowcount_adapters.composites.cutting import CutOut

__all__ = ["INSIDE", "Pasted", "paste", "restained", "rotated"]

INSIDE: Final = 0.5
"""Opacity from which a pixel belongs to the cell."""
NEW_LIGHT: Final = (0.8, 1.0)
"""How far the light on the cell becomes that of the new ground."""
MOST_GAIN: Final = 0.16
MOST_HUE_TURN: Final = 0.08
"""In the plane of a* and b*, radians."""


@dataclass(frozen=True, slots=True)
class Pasted:
    """What a pasting took of the canvas.

    Attributes:
        box: exact, clipped to the canvas.
        opaque: (rows, columns) of the canvas, where the cell hides what lay there.
    """

    box: PixelBox
    opaque: NDArray[np.bool_]


def rotated(cut: CutOut, degrees: float, scale: float, *, mirrored: bool) -> CutOut:
    """The cut-out turned about its middle, enlarged and perhaps mirrored, in a window that holds all of it."""
    picture, alpha = (cut.picture[:, ::-1], cut.alpha[:, ::-1]) if mirrored else (cut.picture, cut.alpha)
    rows, columns = alpha.shape
    turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), degrees, scale)
    cosine, sine = abs(turn[0, 0]), abs(turn[0, 1])
    width, height = int(columns * cosine + rows * sine) + 2, int(rows * cosine + columns * sine) + 2
    turn[:, 2] += (width - columns) / 2, (height - rows) / 2
    size = (width, height)
    filled = cv2.warpAffine(np.ascontiguousarray(picture), turn, size, borderMode=cv2.BORDER_REPLICATE)
    opacity = cv2.warpAffine(np.ascontiguousarray(alpha), turn, size)
    return replace(cut, picture=filled.astype(np.float32), alpha=opacity.astype(np.float32))


def restained(cut: CutOut, glass: NDArray[np.float32], rng: np.random.Generator) -> CutOut:
    """The cell as on ground of another colour, its contrast and hue varied: in CIELAB, about the colour of the glass.

    It takes as much of the new light as of the old; the spread varies by chance, since laboratories stain differently.
    """
    share = rng.uniform(*NEW_LIGHT)
    light = (cut.glass * (1 - share) + glass * share).astype(np.float32)
    lab, ground = _lab((cut.picture * (light / cut.glass)).astype(np.float32)), _lab(light.reshape(1, 1, 3))
    away = (lab - ground) * np.exp(rng.uniform(-MOST_GAIN, MOST_GAIN, 3)).astype(np.float32)
    angle = rng.uniform(-MOST_HUE_TURN, MOST_HUE_TURN)
    cosine, sine = np.cos(angle), np.sin(angle)
    hue = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]], np.float32)
    picture = cv2.cvtColor((ground + away @ hue.T).astype(np.float32), cv2.COLOR_LAB2RGB) * 255
    return replace(cut, picture=np.clip(picture, 0, 255), glass=light.astype(np.float32))


def _lab(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(np.clip(picture / 255, 0, 1).astype(np.float32), cv2.COLOR_RGB2LAB), np.float32)


def paste(canvas: NDArray[np.float32], cut: CutOut, left: int, top: int) -> Pasted | None:
    """Lay the cell over the canvas; None where nothing of it is on the canvas."""
    height, width = canvas.shape[:2]
    here, there = overlap((height, width), cut.alpha.shape, left, top)
    alpha = cut.alpha[there]
    if not (alpha > INSIDE).any():
        return None
    canvas[here] += (cut.picture[there] - canvas[here]) * alpha[..., None]
    opaque = np.zeros((height, width), np.bool_)
    opaque[here] = alpha > INSIDE
    y, x = np.nonzero(opaque[here])
    box = PixelBox(int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1)
    return Pasted(box.moved(here[1].start, here[0].start), opaque)
