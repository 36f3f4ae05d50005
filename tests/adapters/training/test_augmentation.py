"""Augmentation keeps pictures and boxes together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from marrowcount.datasets.labels import UNSEARCHED
from marrowcount_adapters.training.augmentation import Look, cut, cutmix, four, leaning, mosaic, photographed, turned

if TYPE_CHECKING:
    from marrowcount_adapters.training.augmentation import Labelled
    from marrowcount_adapters.training.tiles import CellTiles

STILL = Look(0, 0, 0, 0, 0)


def assert_boxes_fit(picture: np.ndarray, objects: np.ndarray) -> None:
    """Every box is filled with its class's red level, and its outermost rows and columns still are."""
    for label, left, top, right, bottom in objects:
        inside = picture[int(top) : int(bottom), int(left) : int(right), 0]
        assert inside.size
        assert np.all(inside == 20 + 10 * int(label))


def unsearched(tile: Labelled) -> Labelled:
    return tile[0], np.concatenate([tile[1], np.array([[UNSEARCHED, 0, 0, 512, 512]], np.float32)])


@pytest.mark.parametrize("seed", range(16))
def test_turning_turns_the_boxes(cell_tiles: CellTiles, seed: int) -> None:
    """After each of the eight flips and turns the boxes lie on their objects."""
    tile = (cell_tiles.pictures[seed % 12], cell_tiles.on(seed % 12))
    assert_boxes_fit(*turned(tile, np.random.default_rng(seed)))


@pytest.mark.parametrize("seed", range(6))
def test_mosaic_moves_the_boxes(cell_tiles: CellTiles, seed: int) -> None:
    """Parts of four tiles: what is boxed is there, and has its centre in its part."""
    tiles = [(cell_tiles.pictures[i], cell_tiles.on(i)) for i in range(4)]
    picture, objects = mosaic(tiles, np.random.default_rng(seed))
    assert_boxes_fit(picture, objects)


@pytest.mark.parametrize("seed", range(6))
def test_cutmix_hides_what_it_covers(cell_tiles: CellTiles, seed: int) -> None:
    """Every box's middle shows its own object: of the tile, or of the part that was put in."""
    one, other = ((cell_tiles.pictures[i], cell_tiles.on(i)) for i in (2, 3))
    picture, objects = cutmix(one, other, np.random.default_rng(seed))
    for label, left, top, right, bottom in objects:
        assert picture[int((top + bottom) / 2), int((left + right) / 2), 0] == 20 + 10 * int(label)
    assert not np.array_equal(picture, one[0])
    assert np.array_equal(one[0], cell_tiles.pictures[2])


def test_object_whose_centre_is_outside_the_part_is_left_out() -> None:
    """The rule of the slide's grid: 40 px wide at 80, cut at 100 keeps it; cut at 99 would not."""
    picture = np.zeros((512, 512, 3), np.uint8)
    objects = np.array([[3, 80, 10, 120, 50]], np.float32)
    part, inside = cut((picture, objects), 0, 0, 101, 200)
    assert part.shape == (200, 101, 3)
    assert inside.tolist() == [[3, 80, 10, 101, 50]]
    assert len(cut((picture, objects), 0, 0, 100, 200)[1]) == 0


def test_unsearched_ground_stays_wherever_it_reaches_in(cell_tiles: CellTiles) -> None:
    """A corner of a tile on which not everything was boxed is such ground too; in a mosaic only that part is."""
    tiles = [(cell_tiles.pictures[i], cell_tiles.on(i)) for i in range(4)]
    corner = cut(unsearched(tiles[0]), 400, 400, 112, 112)[1]
    assert corner[corner[:, 0] == UNSEARCHED].tolist() == [[UNSEARCHED, 0, 0, 112, 112]]
    objects = mosaic([unsearched(tiles[0]), *tiles[1:]], np.random.default_rng(1))[1]
    ground = objects[objects[:, 0] == UNSEARCHED]
    assert len(ground) == 1
    assert ground[0, 1:3].tolist() == [0, 0]
    assert ground[0, 3:].max() < 512


def test_four_parts_lie_in_their_corners(cell_tiles: CellTiles) -> None:
    """Left to right, top to bottom."""
    parts = [cut((cell_tiles.pictures[i], cell_tiles.on(i)), 0, 0, 160, 160) for i in range(4)]
    picture, objects = four(parts)
    assert np.array_equal(picture[160:, :160], parts[2][0])
    assert_boxes_fit(picture, objects)


@pytest.mark.parametrize(("degrees", "scale"), [(0, 1), (20, 1), (-20, 0.9), (0, 1.1), (90, 1)])
def test_leaning_boxes_still_hold_their_discs(degrees: float, scale: float) -> None:
    """A round cell turned and scaled about the middle of the picture: its box is that of the disc, within a pixel."""
    rows, columns = np.mgrid[:512, :512] + 0.5
    picture = np.full((512, 512, 3), 230, np.uint8)
    picture[np.hypot(columns - 300, rows - 180) < 30] = 40
    turned_picture, objects = leaning((picture, np.array([[4, 270, 150, 330, 210]], np.float32)), degrees, scale)
    there = np.argwhere(turned_picture[..., 0] < 135)
    (top, left), (bottom, right) = there.min(axis=0), there.max(axis=0) + 1
    assert objects[0].tolist() == pytest.approx([4, left, top, right, bottom], abs=1.0)


def test_leaning_brings_in_empty_ground() -> None:
    """Corners that come into view have the picture's light level, not black."""
    picture = np.full((512, 512, 3), 230, np.uint8)
    assert leaning((picture, np.empty((0, 5), np.float32)), 20, 0.9)[0].min() >= 228


def test_photography_keeps_the_picture_recognisable(cell_tiles: CellTiles) -> None:
    """Stain, light, blur, noise and JPEG change levels, not places."""
    picture = cell_tiles.pictures[0]
    changed = [photographed(picture, np.random.default_rng(seed), Look()) for seed in range(12)]
    assert all(other.shape == picture.shape and other.dtype == np.uint8 for other in changed)
    red = picture[..., 0].astype(float).ravel()
    assert all(np.corrcoef(red, other[..., 0].astype(float).ravel())[0, 1] > 0.9 for other in changed)
    assert len({other.tobytes() for other in changed}) == 12


def test_photography_of_no_strength_changes_nothing(cell_tiles: CellTiles) -> None:
    """All amounts and shares zero: the picture as it was."""
    assert np.array_equal(photographed(cell_tiles.pictures[0], np.random.default_rng(1), STILL), cell_tiles.pictures[0])


@pytest.mark.parametrize("part", ["blurred", "noisy", "compressed"])
def test_each_fault_of_a_photograph_can_be_had_alone(cell_tiles: CellTiles, part: str) -> None:
    """A share of 1 changes the picture, and less than a class's step of colour on average."""
    look = Look(**{"stain": 0, "colour": 0, "blurred": 0, "noisy": 0, "compressed": 0} | {part: 1})
    before = cell_tiles.pictures[0].astype(float)
    after = photographed(cell_tiles.pictures[0], np.random.default_rng(2), look).astype(float)
    assert 0 < np.abs(after - before).mean() < 10
