"""Objects made up of what each view says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marrowcount.active_learning import SeenObject
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox

if TYPE_CHECKING:
    from marrowcount.cytology.cell_types import CellType

__all__ = ["seen"]


def seen(*views: tuple[CellType, float] | None) -> SeenObject:
    """An object of which each view says a class and a probability, or nothing."""
    return SeenObject(tuple(None if view is None else _found(*view) for view in views))


def _found(cell_type: CellType, probability: float) -> Detection:
    return Detection(cell_type, PixelBox(0, 0, 20, 20), probability)
