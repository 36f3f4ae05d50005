"""Figures as they are written: a dash, or null, where a figure does not exist."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from marrowcount.cytology.differential import Interval
    from marrowcount.evaluation import Estimate
    from marrowcount.evaluation.calibration import Calibration
    from marrowcount.evaluation.curves import Curve

__all__ = [
    "calibration_content",
    "curve_content",
    "estimate_content",
    "interval_content",
    "number",
    "numbers",
    "table",
    "words",
    "words_of",
]

DASH: Final = "-"
DIGITS: Final = 5
CURVE_POINTS: Final = 200
"""Points of a curve that are kept in JSON; the eye sees no more."""


def words(value: float, places: int = 3) -> str:
    """A figure, or a dash."""
    return f"{value:.{places}f}" if math.isfinite(value) else DASH


def words_of(estimate: Estimate, places: int = 3) -> str:
    """A figure with its interval: ``0.952 (0.925 to 0.974)``."""
    low, high = (words(bound, places) for bound in (estimate.interval.low, estimate.interval.high))
    between = f" ({low} to {high})" if DASH not in (low, high) else ""
    return words(estimate.value, places) + between


def number(value: float) -> float | None:
    """A figure for JSON, to five significant digits; null where it does not exist."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def numbers(values: Iterable[float]) -> list[float | None]:
    """Several of them."""
    return [number(float(value)) for value in values]


def interval_content(interval: Interval) -> dict[str, float | None]:
    """Bounds for JSON."""
    return {"low": number(interval.low), "high": number(interval.high)}


def estimate_content(estimate: Estimate) -> dict[str, float | None]:
    """A figure with its bounds for JSON."""
    return {"value": number(estimate.value), **interval_content(estimate.interval)}


def curve_content(curve: Curve, x: str, y: str) -> dict[str, list[float | None]]:
    """A curve for JSON, thinned; its axes are named."""
    thin = curve.thinned(CURVE_POINTS)
    return {x: numbers(thin.x), y: numbers(thin.y), "threshold": numbers(thin.thresholds)}


def calibration_content(calibration: Calibration) -> dict[str, object]:
    """A calibration curve for JSON."""
    bins = [
        {
            "low": one.low,
            "high": one.high,
            "cases": one.cases,
            "mean_probability": number(one.mean_probability),
            "share_right": number(one.share_right),
        }
        for one in calibration.bins
    ]
    return {"expected_calibration_error": number(calibration.error), "bins": bins}


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table; the first column holds names, the others figures."""
    rule = ["---", *("---:" for _ in heads[1:])]
    return [_row(heads), _row(rule), *(_row(row) for row in rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
