"""Agreement of classes: the confusion matrix and Cohen's kappa."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from marrowcount.cytology.cell_types import CellType
from marrowcount.evaluation.matching import MATCH_IOU, JudgedTile, boxes_of
from marrowcount.slides.suppression import overlaps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["cohen_kappa", "confusion_matrix", "row_percentages"]

NOTHING = len(CellType)
"""Row of what was found but is not there, column of what is there but was not found."""


def confusion_matrix(tiles: Iterable[JudgedTile], threshold: float = 0.0, iou: float = MATCH_IOU) -> NDArray[np.int64]:
    """Counts of true class (rows) by found class (columns), shape (20, 20); the last of each is "nothing".

    Objects are matched by place alone, the best overlap first, each at most once.
    """
    matrix = np.zeros((NOTHING + 1, NOTHING + 1), dtype=np.int64)
    for tile in tiles:
        for true, found in _pairs_on_tile(tile, threshold, iou):
            matrix[true, found] += 1
    return matrix


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
    matched = _matched(overlaps(boxes_of(tile.truth), boxes_of(counted)), iou)
    pairs = [(int(tile.truth[i].cell_type), int(counted[j].cell_type)) for i, j in matched.items()]
    missed = [(int(o.cell_type), NOTHING) for i, o in enumerate(tile.truth) if i not in matched]
    invented = set(range(len(counted))) - set(matched.values())
    return [*pairs, *missed, *((NOTHING, int(counted[j].cell_type)) for j in invented)]


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
