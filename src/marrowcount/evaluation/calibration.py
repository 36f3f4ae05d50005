"""Calibration: whether what is said with probability p is right in a share p of the cases."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BINS", "Calibration", "CalibrationBin", "calibration_of", "expected_calibration_error"]

BINS: Final = 10
"""Of equal width."""


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Cases whose probability lies in one bin: from ``low``, up to but without ``high``."""

    low: float
    high: float
    cases: int
    mean_probability: float
    share_right: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The bins that hold cases, and the expected calibration error; NaN without any case."""

    bins: tuple[CalibrationBin, ...]
    error: float


def calibration_of(probabilities: NDArray[np.float64], right: NDArray[np.bool_], bins: int = BINS) -> Calibration:
    """Compare stated probabilities, shape (n,), with what came true, shape (n,), in bins of equal width.

    The expected calibration error is the mean distance of stated and observed share, weighted by cases (Naeini 2015,
    Guo 2017).
    """
    place = _places(probabilities, bins)
    filled = tuple(
        _bin(int(number), bins, probabilities[place == number], right[place == number]) for number in np.unique(place)
    )
    return Calibration(filled, expected_calibration_error(probabilities, right, bins))


def expected_calibration_error(probabilities: NDArray[np.float64], right: NDArray[np.bool_], bins: int = BINS) -> float:
    """The error alone."""
    if not probabilities.size:
        return math.nan
    place = _places(probabilities, bins)
    stated = np.bincount(place, probabilities, bins)
    observed = np.bincount(place, right.astype(np.float64), bins)
    return float(np.abs(stated - observed).sum() / probabilities.size)


def _places(probabilities: NDArray[np.float64], bins: int) -> NDArray[np.intp]:
    return np.minimum((probabilities * bins).astype(np.intp), bins - 1)


def _bin(number: int, bins: int, probabilities: NDArray[np.float64], right: NDArray[np.bool_]) -> CalibrationBin:
    return CalibrationBin(
        number / bins, (number + 1) / bins, right.size, float(probabilities.mean()), float(right.mean())
    )
