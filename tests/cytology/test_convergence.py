"""When reading ends: the distance of Eq. 1, the run of still tiles, the interval rule."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.cytology.cell_types import CHI_SQUARE_CLASSES, CellType
from marrowcount.cytology.convergence import (
    ConvergenceRule,
    IntervalRule,
    StoppingReason,
    StoppingWatch,
    chi_square_distance,
    ihct_distance,
)
from marrowcount.cytology.differential import bmme
from marrowcount.cytology.histogram import Histogram

COUNTS = st.lists(st.integers(0, 500), min_size=12, max_size=12)
WITH_ERYTHROBLASTS = st.dictionaries(st.sampled_from(CellType), st.integers(0, 500)).map(
    lambda counts: Histogram.from_counts({**counts, CellType.ERYTHROBLAST: counts.get(CellType.ERYTHROBLAST, 0) + 1})
)
MIX = Histogram.from_counts({CellType.NEUTROPHIL: 6, CellType.ERYTHROBLAST: 2, CellType.LYMPHOCYTE: 2})
BLASTS = Histogram.from_counts({CellType.BLAST: 40})
EVERYTHING_IS_STILL = 1e9


def shares(counts: list[int]) -> np.ndarray:
    values = np.array(counts, np.float64)
    return values / max(values.sum(), 1.0)


def watched(rule: ConvergenceRule | IntervalRule, tiles: list[Histogram]) -> StoppingWatch:
    """Read until the rule says stop, or the tiles end."""
    watch = StoppingWatch(rule)
    for tile in tiles:
        watch.add(tile)
        if watch.reason is not None:
            break
    return watch


@given(COUNTS, COUNTS)
def test_the_distance_is_symmetric(one: list[int], two: list[int]) -> None:
    """Which histogram came first does not matter."""
    assert chi_square_distance(shares(one), shares(two)) == chi_square_distance(shares(two), shares(one))


@given(COUNTS, COUNTS)
def test_the_distance_is_zero_only_between_equals(one: list[int], two: list[int]) -> None:
    """No distance means no difference."""
    assert chi_square_distance(shares(one), shares(one)) == 0
    equal = bool(np.array_equal(shares(one), shares(two)))
    assert (chi_square_distance(shares(one), shares(two)) == 0) == equal


@given(COUNTS, COUNTS)
def test_the_distance_of_shares_is_at_most_one(one: list[int], two: list[int]) -> None:
    """1 is the distance of two marrows without a common class."""
    assert 0 <= chi_square_distance(shares(one), shares(two)) <= 1 + 1e-12


def test_the_distance_by_hand() -> None:
    """Half of (1-0)^2/1 twice is 1; half of (0.5-0.25)^2/0.75 and (0.5-0.75)^2/1.25 is 1/15; 0/0 counts nothing."""
    assert chi_square_distance(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1
    by_hand = chi_square_distance(np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.75, 0.0]))
    assert by_hand == pytest.approx(1 / 15)


@given(WITH_ERYTHROBLASTS, WITH_ERYTHROBLASTS)
def test_the_distance_is_about_shape_not_size(one: Histogram, two: Histogram) -> None:
    """Counting everything twice moves nothing."""
    assert ihct_distance(one + one, two + two) == pytest.approx(ihct_distance(one, two), abs=1e-12)
    assert ihct_distance(one, one + one) == pytest.approx(0, abs=1e-12)


@given(WITH_ERYTHROBLASTS, WITH_ERYTHROBLASTS)
def test_the_distance_is_that_of_twelve_shares_and_bmme(one: Histogram, two: Histogram) -> None:
    """Eq. 1 over the twelve classes' shares with BMME appended as the plain ratio."""
    x = [*one.shares_of(CHI_SQUARE_CLASSES), bmme(one)]
    y = [*two.shares_of(CHI_SQUARE_CLASSES), bmme(two)]
    by_hand = sum((a - b) ** 2 / (a + b) for a, b in zip(x, y, strict=True) if a + b) / 2  # type: ignore[operator]
    assert ihct_distance(one, two) == pytest.approx(by_hand, abs=1e-12)


@given(WITH_ERYTHROBLASTS, WITH_ERYTHROBLASTS, st.integers(0, 100))
def test_what_is_not_compared_moves_nothing(one: Histogram, two: Histogram, debris: int) -> None:
    """Debris, platelets and other cells are not in Eq. 1."""
    more = two + Histogram.from_counts(
        {CellType.DEBRIS: debris, CellType.PLATELET: debris, CellType.OTHER_CELL: debris}
    )
    assert ihct_distance(one, more) == ihct_distance(one, two)


def test_without_erythroblasts_nothing_has_converged() -> None:
    """An undefined ratio is an infinite distance, on either side."""
    without = Histogram.from_counts({CellType.NEUTROPHIL: 9})
    assert ihct_distance(without, MIX) == math.inf
    assert ihct_distance(MIX, without) == math.inf
    assert ihct_distance(Histogram(), Histogram()) == math.inf


def test_convergence_is_a_run_after_the_first_tiles() -> None:
    """With all tiles still, the count ends as soon as the run after the first tiles is full."""
    watch = watched(ConvergenceRule(EVERYTHING_IS_STILL, run=3, first_tile=5, cap=100), [MIX] * 50)
    assert watch.reason is StoppingReason.CONVERGED
    assert watch.tiles == 8


