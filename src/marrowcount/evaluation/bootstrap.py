"""Intervals by drawing again: the bootstrap (Efron 1979), over whole patients (clusters: Field and Welsh 2007)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.cytology.differential import CONFIDENCE, Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Estimate", "Resampling", "estimates", "units_of"]

LEAST_EXISTING: Final = 0.5
"""A figure that exists in fewer of the draws than this share has no interval."""


@dataclass(frozen=True, slots=True)
class Resampling:
    """How intervals are made.

    Attributes:
        draws: how often the units are drawn with replacement; 0 makes no intervals.
        seed: the same seed gives the same intervals.
        confidence: share of the draws between the bounds.
    """

    draws: int = 1000
    seed: int = 1
    confidence: float = CONFIDENCE


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its percentile interval; NaN where it does not exist."""

    value: float
    interval: Interval


def units_of(names: Sequence[str]) -> NDArray[np.intp]:
    """The number of each tile's unit, shape (tiles,): those of one name are one unit, one without name is its own."""
    own = [name or f"\0{place}" for place, name in enumerate(names)]
    return np.unique(own, return_inverse=True)[1] if own else np.empty(0, np.intp)


def estimates(
    figures: Callable[[NDArray[np.int64]], Mapping[str, float]], units: NDArray[np.intp], how: Resampling
) -> dict[str, Estimate]:
    """Figures of the data, with the interval in which they lie when the units are drawn again.

    Args:
        figures: gives the figures by name, the same names each time, when each tile is taken so many times.
        units: number of each tile's unit, shape (tiles,).
        how: number of draws, seed, confidence.
    """
    values = figures(np.ones(units.size, np.int64))
    draws = [list(figures(times).values()) for times in _drawn(units, how)]
    table = np.array(draws, dtype=np.float64).reshape(-1, len(values))
    return {
        name: Estimate(value, _interval(column, how.confidence))
        for (name, value), column in zip(values.items(), table.T, strict=True)
    }


def _drawn(units: NDArray[np.intp], how: Resampling) -> Iterator[NDArray[np.int64]]:
    """How often each tile is taken, draw by draw; of a single unit nothing can be learnt by drawing it again."""
    count = int(units.max(initial=-1)) + 1
    generator = np.random.default_rng(how.seed)
    for _ in range(how.draws if count > 1 else 0):
        drawn = np.bincount(generator.integers(count, size=count), minlength=count)
        yield drawn[units].astype(np.int64)


def _interval(values: NDArray[np.float64], confidence: float) -> Interval:
    existing = values[np.isfinite(values)]
    if existing.size == 0 or existing.size < LEAST_EXISTING * values.size:
        return Interval(math.nan, math.nan)
    tail = (1 - confidence) / 2
    low, high = np.quantile(existing, (tail, 1 - tail))
    return Interval(float(low), float(high))
