from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from marrowcount.phantom.ground import ONSET, Fault, Ground
from marrowcount.slides.geometry import SizePx
from marrowcount.slides.tiles import Tile


@given(st.integers(0, 2**32), st.integers(4, 14), st.integers(4, 14))
@settings(max_examples=40, deadline=None)
def test_ten_to_twenty_percent_of_tiles_are_fit(seed: int, rows: int, columns: int) -> None:
    """The share of fit tiles is the paper's, whatever the seed and size."""
    ground = Ground.drawn(SizePx(columns * 512, rows * 512), np.random.default_rng(seed))
    assert ground.fit.shape == (rows, columns)
    assert 0.10 <= ground.fit.mean() <= 0.20


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_fit_ground_is_sound_and_unfit_ground_is_not(seed: int) -> None:
    """A fit tile is nearly free of what spoils cells and hardly bare; nearly every other tile shows a fault."""
    ground = Ground.drawn(SizePx(6144, 6144), np.random.default_rng(seed))
    nodes = sliding_window_view(ground.severity, (9, 9), axis=(1, 2))[:, ::8, ::8] > 0.4
    flawed = nodes.mean(axis=(3, 4))
    spoiled = np.delete(flawed, Fault.EMPTY, axis=0)
    assert spoiled.max(axis=0)[ground.fit].max() < 0.05
    assert flawed[Fault.EMPTY][ground.fit].max() < 0.3
    assert (flawed.max(axis=0)[~ground.fit] == 0).mean() < 0.05


@pytest.mark.parametrize("fault", Fault)
def test_severity_is_the_same_on_both_sides_of_a_border(fault: Fault) -> None:
    """Neighbouring tiles interpolate towards the same nodes, so that faults run on without a seam."""
    ground = Ground.drawn(SizePx(2048, 2048), np.random.default_rng(5))
    whole = [[ground.over(fault, Tile(row, column)) for column in range(4)] for row in range(4)]
    blank = np.zeros((512, 512))
    joined = np.block([[blank if part is None else part for part in row] for row in whole])
    assert np.abs(np.diff(joined, axis=0)).max() <= 1 / 64 + 1e-6
    assert np.abs(np.diff(joined, axis=1)).max() <= 1 / 64 + 1e-6


def test_places_of_a_tile_say_how_faulty_they_are() -> None:
    """Each place is the mean of its four nodes; on a fit tile nearly none passes the limit."""
    ground = Ground.drawn(SizePx(6144, 6144), np.random.default_rng(3))
    row, column = (int(at[0]) for at in np.nonzero(ground.fit))
    places = ground.worst_in(Tile(row, column))
    spoiling = np.delete(ground.severity, Fault.EMPTY, axis=0).max(axis=0)
    nodes = spoiling[row * 8 + 3 : row * 8 + 5, column * 8 + 6 : column * 8 + 8]
    assert places.shape == (8, 8)
    assert places[3, 6] == pytest.approx(nodes.mean())
    assert (places > ONSET).mean() <= 0.05


@pytest.mark.parametrize(("bare_columns", "counts"), [(2, False), (4, True)])
def test_a_bare_edge_is_no_fault_but_half_a_bare_tile_is(bare_columns: int, *, counts: bool) -> None:
    """Glass without cells counts once it takes more than a quarter of the tile."""
    severity = np.zeros((5, 9, 9), np.float32)
    severity[Fault.EMPTY, :, :bare_columns] = 1
    ground = Ground(severity, np.ones((1, 1), np.bool_))
    assert bool(ground.worst_in(Tile(0, 0)).any()) is counts
