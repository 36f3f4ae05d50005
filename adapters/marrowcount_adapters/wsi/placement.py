"""Where the base level says it lies on the glass."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from marrowcount.slides.placement import Direction, Placement

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from marrowcount.slides.geometry import SpacingMm

__all__ = ["placement_of"]

COSINES: Final = 6
TOLERANCE: Final = 1e-3
"""Of lengths and right angles; orientations are written with four decimals and more."""


def placement_of(header: Dataset, spacing: SpacingMm) -> Placement | None:
    """The level's placement; None where the header gives none, or one that no flat slide can have.

    Raises:
        ValueError, TypeError: a value is none that its attribute allows (see ``sound_values``).
    """
    cosines = [float(value) for value in header.get("ImageOrientationSlide") or ()]
    origin = next(iter(header.get("TotalPixelMatrixOriginSequence") or ()), None)
    if origin is None or len(cosines) != COSINES:
        return None
    x_mm, y_mm = origin.get("XOffsetInSlideCoordinateSystem"), origin.get("YOffsetInSlideCoordinateSystem")
    along_row, along_column = _direction(cosines[:3]), _direction(cosines[3:])
    if x_mm is None or y_mm is None or not _is_flat(along_row, along_column):
        return None
    return Placement(float(x_mm), float(y_mm), along_row, along_column, spacing)


def _direction(cosines: list[float]) -> Direction:
    x, y, z = cosines
    return x, y, z


def _is_flat(along_row: Direction, along_column: Direction) -> bool:
    (row_x, row_y, row_z), (column_x, column_y, column_z) = along_row, along_column
    return (
        abs(math.hypot(row_x, row_y) - 1) < TOLERANCE
        and abs(math.hypot(column_x, column_y) - 1) < TOLERANCE
        and abs(row_x * column_x + row_y * column_y) < TOLERANCE
        and max(abs(row_z), abs(column_z)) < TOLERANCE
    )
