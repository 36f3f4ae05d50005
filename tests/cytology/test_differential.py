"""Shares, intervals and ratios."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from marrowcount.cytology.cell_types import NDC_CLASSES, CellType
from marrowcount.cytology.differential import (
    bmme,
    clopper_pearson,
    differential_of,
    me_ratio,
    rounded_percentages,
)
from marrowcount.cytology.histogram import Histogram

COUNTS = st.dictionaries(st.sampled_from(CellType), st.integers(0, 5_000))

EXACT_INTERVALS = {
    0: {100: (0, 3.6), 200: (0, 1.8), 500: (0, 0.7), 1000: (0, 0.4), 5000: (0, 0.1)},
    1: {100: (0.0, 5.4), 200: (0.1, 3.6), 500: (0.3, 2.3), 1000: (0.5, 1.8), 5000: (0.7, 1.3)},
    2: {100: (0.2, 7.0), 200: (0.5, 5.0), 500: (1.0, 3.6), 1000: (1.2, 3.1), 5000: (1.6, 2.4)},
    5: {100: (1.6, 11.3), 200: (2.4, 9.0), 500: (3.3, 7.3), 1000: (3.7, 6.5), 5000: (4.4, 5.6)},
    10: {100: (4.9, 17.6), 200: (6.2, 15.0), 500: (7.5, 13.0), 1000: (8.2, 12.0), 5000: (9.2, 10.9)},
    20: {100: (12.7, 29.2), 200: (14.7, 26.2), 500: (16.6, 23.8), 1000: (17.6, 22.6), 5000: (18.9, 21.1)},
    30: {100: (21.2, 40.0), 200: (23.7, 36.9), 500: (26.0, 34.2), 1000: (27.2, 32.9), 5000: (28.7, 31.3)},
    50: {100: (39.8, 60.2), 200: (42.9, 57.1), 500: (45.5, 54.5), 1000: (46.9, 53.1), 5000: (48.6, 51.4)},
}
"""Percent to cells counted to bounds, in percent: the table of exact intervals that laboratories know."""


@pytest.mark.parametrize(
    ("percent", "cells", "low", "high"),
    [(percent, n, low, high) for percent, row in EXACT_INTERVALS.items() for n, (low, high) in row.items()],
)
def test_intervals_are_those_of_the_table(percent: int, cells: int, low: float, high: float) -> None:
    """The exact binomial interval agrees with the published table to its last digit."""
    interval = clopper_pearson(cells * percent // 100, cells)
    assert round(100 * interval.low, 1) == low
    assert round(100 * interval.high, 1) == high


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_are_exact(found: tuple[int, int]) -> None:
    """The bounds are those of an independent implementation, and hold the share between them."""
    successes, trials = found
    ours = clopper_pearson(successes, trials)
    theirs = stats.binomtest(successes, trials).proportion_ci(confidence_level=0.95, method="exact")
    assert ours.low == pytest.approx(theirs.low, abs=1e-9)
    assert ours.high == pytest.approx(theirs.high, abs=1e-9)
    assert successes / trials in ours


@given(st.integers(0, 40), st.floats(0.5, 0.999))
def test_the_bounds_are_beta_quantiles(successes: int, confidence: float) -> None:
    """Clopper and Pearson's bounds are quantiles of two beta distributions, at any confidence."""
    interval = clopper_pearson(successes, 40, confidence)
    tail = (1 - confidence) / 2
    if successes:
        assert interval.low == pytest.approx(stats.beta.ppf(tail, successes, 41 - successes), abs=1e-9)
    if successes < 40:
        assert interval.high == pytest.approx(stats.beta.ppf(1 - tail, successes + 1, 40 - successes), abs=1e-9)


def test_nothing_counted_tells_nothing() -> None:
    """Of no cells the interval is everything."""
    interval = clopper_pearson(0, 0)
    assert (interval.low, interval.high) == (0.0, 1.0)
    assert interval.width == 1.0


@pytest.mark.parametrize(("successes", "trials"), [(2, 1), (-1, 5)])
def test_an_impossible_share_is_refused(successes: int, trials: int) -> None:
    """More found than counted is a mistake of the caller."""
    with pytest.raises(ValueError, match="not a share"):
        clopper_pearson(successes, trials)


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=19), st.integers(0, 3))
def test_percentages_sum_to_exactly_100(counts: list[int], places: int) -> None:
    """However they are rounded, the classes of a report sum to 100."""
    percentages = rounded_percentages(counts, places)
    assert len(percentages) == len(counts)
    assert sum(percentages) == (100 if sum(counts) else 0)
    assert all(percentage.as_tuple().exponent == -places for percentage in percentages)


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=19).filter(any))
def test_percentages_are_within_a_digit_of_the_truth(counts: list[int]) -> None:
    """No class is moved by a whole last digit, none found is shown as found, and none is negative."""
    total = sum(counts)
    for count, percentage in zip(counts, rounded_percentages(counts), strict=True):
        assert abs(percentage - Decimal(100 * count) / total) < Decimal("0.1")
        assert percentage >= 0
        assert count or not percentage


