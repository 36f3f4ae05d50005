"""Measuring models on stores of tiles: through the ports, so that any runtime can be measured."""

from __future__ import annotations

import math
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.cytology.cell_types import PAPER_SCORED_CLASSES, CellType
from marrowcount.datasets.labels import UNSEARCHED, UNSTATED
from marrowcount.evaluation import JudgedTile, cohen_kappa, confusion_matrix, score_cells, score_regions
from marrowcount.slides.geometry import PixelBox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from marrowcount.evaluation import CellScores
    from marrowcount.ports import CellModel, Picture, RoiModel
    from marrowcount_adapters.training.tiles import CellTiles, RegionTiles

__all__ = ["cell_figures", "enlarged", "fit_probabilities", "judged_tiles", "milliseconds_a_tile", "region_figures"]

MEASURES: Final = ("average_precision", "precision", "recall", "f1", "log_average_miss_rate", "mean_overlap")
DECIMALS: Final = 4


def judged_tiles(model: CellModel, tiles: CellTiles) -> list[JudgedTile]:
    """What a cell model, loaded with a very low threshold, finds on each tile, beside the truth."""
    return [_judged(model, tiles, tile) for tile in range(len(tiles))]


def _judged(model: CellModel, tiles: CellTiles, tile: int) -> JudgedTile:
    found = tuple(model.detect(np.ascontiguousarray(tiles.pictures[tile])))
    rows = tiles.on(tile)
    unclassed = tuple(PixelBox(*(float(edge) for edge in row[1:])) for row in rows if row[0] == UNSTATED)
    unsearched = bool((rows[:, 0] == UNSEARCHED).any())
    return JudgedTile(tiles.truth(tile), found, unclassed, frozenset() if unsearched else None)


def fit_probabilities(model: RoiModel, tiles: RegionTiles) -> NDArray[np.float64]:
    """A ROI model's probabilities of the tiles of a store, (n,)."""
    pictures = (enlarged(tiles.pictures[tile]) for tile in range(len(tiles)))
    return np.array([model.probabilities([picture])[0] for picture in pictures], dtype=np.float64)


def enlarged(half: Picture) -> Picture:
    """Twice the side by repetition, which a model's own area mean undoes exactly."""
    return np.ascontiguousarray(half.repeat(2, axis=0).repeat(2, axis=1))


def cell_figures(judged: Sequence[JudgedTile], threshold: float) -> dict[str, float]:
    """Figures of the manifest: means over the paper's 16 classes, then each class; what does not exist is left out."""
    scores = score_cells(judged, threshold)
    figures = {f"mean_{measure}": scores.mean(measure) for measure in MEASURES}
    figures |= {
        "mean_average_precision_all_classes": scores.mean("average_precision", CellType),
        "cohen_kappa": cohen_kappa(confusion_matrix(judged, threshold)[:-1, :-1]),
        "tiles": len(judged),
        "true_objects": sum(score.true_objects for score in scores.by_class.values()),
        "scored_classes": sum(scores.by_class[c].true_objects > 0 for c in PAPER_SCORED_CLASSES),
    }
    return _rounded(figures | _by_class(scores))


def region_figures(fit: NDArray[np.bool_], probabilities: NDArray[np.float64], threshold: float) -> dict[str, float]:
    """Figures of the manifest at a threshold."""
    figures = asdict(score_regions(fit, probabilities, threshold))
    return _rounded(figures | {"tiles": float(fit.size), "fit_tiles": float(fit.sum())})


def milliseconds_a_tile(judge: Callable[[int], object], repeats: int = 30) -> float:
    """Median wall time of judging a tile, after a warm-up.

    Args:
        judge: judges the i-th tile.
        repeats: tiles timed.
    """
    judge(0)
    times = []
    for i in range(repeats):
        since = time.perf_counter()
        judge(i)
        times.append(time.perf_counter() - since)
    return round(1000 * float(np.median(times)), 1)


def _by_class(scores: CellScores) -> dict[str, float]:
    return {
        f"{cell_type.label}/{measure}": float(value)
        for cell_type, score in scores.by_class.items()
        for measure, value in asdict(score).items()
    }


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(value, DECIMALS) for name, value in figures.items() if not math.isnan(value)}
