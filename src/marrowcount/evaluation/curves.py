"""Curves over all thresholds: precision over recall, and the receiver operating characteristic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from marrowcount.evaluation.matching import ClassMatches

__all__ = ["Curve", "precision_recall_curve", "precision_recall_curve_of", "roc_curve"]


@dataclass(frozen=True, slots=True)
class Curve:
    """One point for each distinct probability as a threshold, from the highest to the lowest; all shape (n,)."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    thresholds: NDArray[np.float64]

    def thinned(self, points: int) -> Curve:
        """At most that many of its points, evenly along it, the ends among them."""
        if self.x.size <= points:
            return self
        kept = np.unique(np.linspace(0, self.x.size - 1, points).round().astype(int))
        return Curve(self.x[kept], self.y[kept], self.thresholds[kept])


def precision_recall_curve(matches: ClassMatches) -> Curve:
    """Recall (x) and precision (y); empty where there is nothing to find or nothing was found."""
    if not matches.true_objects:
        return _empty()
    return _precision_over_recall(matches.right, matches.probabilities, matches.true_objects)


def precision_recall_curve_of(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> Curve:
    """The same of a classifier's scores, shape (n,); empty without positives."""
    positives = int(positive.sum())
    if not positives:
        return _empty()
    order = np.argsort(-scores, kind="stable")
    return _precision_over_recall(positive[order], scores[order], positives)


def roc_curve(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> Curve:
    """False positive rate (x) and recall (y), beginning at (0, 0) with an infinite threshold; empty with one kind."""
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return _empty()
    order = np.argsort(-scores, kind="stable")
    ranked, right = scores[order], positive[order]
    last = _last_of_equals(ranked)
    x, y = np.cumsum(~right)[last] / negatives, np.cumsum(right)[last] / positives
    return Curve(np.append(0.0, x), np.append(0.0, y), np.append(np.inf, ranked[last]))


def _precision_over_recall(right: NDArray[np.bool_], ranked: NDArray[np.float64], positives: int) -> Curve:
    last = _last_of_equals(ranked)
    hits = np.cumsum(right)
    precision = hits / np.arange(1, hits.size + 1)
    return Curve((hits / positives)[last], precision[last], ranked[last])


def _last_of_equals(ranked: NDArray[np.float64]) -> NDArray[np.intp]:
    """Places where the next score is another: a threshold takes all equals or none."""
    return np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if ranked.size else np.empty(0, np.intp)


def _empty() -> Curve:
    return Curve(*(np.empty(0) for _ in range(3)))
