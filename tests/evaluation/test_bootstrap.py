"""Intervals by drawing whole patients again."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowcount.evaluation import Resampling
from marrowcount.evaluation.bootstrap import estimates, units_of


def mean_of(values: np.ndarray):  # noqa: ANN201 - a function of weights
    return lambda times: {"mean": float(times @ values / times.sum())}


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from(["", "p1", "p2", "p3"]), min_size=2, max_size=20))
def test_units_are_drawn_whole(names: list[str]) -> None:
    """All tiles of a patient are taken equally often, and as many units are drawn as there are."""
    units, seen = units_of(names), []
    estimates(lambda times: {"n": float(seen.append(times) or 0)}, units, Resampling(20))
    for times in seen[1:]:
        per_unit = [set(times[units == unit].tolist()) for unit in np.unique(units)]
        assert all(len(counts) == 1 for counts in per_unit)
        assert sum(counts.pop() for counts in per_unit) == len(per_unit)


def test_tiles_without_a_name_stand_alone() -> None:
    """Two tiles of one patient are one unit; two of nobody are two."""
    assert len(set(units_of(["p", "", "p", ""]).tolist())) == 3


def test_the_first_figure_is_that_of_the_data() -> None:
    """Whatever the draws."""
    figures = estimates(mean_of(np.array([1.0, 2.0, 6.0])), units_of(["", "", ""]), Resampling(50))
    assert figures["mean"].value == 3
    assert 1 <= figures["mean"].interval.low <= 3 <= figures["mean"].interval.high <= 6


def test_patients_widen_the_interval() -> None:
    """Forty tiles of four patients that differ say less than forty patients of a tile each."""
    values = np.repeat([0.0, 0.3, 0.7, 1.0], 10)
    alone, together = (
        estimates(mean_of(values), units_of(names), Resampling(400))["mean"].interval.width
        for names in ([""] * 40, [f"p{number // 10}" for number in range(40)])
    )
    assert together > 2 * alone


def test_a_seed_gives_the_same_interval() -> None:
    """And another seed another one."""
    values, units = np.random.default_rng(1).random(30), units_of([""] * 30)
    first, again, other = (
        estimates(mean_of(values), units, Resampling(100, seed=seed))["mean"].interval for seed in (3, 3, 4)
    )
    assert first == again != other


@pytest.mark.parametrize(("names", "draws"), [(["p"] * 5, 100), ([""] * 5, 0), ([], 100)])
def test_without_draws_or_units_there_is_no_interval(names: list[str], draws: int) -> None:
    """One patient drawn again is the same patient: an interval of no width would claim certainty."""
    figures = estimates(lambda times: {"sum": float(times.sum())}, units_of(names), Resampling(draws))
    assert math.isnan(figures["sum"].interval.low)
    assert figures["sum"].value == len(names)


def test_a_figure_that_seldom_exists_has_no_interval() -> None:
    """A share of the one tile that has objects is missing from a third of the draws, that of two of ten from none."""
    has = np.array([1, *[0] * 9])

    def figures(times: np.ndarray) -> dict[str, float]:
        return {
            "often": 1.0 if times @ has else math.nan,
            "seldom": 1.0 if times @ has > 2 else math.nan,
        }

    drawn = estimates(figures, units_of([""] * 10), Resampling(300))
    assert (drawn["often"].interval.low, drawn["often"].interval.high) == (1.0, 1.0)
    assert math.isnan(drawn["seldom"].interval.low)


def test_more_confidence_is_wider() -> None:
    """The bounds of 99 % enclose those of 90 %."""
    values, units = np.random.default_rng(2).random(40), units_of([""] * 40)
    narrow, wide = (
        estimates(mean_of(values), units, Resampling(500, confidence=c))["mean"].interval for c in (0.9, 0.99)
    )
    assert wide.low < narrow.low < narrow.high < wide.high