def test_a_tile_that_moves_the_histogram_breaks_the_run() -> None:
    """One still tile is chance: the run begins anew after a tile at or above the threshold."""
    rule = ConvergenceRule(threshold=1e-6, run=4, first_tile=2, cap=100)
    assert watched(rule, [MIX] * 50).tiles == 6
    assert watched(rule, [MIX, MIX, MIX, MIX, MIX, BLASTS, *[Histogram()] * 50]).tiles == 10


def test_without_erythroblasts_only_the_cap_ends_reading() -> None:
    """A marrow without erythroblasts has no ratio and so never converges."""
    watch = watched(ConvergenceRule(EVERYTHING_IS_STILL, run=1, first_tile=0, cap=30), [BLASTS] * 50)
    assert watch.reason is StoppingReason.CAP
    assert watch.tiles == 30
    assert watch.stopping().distance is None


def test_the_end_of_the_slide_is_an_end_of_its_own() -> None:
    """Where no rule was met, the record says that the slide was exhausted."""
    watch = watched(ConvergenceRule(run=10, first_tile=80), [MIX] * 7)
    stopping = watch.stopping()
    assert watch.reason is None
    assert stopping.reason is StoppingReason.SLIDE_EXHAUSTED
    assert stopping.tiles == 7
    assert stopping.distance == watch.distances[-1]
    assert stopping.distances == (None, *watch.distances[1:])
    assert stopping.rule == watch.rule.name


def test_an_unread_slide_has_a_record() -> None:
    """No tile at all is an exhausted slide without a distance."""
    stopping = StoppingWatch(ConvergenceRule()).stopping()
    assert (stopping.reason, stopping.tiles, stopping.distance) == (StoppingReason.SLIDE_EXHAUSTED, 0, None)


@given(st.lists(WITH_ERYTHROBLASTS, max_size=25), st.integers(1, 5), st.integers(0, 10), st.floats(1e-6, 1))
def test_a_convergence_is_backed_by_its_distances(
    tiles: list[Histogram], run: int, first_tile: int, threshold: float
) -> None:
    """Whoever reads the distances back finds the same end: the first full run below the threshold."""
    rule = ConvergenceRule(threshold, run, first_tile, cap=1000)
    watch = watched(rule, tiles)
    assert watch.ihct == sum(tiles[: watch.tiles], Histogram())
    assert len(watch.distances) == watch.tiles
    ends = [
        tile
        for tile in range(first_tile + run, watch.tiles + 1)
        if all(distance < threshold for distance in watch.distances[tile - run : tile])
    ]
    assert (watch.reason is StoppingReason.CONVERGED) == bool(ends)
    if ends:
        assert ends == [watch.tiles]


def histogram_of(blasts: int, others: int) -> Histogram:
    return Histogram.from_counts({CellType.BLAST: blasts, CellType.LYMPHOCYTE: others})


@pytest.mark.parametrize(
    ("rule", "blasts", "others", "satisfied"),
    [
        (IntervalRule(), 0, 499, False),  # too few cells, however clear
        (IntervalRule(), 0, 500, True),  # 0 to 0.7 %: clear of 5, 10 and 20
        (IntervalRule(), 25, 475, False),  # 3.3 to 7.3 % holds 5
        (IntervalRule(), 400, 4600, True),  # 7.3 to 8.8 %
        (IntervalRule(), 1000, 4000, False),  # 18.9 to 21.1 % holds 20
        (IntervalRule(cut_offs_percent=(), width_percent=5.0), 25, 475, True),  # 4 points wide
        (IntervalRule(cut_offs_percent=(), width_percent=3.9), 25, 475, False),
        (IntervalRule(width_percent=5.0), 25, 475, True),  # one of two reasons is enough
        (IntervalRule(minimum_cells=1000), 0, 999, False),
    ],
)
def test_the_interval_rule_asks_for_a_clear_answer(
    rule: IntervalRule,
    blasts: int,
    others: int,
    satisfied: bool,  # noqa: FBT001
) -> None:
    """Enough cells, and an interval that is narrow or holds no decision point."""
    assert rule.satisfied(histogram_of(blasts, others)) is satisfied


@given(st.integers(0, 499), st.floats(0.1, 100))
def test_the_interval_rule_never_stops_below_500_cells(blasts: int, width: float) -> None:
    """ICSH 2008 asks for 500 cells where a percentage decides."""
    assert not IntervalRule(width_percent=width).satisfied(histogram_of(blasts, 499 - blasts))


def test_the_interval_rule_ends_reading() -> None:
    """Reading goes on until the class is known well enough, or to the cap."""
    watch = watched(IntervalRule(), [histogram_of(0, 50)] * 40)
    assert watch.reason is StoppingReason.PRECISE_ENOUGH
    assert watch.tiles == 10
    capped = watched(IntervalRule(cap=15), [histogram_of(10, 40)] * 40)
    assert (capped.reason, capped.tiles) == (StoppingReason.CAP, 15)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cell_type": CellType.MEGAKARYOCYTE}, "no share"),
        ({"minimum_cells": 499}, "500"),
        ({"cut_offs_percent": ()}, "never stops"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(settings: dict[str, object], message: str) -> None:
    """A class outside the NDC, too few cells and a rule without an end are told at once."""
    with pytest.raises(ValueError, match=message):
        IntervalRule(**settings)  # type: ignore[arg-type]


def test_rules_are_published_with_their_parameters() -> None:
    """The name of a rule tells its numbers."""
    name = ConvergenceRule(3e-5, 12, 80, 800).name
    assert all(part in name for part in ("3e-05", "12", "80"))
    name = IntervalRule(width_percent=4.0).name
    assert all(part in name for part in ("blast", "4", "5, 10, 20", "500"))
