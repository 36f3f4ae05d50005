"""Everything that is measured of a cell model on one data set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.cytology.cell_types import NUCLEATED_CLASSES, CellType
from marrowcount.evaluation.agreement import NOTHING, PlacedPairs, cohen_kappa, pairs_by_place
from marrowcount.evaluation.bootstrap import Estimate, Resampling, estimates, units_of
from marrowcount.evaluation.calibration import BINS, Calibration, calibration_of, expected_calibration_error
from marrowcount.evaluation.cells import CellScores, ClassScores, scores_of
from marrowcount.evaluation.classification import Classification, classify, pairs_by_middle
from marrowcount.evaluation.curves import Curve, precision_recall_curve
from marrowcount.evaluation.matching import MATCH_IOU, ClassMatches, JudgedTile, PlacedMatches, placed_matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["MEASURES", "CellEvaluation", "CellMeasuring", "evaluate_cells"]

MEASURES: Final = ("precision", "recall", "f1", "mean_overlap", "average_precision", "log_average_miss_rate")
"""Fields of ``ClassScores`` that are shares, in the order of a report."""


@dataclass(frozen=True, slots=True)
class CellMeasuring:
    """How to measure.

    Attributes:
        threshold: class probability from which an object counts.
        iou: least overlap of a match.
        bins: of the calibration curve.
        calibrated_from: finds below this probability are left out of the calibration error; there are so many of them
            that they would hide all others.
        resampling: how intervals are made.
    """

    threshold: float
    iou: float = MATCH_IOU
    bins: int = BINS
    calibrated_from: float = 0.1
    resampling: Resampling = field(default_factory=Resampling)


@dataclass(frozen=True, slots=True)
class CellEvaluation:
    """What was measured.

    Attributes:
        how: the settings.
        tiles: judged tiles or pictures, from ``units`` patients, originals or single tiles.
        scores: of each class, with counts.
        nucleated: of nucleated cells whatever their class, those of unstated class among the truth.
        figures: every figure with its interval, by name: ``<class>/<measure>``, ``nucleated/<measure>``,
            ``mean/<measure>`` over the paper's 16 classes, ``mean_all/<measure>`` over all 19, ``cohen_kappa``,
            ``classification/macro_f1``, ``classification/accuracy``, ``expected_calibration_error``.
        confusion: counts of true class (rows) by found class (columns), the last of each is "nothing", (20, 20).
        classification: classes given to cells whose places are known.
        curves: precision over recall of each class.
        nucleated_curve: likewise of nucleated cells.
        calibration: of the finds from ``calibrated_from`` on, all classes together.
    """

    how: CellMeasuring
    tiles: int
    units: int
    scores: CellScores
    nucleated: ClassScores
    figures: Mapping[str, Estimate]
    confusion: NDArray[np.int64]
    classification: Classification
    curves: Mapping[CellType, Curve]
    nucleated_curve: Curve
    calibration: Calibration


def evaluate_cells(tiles: Sequence[JudgedTile], how: CellMeasuring) -> CellEvaluation:
    """Measure the detections of a cell model, which should have been made at a very low threshold.

    Objects are matched once; intervals come of counting the same matches again.
    """
    matched, units = _Matched.of(tiles, how), units_of([tile.unit for tile in tiles])
    once = np.ones(len(tiles), np.int64)
    return CellEvaluation(
        how,
        len(tiles),
        np.unique(units).size,
        matched.scores(once),
        scores_of(matched.nucleated.matches, how.threshold),
        estimates(matched.figures, units, how.resampling),
        matched.pairs.matrix(),
        classify(matched.given.matrix()),
        {cell_type: precision_recall_curve(one.matches) for cell_type, one in matched.by_class.items()},
        precision_recall_curve(matched.nucleated.matches),
        calibration_of(*_finds((one.matches for one in matched.by_class.values()), how.calibrated_from), how.bins),
    )


@dataclass(frozen=True, slots=True)
class _Matched:
    """All matches, ready to be counted with tiles taken any number of times."""

    how: CellMeasuring
    by_class: Mapping[CellType, PlacedMatches]
    nucleated: PlacedMatches
    pairs: PlacedPairs
    given: PlacedPairs

    @classmethod
    def of(cls, tiles: Sequence[JudgedTile], how: CellMeasuring) -> _Matched:
        return cls(
            how,
            {cell_type: placed_matches(tiles, (cell_type,), how.iou) for cell_type in CellType},
            placed_matches(tiles, NUCLEATED_CLASSES, how.iou, with_unclassed=True),
            pairs_by_place(tiles, how.threshold, how.iou),
            pairs_by_middle(tiles, how.threshold),
        )

    def scores(self, times: NDArray[np.int64]) -> CellScores:
        return CellScores(
            {kind: scores_of(one.drawn(times), self.how.threshold) for kind, one in self.by_class.items()}
        )

    def figures(self, times: NDArray[np.int64]) -> dict[str, float]:
        drawn = {kind: one.drawn(times) for kind, one in self.by_class.items()}
        scores = CellScores({kind: scores_of(one, self.how.threshold) for kind, one in drawn.items()})
        classes = {kind.label: score for kind, score in scores.by_class.items()}
        classes["nucleated"] = scores_of(self.nucleated.drawn(times), self.how.threshold)
        return {
            **{f"{name}/{measure}": getattr(score, measure) for name, score in classes.items() for measure in MEASURES},
            **{f"mean/{measure}": scores.mean(measure) for measure in MEASURES},
            **{f"mean_all/{measure}": scores.mean(measure, CellType) for measure in MEASURES},
            **self._agreement(times),
            "expected_calibration_error": expected_calibration_error(
                *_finds(drawn.values(), self.how.calibrated_from), self.how.bins
            ),
        }

    def _agreement(self, times: NDArray[np.int64]) -> dict[str, float]:
        given = classify(self.given.matrix(times))
        return {
            "cohen_kappa": cohen_kappa(self.pairs.matrix(times)[:NOTHING, :NOTHING]),
            "classification/macro_f1": given.macro_f1,
            "classification/accuracy": given.accuracy,
        }


def _finds(matches: Iterable[ClassMatches], least: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Probability of each find from ``least`` on, and whether it was right."""
    parts = [one.from_probability(least) for one in matches]
    return np.concatenate([part.probabilities for part in parts]), np.concatenate([part.right for part in parts])
