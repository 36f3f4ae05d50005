"""Ground of real red cells: only what is whole and away from white cells is strewn, and platelets stay boxed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from drawn_smears import GLASS, RED_CELL_PX, draw_red_cell, finished, glass, write_photographs
from marrowcount.cytology.cell_types import CellType
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount_adapters.composites.boxed import ORIENTATIONS
from marrowcount_adapters.composites.clumps import SmearGround, clumps_on
from marrowcount_adapters.composites.ground import strewn
from marrowcount_adapters.composites.photographs import Photograph, read_photographs
from marrowcount_adapters.dataset_files.pictures import write_picture

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def photographs(tmp_path: Path) -> tuple[Photograph, ...]:
    return read_photographs(write_photographs(tmp_path, {"train": 3}), ("train",)).photographs


@pytest.fixture
def grounds(photographs: tuple[Photograph, ...]) -> list[SmearGround]:
    return [clumps_on(photograph) for photograph in photographs]


def test_red_cells_and_platelets_are_taken_and_the_white_cell_is_not(grounds: list[SmearGround]) -> None:
    """Five red cells of 60 px, a platelet with its box; nothing dark as a nucleus."""
    for ground in grounds:
        red = [clump for clump in ground.clumps if not clump.platelets]
        (platelet,) = [clump for clump in ground.clumps if clump.platelets]
        assert len(red) == 5
        assert all(clump.mask.sum() == pytest.approx(np.pi * 30**2, rel=0.1) for clump in red)
        assert min(float(clump.light.min()) for clump in red) > 0.5
        assert platelet.platelets[0].width == pytest.approx(24 * 0.8, abs=1)


def test_a_clump_lets_all_light_through_at_its_rim(grounds: list[SmearGround]) -> None:
    """So that no frame shows where it is laid."""
    for clump in grounds[0].clumps:
        rim = np.ones(clump.mask.shape, np.bool_)
        rim[1:-1, 1:-1] = False
        assert np.abs(clump.light[rim] - 1).max() < 0.03


def test_a_clump_keeps_its_platelet_in_every_orientation(grounds: list[SmearGround]) -> None:
    """The box stays about the dark pixels."""
    (clump,) = [clump for clump in grounds[0].clumps if clump.platelets]
    for orientation in range(ORIENTATIONS):
        seen = clump.oriented(orientation)
        (box,) = seen.platelets
        inside = seen.light[round(box.top) : round(box.bottom), round(box.left) : round(box.right)]
        assert (inside < 0.8).any(axis=2).sum() > 0.95 * (seen.light < 0.8).any(axis=2).sum()


def test_a_cell_at_the_edge_is_not_taken(tmp_path: Path) -> None:
    """Half a red cell in the middle of a tile would be no red cell."""
    picture = glass(200, 200, np.random.default_rng(1))
    whole = PixelBox(62.5, 62.5, 137.5, 137.5)
    for place in ((100, 100), (10, 20), (195, 100)):
        draw_red_cell(picture, *place, RED_CELL_PX)
    write_picture(tmp_path / "one.png", finished(picture))
    photograph = Photograph("train/one", "train", tmp_path / "one.png", SizePx(200, 200), (), (whole,), 0.1)
    (clump,) = clumps_on(photograph).clumps
    assert clump.mask.sum() == pytest.approx(np.pi * 30**2, rel=0.1)


def test_strewn_ground_is_glass_red_cells_and_boxed_platelets(grounds: list[SmearGround]) -> None:
    """The same chance gives the same ground; its boxes lie on what is dark; all objects are platelets."""
    first, again = (strewn(grounds, 600, np.random.default_rng(4)) for _ in range(2))
    assert (first.picture == again.picture).all()
    assert first.objects == again.objects
    assert np.abs(first.glass - np.array(GLASS)).max() < 12
    assert 0.02 < first.occupied.mean() < 0.7
    for one in first.objects:
        assert one.cell_type is CellType.PLATELET
        x, y = (round(place) for place in one.box.centre)
        assert first.picture[min(y, 599), min(x, 599), 1] < 130
