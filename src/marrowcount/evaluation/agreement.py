"""Agreement of classes: the confusion matrix and Cohen's kappa."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from marrowcount.cytology.cell_types import CellType
from marrowcount.evaluation.matching import MATCH_IOU, JudgedTile, box_array, boxes_of
from marrowcount.slides.suppression import overlaps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["NOTHING", "PlacedPairs", "cohen_kappa", "confusion_matrix", "pairs_by_place", "placed", "row_percentages"]

NOTHING = len(CellType)
"""Row of what was found but is not there, column of what is there but was not found."""


@dataclass(frozen=True, slots=True)
class PlacedPairs:
    """What is there and what was found there, object by object, with the tile of each.

    Attributes:
        tile: number of the tile, shape (n,).
        true: class, or :data:`NOTHING`, shape (n,).
        found: likewise.
    """

    tile: NDArray[np.intp]
    true: NDArray[np.intp]
    found: NDArray[np.intp]

    def matrix(self, times: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Counts of true class (rows) by found class (columns), (20, 20), each tile taken that often."""
        side = NOTHING + 1
        weights = None if times is None else times[self.tile].astype(np.float64)
        counts = np.bincount(self.true * side + self.found, weights, side * side)
        return counts.reshape(side, side).astype(np.int64)


def confusion_matrix(tiles: Iterable[JudgedTile], threshold: float = 0.0, iou: float = MATCH_IOU) -> NDArray[np.int64]:
    """Counts of true class (rows) by found class (columns), shape (20, 20); the last of each is "nothing".

    Objects are matched by place alone, the best overlap first, each at most once. Cells of unstated class and finds
    of kinds that nobody drew are left out.
    """
    return pairs_by_place(tiles, threshold, iou).matrix()


def pairs_by_place(tiles: Iterable[JudgedTile], threshold: float = 0.0, iou: float = MATCH_IOU) -> PlacedPairs:
    """The same, before it is counted."""
    return placed(_pairs_on_tile(tile, threshold, iou) for tile in tiles)


def placed(pairs_of_tiles: Iterable[list[tuple[int, int]]]) -> PlacedPairs:
    """Pairs of true and found class, tile by tile."""
    rows = [(number, *pair) for number, pairs in enumerate(pairs_of_tiles) for pair in pairs]
    return PlacedPairs(*np.array(rows, dtype=np.intp).reshape(-1, 3).T)


def row_percentages(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each row as percentages of its sum; an empty row stays 0."""
    sums = matrix.sum(axis=1, keepdims=True)
    percentages: NDArray[np.float64] = 100.0 * matrix / np.maximum(sums, 1)
    return percentages


def cohen_kappa(matrix: NDArray[np.int64]) -> float:
    """Agreement beyond chance of two readers, from their square table of counts (Cohen 1960).

    NaN where chance alone would agree always (one class only) or nothing was counted.
    """
    total = float(matrix.sum())
    if not total:
        return math.nan
    observed = float(np.trace(matrix)) / total
    expected = float(matrix.sum(axis=0) @ matrix.sum(axis=1)) / total**2
    return (observed - expected) / (1 - expected) if expected < 1 else math.nan


def _pairs_on_tile(tile: JudgedTile, threshold: float, iou: float) -> list[tuple[int, int]]:
    counted = [o for o in tile.found if o.probability >= threshold]
    places = np.concatenate([boxes_of(tile.truth), box_array(tile.unclassed)])
    matched = _matched(overlaps(places, boxes_of(counted)), iou)
    known = range(len(tile.truth))
    pairs = [(int(tile.truth[i].cell_type), int(counted[j].cell_type)) for i, j in matched.items() if i in known]
    missed = [(int(o.cell_type), NOTHING) for i, o in enumerate(tile.truth) if i not in matched]
    beside = [counted[j] for j in sorted(set(range(len(counted))) - set(matched.values()))]
    return [*pairs, *missed, *((NOTHING, int(o.cell_type)) for o in beside if not tile.may_be_undrawn(o))]


def _matched(shared: NDArray[np.float64], iou: float) -> dict[int, int]:
    """True object to found object, best overlap first."""
    matched: dict[int, int] = {}
    for place in np.argsort(-shared, axis=None, kind="stable").tolist():
        true, found = divmod(place, shared.shape[1])
        if shared[true, found] < iou:
            break
        if true not in matched and found not in matched.values():
            matched[true] = found
    return matched
