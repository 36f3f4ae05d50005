"""Whole pictures on tiles: not a pixel of them changes, and boxes move with them."""

from __future__ import annotations

import numpy as np
import pytest

from drawn_smears import GLASS, single_cell
from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import LabelledBox
from marrowcount.slides.geometry import PixelBox
from marrowcount_adapters.composites.layout import alone, side_by_side

BOX = PixelBox(30, 20, 90, 80)


def boxed(rows: int, columns: int, number: int) -> tuple[np.ndarray, tuple[LabelledBox, ...]]:
    """A picture whose every pixel says which it is."""
    picture = np.full((rows, columns, 3), number, np.uint8)
    return picture, (LabelledBox(BOX, CellType(number)),)


def test_every_picture_is_on_a_tile_once_and_untouched() -> None:
    """However many there are and however large, each is found whole, its box where it lies."""
    pictures = [boxed(100 + 7 * number, 110 + 11 * number, number) for number in range(12)]
    tiles = list(side_by_side(pictures))
    assert len(tiles) > 1
    for number in range(12):
        (place,) = [(tile, one) for tile, objects in tiles for one in objects if one.cell_type == number]
        tile, one = place
        rows, columns = pictures[number][0].shape[:2]
        left, top = int(one.box.left - BOX.left), int(one.box.top - BOX.top)
        assert (tile[top : top + rows, left : left + columns] == number).all()


def test_a_picture_larger_than_a_tile_is_cut_with_its_boxes() -> None:
    """What lies beyond 512 px goes, and objects whose middle lies there with it."""
    far = LabelledBox(PixelBox(600, 10, 640, 50), CellType.BLAST)
    ((tile, objects),) = side_by_side([(np.full((700, 700, 3), 9, np.uint8), (LabelledBox(BOX, None), far))])
    assert tile.shape == (512, 512, 3)
    assert objects == (LabelledBox(BOX, None),)


def test_alone_a_picture_stands_in_the_middle_of_its_own_ground() -> None:
    """Its pixels are untouched; far from it there is only its glass; its cell is there once."""
    picture = single_cell(np.random.default_rng(1), 0.25, side=120)
    box = PixelBox(34, 34, 86, 86)
    tile, (one,) = alone((picture, (LabelledBox(box, CellType.BLAST),)), margin_px=30)
    assert (tile[196:316, 196:316] == picture).all()
    assert one.box == box.moved(196, 196)
    corner = tile[:100, :100].reshape(-1, 3).mean(axis=0)
    assert corner == pytest.approx(np.array(GLASS), abs=3)
    dark = tile[..., 1] < 100
    dark[196:316, 196:316] = False
    assert not dark.any()


def test_alone_works_without_a_margin() -> None:
    """A cell that fills its picture leaves nothing to mirror."""
    picture = np.full((512, 512, 3), 77, np.uint8)
    tile, _ = alone((picture, ()), margin_px=-3)
    assert (tile == picture).all()
