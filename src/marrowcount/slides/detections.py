"""What the models say about a tile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from marrowcount.cytology.cell_types import CellType
    from marrowcount.slides.geometry import PixelBox
    from marrowcount.slides.tiles import Tile

__all__ = ["Detection", "LookedAtTile"]


@dataclass(frozen=True, slots=True)
class Detection:
    """One object found.

    Attributes:
        cell_type: the class of highest probability.
        box: in pixels of the tile when it comes from a model, of the total pixel matrix in a result.
        probability: of that class, 0 to 1.
    """

    cell_type: CellType
    box: PixelBox
    probability: float


@dataclass(frozen=True, slots=True)
class LookedAtTile:
    """A tile that the ROI model judged, with its probability of being fit for cytology and the verdict."""

    tile: Tile
    probability: float
    accepted: bool
