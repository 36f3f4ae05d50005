"""Histograms of cell types add up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.cytology.cell_types import CHI_SQUARE_CLASSES, CellType
from marrowcount.cytology.histogram import Histogram

CELLS = st.lists(st.sampled_from(CellType), max_size=60)
COUNTS = st.dictionaries(st.sampled_from(CellType), st.integers(0, 10_000))


@given(st.lists(CELLS, max_size=8))
def test_the_ihct_is_the_sum_of_the_hcts(tiles: list[list[CellType]]) -> None:
    """Counting tile by tile and adding is counting everything at once."""
    total = sum((Histogram(cells) for cells in tiles), Histogram())
    assert total == Histogram(cell for cells in tiles for cell in cells)
    assert total.total == sum(map(len, tiles))


@given(CELLS, CELLS, CELLS)
def test_adding_knows_no_order(one: list[CellType], two: list[CellType], three: list[CellType]) -> None:
    """The order of tiles does not matter to the sum."""
    a, b, c = Histogram(one), Histogram(two), Histogram(three)
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + Histogram() == a


@given(CELLS)
def test_each_class_is_counted(cells: list[CellType]) -> None:
    """A class's count is how often it was found."""
    histogram = Histogram(cells)
    for cell_type, count in histogram:
        assert count == histogram[cell_type] == cells.count(cell_type)
    assert histogram.counts.shape == (19,)


@given(COUNTS)
def test_known_counts_are_kept(counts: dict[CellType, int]) -> None:
    """A histogram of known counts holds them, and 0 for what was left out."""
    histogram = Histogram.from_counts(counts)
    assert dict(histogram) == {cell_type: counts.get(cell_type, 0) for cell_type in CellType}


@given(CELLS, CELLS)
def test_equal_histograms_are_one_key(one: list[CellType], two: list[CellType]) -> None:
    """Histograms are equal when all counts are, and then hash alike, however they were made."""
    a, b = Histogram(one), Histogram(two)
    same = a + b
    other = Histogram.from_counts(dict(same))
    assert same == other
    assert hash(same) == hash(other)
    assert (a == b) == (sorted(one) == sorted(two))


@given(COUNTS)
def test_shares_sum_to_one(counts: dict[CellType, int]) -> None:
    """Relative frequencies sum to 1, or are all 0 where nothing was found."""
    histogram = Histogram.from_counts(counts)
    shares = histogram.shares_of(CHI_SQUARE_CLASSES)
    assert shares.shape == (12,)
    assert shares.sum() == pytest.approx(1.0 if histogram.sum_of(CHI_SQUARE_CLASSES) else 0.0)
    assert (shares >= 0).all()


def test_a_histogram_cannot_be_changed() -> None:
    """Its counts are read-only, so that a published one stays what it was."""
    for histogram in (Histogram([CellType.BLAST]), Histogram.from_counts({}), Histogram() + Histogram()):
        with pytest.raises(ValueError, match="read-only"):
            histogram.counts[0] = 7


def test_adding_changes_neither() -> None:
    """The sum is a third histogram."""
    one, two = Histogram([CellType.BLAST]), Histogram([CellType.MONOCYTE])
    assert (one + two).total == 2
    assert (one.total, two.total) == (1, 1)


def test_negative_counts_are_refused() -> None:
    """There are no fewer than no cells."""
    with pytest.raises(ValueError, match="negative"):
        Histogram.from_counts({CellType.BLAST: -1})


def test_nothing_counted_is_a_histogram() -> None:
    """An empty tile counts 0 of everything, as whole numbers."""
    assert Histogram().total == 0
    assert np.issubdtype(Histogram().counts.dtype, np.integer)
    assert repr(Histogram([CellType.BLAST, CellType.BLAST])) == "Histogram(blast: 2)"