@given(st.lists(st.integers(0, 1_000), min_size=2, max_size=19))
def test_more_cells_are_no_smaller_percentage(counts: list[int]) -> None:
    """Rounding never turns two classes round."""
    ranked = sorted(zip(counts, rounded_percentages(counts), strict=True))
    for (fewer, smaller), (more, larger) in pairwise(ranked):
        assert fewer == more or smaller <= larger


def test_thirds_are_told_apart_by_order() -> None:
    """Of equal remainders the earlier class is raised, so that a report is the same every time."""
    assert rounded_percentages([1, 1, 1]) == (Decimal("33.4"), Decimal("33.3"), Decimal("33.3"))


@given(COUNTS)
def test_ratios_are_their_formulas(counts: dict[CellType, int]) -> None:
    """M:E counts all granulocytes and monocytes (ICSH 2008), BMME six classes (Eq. 2), both per erythroblast."""
    histogram = Histogram.from_counts(counts)
    found = dict(histogram)
    erythroblasts = found[CellType.ERYTHROBLAST]
    six = sum(
        found[cell_type]
        for cell_type in (
            CellType.BLAST,
            CellType.PROMYELOCYTE,
            CellType.MYELOCYTE,
            CellType.METAMYELOCYTE,
            CellType.NEUTROPHIL,
            CellType.EOSINOPHIL,
        )
    )
    if erythroblasts:
        assert bmme(histogram) == six / erythroblasts
        all_myeloid = six + found[CellType.BASOPHIL] + found[CellType.MONOCYTE]
        assert me_ratio(histogram) == all_myeloid / erythroblasts
    else:
        assert bmme(histogram) is None
        assert me_ratio(histogram) is None


@given(COUNTS)
def test_a_differential_is_of_the_ndc_alone(counts: dict[CellType, int]) -> None:
    """Twelve shares of NDC cells in the order of a report; platelets, debris and others change none of them."""
    histogram = Histogram.from_counts(counts)
    differential = differential_of(histogram)
    assert tuple(share.cell_type for share in differential.shares) == NDC_CLASSES
    assert differential.total == histogram.sum_of(NDC_CLASSES)
    assert sum(share.count for share in differential.shares) == differential.total
    bare = Histogram.from_counts({cell_type: histogram[cell_type] for cell_type in NDC_CLASSES})
    assert differential_of(bare).shares == differential.shares


@given(COUNTS)
def test_each_share_lies_in_its_interval(counts: dict[CellType, int]) -> None:
    """The unrounded percentage is inside the interval that is published beside it."""
    differential = differential_of(Histogram.from_counts(counts))
    for share in differential.shares:
        assert differential.share(share.cell_type) is share
        if differential.total:
            assert share.interval.low - 1e-9 <= 100 * share.count / differential.total <= share.interval.high + 1e-9
        else:
            assert (share.interval.low, share.interval.high) == (0, 100)


@given(COUNTS)
def test_other_cells_are_told_beside_the_differential(counts: dict[CellType, int]) -> None:
    """Their share is of NDC and other cells together."""
    histogram = Histogram.from_counts(counts)
    other, total = histogram[CellType.OTHER_CELL], histogram.sum_of(NDC_CLASSES)
    share = differential_of(histogram).other_share
    assert 0 <= share <= 1
    assert share * (other + total) == pytest.approx(other)


def test_a_class_outside_the_ndc_has_no_share() -> None:
    """Asking for the share of a megakaryocyte is a mistake."""
    with pytest.raises(KeyError, match="megakaryocyte"):
        differential_of(Histogram()).share(CellType.MEGAKARYOCYTE)


def test_a_small_count_by_hand() -> None:
    """3 blasts, 1 monocyte, 4 erythroblasts, 2 others."""
    counts = {CellType.BLAST: 3, CellType.MONOCYTE: 1, CellType.ERYTHROBLAST: 4, CellType.OTHER_CELL: 2}
    differential = differential_of(Histogram.from_counts(counts))
    assert differential.total == 8
    assert differential.share(CellType.BLAST).percent == Decimal("37.5")
    assert differential.share(CellType.ERYTHROBLAST).percent == Decimal("50.0")
    assert differential.me_ratio == 1.0
    assert differential.bmme == 0.75
    assert differential.other_share == 0.2
