"""What a slide scanner does to what it sees: blur, grain, light, JPEG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from marrowcount.ports import Picture

__all__ = ["scanned"]

MOST_BLUR_PX: Final = 0.9
MOST_GRAIN: Final = 3.0
JPEG_QUALITY: Final = (72, 96)


def scanned(canvas: NDArray[np.float32], rng: np.random.Generator) -> Picture:
    """The canvas, (rows, columns, 3) RGB 0 to 255, as a scanner delivers it."""
    seen = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.15, MOST_BLUR_PX)) * rng.uniform(0.94, 1.05)
    grain = cv2.GaussianBlur(rng.normal(0, 1, canvas.shape).astype(np.float32), (0, 0), 0.5)
    pixels = np.clip(seen + grain * rng.uniform(0, MOST_GRAIN), 0, 255).astype(np.uint8)
    quality = int(rng.integers(*JPEG_QUALITY))
    encoded = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB), np.uint8)
