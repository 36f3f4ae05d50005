"""Which detection is which true object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.slides.suppression import overlaps

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from marrowcount.cytology.cell_types import CellType
    from marrowcount.slides.detections import Detection
    from marrowcount.slides.geometry import PixelBox

__all__ = ["MATCH_IOU", "ClassMatches", "JudgedTile", "TrueObject", "boxes_of", "matches_of_class"]

MATCH_IOU: Final = 0.5
"""Overlap from which a detection is a true object (Tayebi 2022: mAP@0.5)."""


@dataclass(frozen=True, slots=True)
class TrueObject:
    """One object as an expert, or the phantom, drew it; the box in pixels of its tile."""

    cell_type: CellType
    box: PixelBox


@dataclass(frozen=True, slots=True)
class JudgedTile:
    """A tile's truth beside what a model found on it."""

    truth: tuple[TrueObject, ...]
    found: tuple[Detection, ...]


@dataclass(frozen=True, slots=True)
class ClassMatches:
    """All detections of one class over all tiles, most probable first.

    Attributes:
        probabilities: shape (n,), falling.
        right: which detections are a true object of the class, shape (n,).
        overlap: intersection over union with that object, 0 where wrong, shape (n,).
        true_objects: how many there were to be found.
        tiles: on how many tiles.
    """

    probabilities: NDArray[np.float64]
    right: NDArray[np.bool_]
    overlap: NDArray[np.float64]
    true_objects: int
    tiles: int

    def from_probability(self, threshold: float) -> ClassMatches:
        """Only the detections at or above a probability."""
        n = int((self.probabilities >= threshold).sum())
        return ClassMatches(self.probabilities[:n], self.right[:n], self.overlap[:n], self.true_objects, self.tiles)


def boxes_of(objects: Iterable[TrueObject | Detection]) -> NDArray[np.float64]:
    """Left, top, right, bottom of each object's box, (n, 4)."""
    edges = [(o.box.left, o.box.top, o.box.right, o.box.bottom) for o in objects]
    return np.array(edges, dtype=np.float64).reshape(-1, 4)


def matches_of_class(tiles: Sequence[JudgedTile], cell_type: CellType, iou: float = MATCH_IOU) -> ClassMatches:
    """Match the detections of a class with the true objects of the same class, tile by tile.

    As in PASCAL VOC: the most probable detection first; each claims the true object that it overlaps most, and is
    wrong where that overlap is below ``iou`` or the object is already taken.
    """
    parts = [_matches_on_tile(tile, cell_type, iou) for tile in tiles]
    probabilities, overlap = (
        np.array([value for part in parts for value in part[i]], dtype=np.float64) for i in range(2)
    )
    order = np.argsort(-probabilities, kind="stable")
    truths = sum(o.cell_type is cell_type for tile in tiles for o in tile.truth)
    return ClassMatches(probabilities[order], overlap[order] > 0, overlap[order], truths, len(tiles))


def _matches_on_tile(tile: JudgedTile, cell_type: CellType, iou: float) -> tuple[list[float], list[float]]:
    found = sorted((o for o in tile.found if o.cell_type is cell_type), key=lambda o: -o.probability)
    truth = [o for o in tile.truth if o.cell_type is cell_type]
    shared = overlaps(boxes_of(found), boxes_of(truth))
    return [o.probability for o in found], _claimed(shared, iou)


def _claimed(shared: NDArray[np.float64], iou: float) -> list[float]:
    taken: set[int] = set()
    overlap: list[float] = []
    for row in shared:
        best = int(row.argmax()) if row.size else -1
        right = best >= 0 and row[best] >= iou and best not in taken
        taken |= {best} if right else set()
        overlap.append(float(row[best]) if right else 0.0)
    return overlap
