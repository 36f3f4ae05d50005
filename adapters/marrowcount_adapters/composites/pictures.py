"""Pictures from files, brought to scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from marrowcount.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from marrowcount.ports import Picture

__all__ = ["PICTURE_SUFFIXES", "read_picture", "scaled"]

PICTURE_SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"})


def read_picture(path: Path) -> Picture:
    """The pixels, (rows, columns, 3) RGB uint8.

    Raises:
        DatasetError: ``picture-missing``, ``picture-damaged``.
    """
    try:
        encoded = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise DatasetError("picture-missing", f"{path} cannot be read: {error.strerror}") from error
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB) if encoded.size else None
    if decoded is None:
        raise DatasetError("picture-damaged", f"{path} is no readable picture; fetch it again or take it away")
    return np.asarray(decoded, np.uint8)


def scaled(picture: Picture, factor: float, down: float | None = None) -> Picture:
    """The picture enlarged by a factor; area means where it becomes smaller, so that nothing is aliased.

    Args:
        picture: (rows, columns, 3).
        factor: along a row, and down a column where nothing else is said.
        down: down a column.
    """
    rows, columns = picture.shape[:2]
    size = (max(1, round(columns * factor)), max(1, round(rows * (down or factor))))
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=way), np.uint8)
