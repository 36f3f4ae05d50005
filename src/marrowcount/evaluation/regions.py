"""Scores of the ROI model: accuracy, precision, recall, specificity, NPV, ROC AUC; and their spread over folds."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["FoldSpread", "RoiScores", "over_folds", "precise_threshold", "roc_auc", "score_regions", "spread_of"]


@dataclass(frozen=True, slots=True)
class RoiScores:
    """Figures at a threshold, and the area under the ROC curve; NaN where a denominator is zero."""

    accuracy: float
    precision: float
    recall: float
    specificity: float
    negative_predictive_value: float
    roc_auc: float


@dataclass(frozen=True, slots=True)
class FoldSpread:
    """A figure over the folds of a cross-validation.

    Attributes:
        mean: over the folds in which the figure exists; NaN without any.
        deviation: standard deviation (n - 1) over them; NaN with fewer than two.
        folds: in how many it exists.
    """

    mean: float
    deviation: float
    folds: int


def score_regions(fit: NDArray[np.bool_], probabilities: NDArray[np.float64], threshold: float) -> RoiScores:
    """Score probabilities of being fit, shape (n,), against the truth, shape (n,)."""
    accepted = probabilities >= threshold
    true_positives, false_positives = int((accepted & fit).sum()), int((accepted & ~fit).sum())
    false_negatives, true_negatives = int((~accepted & fit).sum()), int((~accepted & ~fit).sum())
    return RoiScores(
        accuracy=_ratio(true_positives + true_negatives, fit.size),
        precision=_ratio(true_positives, true_positives + false_positives),
        recall=_ratio(true_positives, true_positives + false_negatives),
        specificity=_ratio(true_negatives, true_negatives + false_positives),
        negative_predictive_value=_ratio(true_negatives, true_negatives + false_negatives),
        roc_auc=roc_auc(fit, probabilities),
    )


def roc_auc(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Chance that a positive scores above a negative, ties counting half (Mann-Whitney); NaN with one kind only."""
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return math.nan
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = float(mean_rank[place][positive].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def over_folds(folds: Sequence[RoiScores]) -> Mapping[str, FoldSpread]:
    """Mean and spread of each figure over patient-level folds, as the paper averages them."""
    figures = [asdict(fold) for fold in folds]
    return {name: spread_of(fold[name] for fold in figures) for name in (figures[0] if figures else ())}


def spread_of(values: Iterable[float]) -> FoldSpread:
    """Mean and standard deviation of a figure, whichever it is; NaN values are left out."""
    existing = np.array([value for value in values if not math.isnan(value)], dtype=np.float64)
    mean = float(existing.mean()) if existing.size else math.nan
    return FoldSpread(mean, float(existing.std(ddof=1)) if existing.size > 1 else math.nan, existing.size)


def precise_threshold(fit: NDArray[np.bool_], probabilities: NDArray[np.float64], precision: float) -> float:
    """The lowest of the tiles' own probabilities that, as a threshold, gives at least the wanted precision.

    The highest of them where none does.
    """
    order = np.argsort(-probabilities, kind="stable")
    ranked, reached = probabilities[order], np.cumsum(fit[order]) / np.arange(1, fit.size + 1)
    last_of_equals = np.append(ranked[1:] != ranked[:-1], True)
    good = np.flatnonzero((reached >= precision) & last_of_equals)
    return float(ranked[good[-1] if good.size else 0])


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
