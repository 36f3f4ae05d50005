"""The measures of the paper (method, section 7): how well the models find regions and cells."""

from __future__ import annotations

from marrowcount.evaluation.agreement import cohen_kappa, confusion_matrix
from marrowcount.evaluation.cells import CellScores, ClassScores, best_f1_threshold, score_cells
from marrowcount.evaluation.matching import JudgedTile, TrueObject
from marrowcount.evaluation.regions import RoiScores, precise_threshold, roc_auc, score_regions

__all__ = [
    "CellScores",
    "ClassScores",
    "JudgedTile",
    "RoiScores",
    "TrueObject",
    "best_f1_threshold",
    "cohen_kappa",
    "confusion_matrix",
    "precise_threshold",
    "roc_auc",
    "score_cells",
    "score_regions",
]
