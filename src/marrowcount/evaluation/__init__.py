"""The measures of the paper (method, section 7): how well the models find regions and cells, and what a count is worth.

::

    score_regions, score_cells            figures at a threshold, without intervals
    evaluate_regions, evaluate_cells      everything, with intervals, curves and calibration
    evaluate_slides                       counted slides against slides of known truth
    over_folds                            mean and spread over the folds of a cross-validation
"""

from __future__ import annotations

from marrowcount.evaluation.agreement import cohen_kappa, confusion_matrix
from marrowcount.evaluation.bootstrap import Estimate, Resampling
from marrowcount.evaluation.cell_evaluation import CellEvaluation, CellMeasuring, evaluate_cells
from marrowcount.evaluation.cells import CellScores, ClassScores, best_f1_threshold, score_cells
from marrowcount.evaluation.classification import Classification, classify, pairs_by_middle
from marrowcount.evaluation.framing import FramedPicture
from marrowcount.evaluation.matching import JudgedTile, TrueObject, matches_of_nucleated
from marrowcount.evaluation.region_evaluation import RegionEvaluation, RegionMeasuring, evaluate_regions
from marrowcount.evaluation.regions import FoldSpread, RoiScores, over_folds, precise_threshold, roc_auc, score_regions
from marrowcount.evaluation.slides import (
    CountedShare,
    CountedSlide,
    SlidesEvaluation,
    SlideTruth,
    evaluate_slides,
    score_slide,
)

__all__ = [
    "CellEvaluation",
    "CellMeasuring",
    "CellScores",
    "ClassScores",
    "Classification",
    "CountedShare",
    "CountedSlide",
    "Estimate",
    "FoldSpread",
    "FramedPicture",
    "JudgedTile",
    "RegionEvaluation",
    "RegionMeasuring",
    "Resampling",
    "RoiScores",
    "SlideTruth",
    "SlidesEvaluation",
    "TrueObject",
    "best_f1_threshold",
    "classify",
    "cohen_kappa",
    "confusion_matrix",
    "evaluate_cells",
    "evaluate_regions",
    "evaluate_slides",
    "matches_of_nucleated",
    "over_folds",
    "pairs_by_middle",
    "precise_threshold",
    "roc_auc",
    "score_cells",
    "score_regions",
    "score_slide",
]
