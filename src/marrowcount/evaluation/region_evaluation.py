"""Everything that is measured of a ROI model on one data set."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from marrowcount.evaluation.bootstrap import Estimate, Resampling, estimates, units_of
from marrowcount.evaluation.calibration import BINS, Calibration, calibration_of, expected_calibration_error
from marrowcount.evaluation.curves import Curve, precision_recall_curve_of, roc_curve
from marrowcount.evaluation.regions import score_regions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["RegionEvaluation", "RegionMeasuring", "evaluate_regions"]


@dataclass(frozen=True, slots=True)
class RegionMeasuring:
    """How to measure.

    Attributes:
        threshold: probability from which a tile is accepted.
        bins: of the calibration curve.
        resampling: how intervals are made.
    """

    threshold: float
    bins: int = BINS
    resampling: Resampling = field(default_factory=Resampling)


@dataclass(frozen=True, slots=True)
class RegionEvaluation:
    """What was measured.

    Attributes:
        how: the settings.
        tiles: judged; ``fit_tiles`` of them are fit, they come from ``units`` patients, originals or single tiles.
        figures: by name: the fields of ``RoiScores`` and ``expected_calibration_error``.
        confusion: tiles by truth (rows: unfit, fit) and verdict (columns: refused, accepted), (2, 2).
        roc: false positive rate and recall.
        precision_recall: recall and precision.
    """

    how: RegionMeasuring
    tiles: int
    fit_tiles: int
    units: int
    figures: Mapping[str, Estimate]
    confusion: NDArray[np.int64]
    roc: Curve
    precision_recall: Curve
    calibration: Calibration


def evaluate_regions(
    fit: NDArray[np.bool_], probabilities: NDArray[np.float64], units: Sequence[str], how: RegionMeasuring
) -> RegionEvaluation:
    """Measure a ROI model.

    Args:
        fit: the truth, shape (n,).
        probabilities: of being fit, shape (n,).
        units: of each tile, what it is drawn together with: patient or original; empty where it stands alone.
        how: settings.
    """

    def figures(times: NDArray[np.int64]) -> Mapping[str, float]:
        truth, said = np.repeat(fit, times), np.repeat(probabilities, times)
        error = expected_calibration_error(said, truth, how.bins)
        return asdict(score_regions(truth, said, how.threshold)) | {"expected_calibration_error": error}

    numbers, accepted = units_of(units), probabilities >= how.threshold
    return RegionEvaluation(
        how,
        fit.size,
        int(fit.sum()),
        np.unique(numbers).size,
        estimates(figures, numbers, how.resampling),
        np.bincount(2 * fit + accepted, minlength=4).reshape(2, 2).astype(np.int64),
        roc_curve(fit, probabilities),
        precision_recall_curve_of(fit, probabilities),
        calibration_of(probabilities, fit, how.bins),
    )
