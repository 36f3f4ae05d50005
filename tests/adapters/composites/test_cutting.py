"""Cutting cells out: the outline is where the cell ends, and what is uncertain is refused with a reason."""

from __future__ import annotations

import numpy as np
import pytest

from drawn_smears import draw_cell, draw_red_cell, finished, glass, platelet, single_cell
from marrowcount.slides.geometry import PixelBox
from marrowcount_adapters.composites.cutting import BadCut, CutOut, cut_out

UM_PER_PX = 0.125


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.mark.parametrize("radius_um", [4.0, 6.5, 9.0])
def test_the_box_is_the_cells_own(rng: np.random.Generator, radius_um: float) -> None:
    """A round cell on clear ground is boxed to within a pixel, cytoplasm and all."""
    cut = cut_out(single_cell(rng, UM_PER_PX, radius_um, side=288))
    assert isinstance(cut, CutOut)
    radius = radius_um / UM_PER_PX
    edges = (cut.box.left, cut.box.top, cut.box.right, cut.box.bottom)
    assert edges == pytest.approx((144 - radius, 144 - radius, 144 + radius, 144 + radius), abs=2)


def test_the_edge_is_soft_and_the_inside_opaque(rng: np.random.Generator) -> None:
    """Opacity goes from 0 to 1 within a few pixels, so that no seam shows."""
    cut = cut_out(single_cell(rng, UM_PER_PX))
    assert isinstance(cut, CutOut)
    row = cut.alpha[cut.alpha.shape[0] // 2]
    assert row.max() == pytest.approx(1)
    assert 2 <= ((row > 0.02) & (row < 0.98)).sum() <= 16


def test_a_touching_red_cell_is_left_behind(rng: np.random.Generator) -> None:
    """A neighbour that touches does not widen the box by more than a third of itself."""
    picture = glass(288, 288, rng)
    draw_red_cell(picture, 144 + 52 + 26, 144, 28)
    draw_cell(picture, 144, 144, 52, 36)
    cut = cut_out(finished(picture))
    assert isinstance(cut, CutOut)
    assert cut.box.intersection_over_union(PixelBox(92, 92, 196, 196)) > 0.85


def test_a_field_of_red_cells_holds_no_cell(rng: np.random.Generator) -> None:
    """Where nothing is stained there is nothing to cut."""
    picture = glass(288, 288, rng)
    draw_red_cell(picture, 144, 144, 29)
    assert cut_out(finished(picture)) is BadCut.NO_STAIN


def test_a_cell_cut_off_by_the_edge_is_refused(rng: np.random.Generator) -> None:
    """Half a cell would teach that cells are half."""
    picture = glass(200, 288, rng)
    draw_cell(picture, 144, 30, 60, 45)
    draw_cell(picture, 144, 100, 95, 88)
    assert cut_out(finished(picture)) is BadCut.CUT_OFF


def test_a_cell_without_clear_ground_around_it_is_refused(rng: np.random.Generator) -> None:
    """Among red cells on all sides nobody can say where pale cytoplasm ends."""
    picture = glass(288, 288, rng)
    draw_red_cell(picture, 144, 144, 110)
    draw_cell(picture, 144, 144, 52, 36, colour=(196, 158, 168))
    assert cut_out(finished(picture)) is BadCut.BURIED


def test_only_a_platelet_may_be_as_small_as_one(rng: np.random.Generator) -> None:
    """What is called a cell and measures 3 um is no whole cell."""
    picture = platelet(rng, UM_PER_PX)
    assert cut_out(picture) is BadCut.SIZE
    cut = cut_out(picture, platelet=True)
    assert isinstance(cut, CutOut)
    assert cut.box.width * UM_PER_PX == pytest.approx(2.6, abs=0.6)
