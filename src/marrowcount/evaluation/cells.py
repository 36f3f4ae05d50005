"""Detection scores as in table 3 of Tayebi 2022: precision, recall, F1, average precision, miss rate, mean overlap."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.cytology.cell_types import PAPER_SCORED_CLASSES, CellType
from marrowcount.evaluation.matching import MATCH_IOU, ClassMatches, JudgedTile, matches_of_class

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "CellScores",
    "ClassScores",
    "average_precision",
    "best_f1_threshold",
    "log_average_miss_rate",
    "score_cells",
    "scores_of",
]

RECALL_POINTS: Final = np.linspace(0.0, 1.0, 11)
"""PASCAL VOC 2007's eleven recalls."""
FALSE_POSITIVES_PER_TILE: Final = np.logspace(-2.0, 0.0, 9)
"""The nine rates over which the miss rate is averaged (Dollar 2012)."""
LEAST_MISS_RATE: Final = 1e-10
"""Stands for a miss rate of 0, whose logarithm does not exist."""
THRESHOLDS: Final = np.round(np.arange(0.10, 0.91, 0.02), 2)
"""Among these the operating threshold is chosen."""


@dataclass(frozen=True, slots=True)
class ClassScores:
    """One class; a figure that does not exist (nothing to find, nothing found) is NaN.

    Precision, recall, F1, mean overlap and the counts are those at the threshold; average precision and the
    log-average miss rate are over all thresholds.
    """

    true_objects: int
    found_objects: int
    precision: float
    recall: float
    f1: float
    average_precision: float
    log_average_miss_rate: float
    mean_overlap: float


@dataclass(frozen=True, slots=True)
class CellScores:
    """All 19 classes, and the means over those that the paper scores and that had objects to find."""

    by_class: Mapping[CellType, ClassScores]

    def mean(self, measure: str, classes: Iterable[CellType] = PAPER_SCORED_CLASSES) -> float:
        """Mean of a measure (a field of :class:`ClassScores`) over classes with objects to find; NaN without any.

        A class of which nothing was found counts with precision and F1 zero: it must not flatter the mean.
        """
        scores = [self.by_class[cell_type] for cell_type in classes if self.by_class[cell_type].true_objects]
        values = [float(getattr(score, measure)) for score in scores]
        return sum(0.0 if math.isnan(value) else value for value in values) / len(values) if values else math.nan


def score_cells(tiles: Sequence[JudgedTile], threshold: float, iou: float = MATCH_IOU) -> CellScores:
    """Score the detections of a cell model, which should have been made at a very low threshold."""
    return CellScores(
        {cell_type: scores_of(matches_of_class(tiles, cell_type, iou), threshold) for cell_type in CellType}
    )


def average_precision(matches: ClassMatches) -> float:
    """Mean over 11 recalls of the best precision at that recall or a higher one; NaN with nothing to find."""
    if not matches.true_objects:
        return math.nan
    hits = np.cumsum(matches.right)
    recall, precision = hits / matches.true_objects, hits / np.arange(1, hits.size + 1)
    # A hair of slack: 3/10 and the grid's 0.3 are different floats.
    return float(np.mean([precision[recall >= point - 1e-9].max(initial=0.0) for point in RECALL_POINTS]))


def log_average_miss_rate(matches: ClassMatches) -> float:
    """Geometric mean of the miss rate at nine rates of false positives a tile; NaN with nothing to find."""
    if not matches.true_objects:
        return math.nan
    false_positives = np.concatenate([[-1.0], np.cumsum(~matches.right) / matches.tiles])
    missed = np.concatenate([[1.0], 1.0 - np.cumsum(matches.right) / matches.true_objects])
    reached = [missed[np.flatnonzero(false_positives <= rate)[-1]] for rate in FALSE_POSITIVES_PER_TILE]
    return float(np.exp(np.log(np.maximum(reached, LEAST_MISS_RATE)).mean()))


def best_f1_threshold(tiles: Sequence[JudgedTile], classes: Sequence[CellType] = PAPER_SCORED_CLASSES) -> float:
    """The threshold of the best mean F1 over the classes: there, false and missed objects are in balance."""
    matches = [matches_of_class(tiles, cell_type) for cell_type in classes]
    matches = [match for match in matches if match.true_objects]
    means = [np.mean([_f1(match.from_probability(threshold)) for match in matches]) for threshold in THRESHOLDS]
    return float(THRESHOLDS[int(np.argmax(means))])


def scores_of(matches: ClassMatches, threshold: float) -> ClassScores:
    """All figures of one class's matches."""
    counted = matches.from_probability(threshold)
    hits, found = int(counted.right.sum()), int(counted.right.size)
    return ClassScores(
        true_objects=matches.true_objects,
        found_objects=found,
        precision=_ratio(hits, found),
        recall=_ratio(hits, matches.true_objects),
        f1=_f1(counted),
        average_precision=average_precision(matches),
        log_average_miss_rate=log_average_miss_rate(matches),
        mean_overlap=_ratio(float(counted.overlap.sum()), hits),
    )


def _f1(matches: ClassMatches) -> float:
    """2 TP / (found + true), which is the harmonic mean of precision and recall."""
    both = matches.right.size + matches.true_objects
    return 2 * float(matches.right.sum()) / both if both else math.nan


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
