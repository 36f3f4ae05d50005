"""Which model is kept: what validation says during training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from marrowcount.evaluation import best_f1_threshold, matches_of_nucleated, roc_auc, score_cells
from marrowcount.evaluation.cells import average_precision
from marrowcount_adapters.training.loop import Judgement
from marrowcount_adapters.training.measuring import fit_probabilities, judged_tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from marrowcount.ports import CellModel, RoiModel
    from marrowcount_adapters.training.tiles import CellTiles, RegionTiles

__all__ = ["evenly", "judge_cells", "judge_regions", "precision_at_recall"]


def evenly(count: int, most: int) -> NDArray[np.intp]:
    """At most so many of ``count`` places, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.intp)) if count else np.empty(0, int)


def judge_cells(model: CellModel, tiles: CellTiles) -> Judgement:
    """Mean average precision at IoU 0.5 over the paper's classes; with boxes of unstated class, the mean of that and
    of the average precision of nucleated cells of whatever class.

    Args:
        model: with a very low threshold.
        tiles: of validation.
    """  # noqa: D205 - one sentence
    judged = judged_tiles(model, tiles)
    threshold = best_f1_threshold(judged) if any(tile.truth for tile in judged) else 0.5
    scores = score_cells(judged, threshold)
    figures = {
        "mean_average_precision": scores.mean("average_precision"),
        "mean_f1": scores.mean("f1"),
        "threshold": threshold,
    }
    parts = [figures["mean_average_precision"]]
    if any(tile.unclassed for tile in judged):
        figures["nucleated_average_precision"] = average_precision(matches_of_nucleated(judged))
        parts.append(figures["nucleated_average_precision"])
    known = [part for part in parts if not math.isnan(part)]
    rounded = {name: round(value, 4) for name, value in figures.items() if not math.isnan(value)}
    return Judgement(float(np.mean(known)) if known else 0.0, rounded)


def judge_regions(model: RoiModel, tiles: RegionTiles, recall_floor: float) -> Judgement:
    """The best precision at thresholds of at least that recall."""
    probabilities = fit_probabilities(model, tiles)
    precision, threshold = precision_at_recall(tiles.fit, probabilities, recall_floor)
    figures = {"precision": precision, "threshold": threshold, "roc_auc": roc_auc(tiles.fit, probabilities)}
    rounded = {name: round(value, 4) for name, value in figures.items() if not math.isnan(value)}
    return Judgement(precision, rounded)


def precision_at_recall(
    fit: NDArray[np.bool_], probabilities: NDArray[np.float64], floor: float
) -> tuple[float, float]:
    """The best precision among thresholds at which the recall is at least ``floor``, and that threshold.

    Without fit tiles there is no recall: 0 at threshold 1.
    """
    if not fit.any():
        return 0.0, 1.0
    order = np.argsort(-probabilities, kind="stable")
    ranked, hits = probabilities[order], np.cumsum(fit[order])
    last_of_equals = np.append(ranked[1:] != ranked[:-1], True)
    allowed = last_of_equals & (hits / fit.sum() >= floor)
    precision = np.where(allowed, hits / np.arange(1, fit.size + 1), -1.0)
    best = int(np.argmax(precision))
    return float(precision[best]), float(ranked[best])
