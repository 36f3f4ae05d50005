"""Stores, augmentation and batches keep pictures and boxes together."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount_adapters.training.augmentation import cut, four, mosaic, photographed, turned
from marrowcount_adapters.training.batches import ahead, cell_batches, crop_batches, region_batches, tile_weights
from marrowcount_adapters.training.distractors import distractors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from marrowcount_adapters.training.tiles import CellTiles, RegionTiles


def assert_boxes_fit(picture: np.ndarray, objects: np.ndarray) -> None:
    """Every box is filled with its class's red level, and its outermost rows and columns still are."""
    for label, left, top, right, bottom in objects:
        inside = picture[int(top) : int(bottom), int(left) : int(right), 0]
        assert inside.size
        assert np.all(inside == 20 + 10 * int(label))


def test_store_gives_back_what_was_written(cell_tiles: CellTiles) -> None:
    """Pictures and boxes of each tile, in the core's words too."""
    assert len(cell_tiles) == 12
    for tile in range(len(cell_tiles)):
        assert_boxes_fit(cell_tiles.pictures[tile], cell_tiles.on(tile))
        assert [o.cell_type for o in cell_tiles.truth(tile)] == [CellType(int(k)) for k in cell_tiles.on(tile)[:, 0]]


def test_store_that_was_not_filled_is_cut(region_tiles: RegionTiles) -> None:
    """Thirty places, twenty tiles."""
    assert region_tiles.pictures.shape == (20, 256, 256, 3)
    assert region_tiles.fit.sum() == 5


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
    assert picture.shape == (512, 512, 3)
    assert len(objects)
    assert_boxes_fit(picture, objects)


def test_object_whose_centre_is_outside_the_part_is_left_out() -> None:
    """The rule of the slide's grid: 40 px wide at 80, cut at 100 keeps it; cut at 99 would not."""
    picture = np.zeros((512, 512, 3), np.uint8)
    objects = np.array([[3, 80, 10, 120, 50]], np.float32)
    part, inside = cut((picture, objects), 0, 0, 101, 200)
    assert part.shape == (200, 101, 3)
    assert inside.tolist() == [[3, 80, 10, 101, 50]]
    assert len(cut((picture, objects), 0, 0, 100, 200)[1]) == 0


def test_four_parts_lie_in_their_corners(cell_tiles: CellTiles) -> None:
    """Left to right, top to bottom."""
    parts = [cut((cell_tiles.pictures[i], cell_tiles.on(i)), 0, 0, 160, 160) for i in range(4)]
    picture, objects = four(parts)
    assert np.array_equal(picture[160:, :160], parts[2][0])
    assert_boxes_fit(picture, objects)


def test_photography_keeps_the_picture_recognisable(cell_tiles: CellTiles) -> None:
    """Stain, light, blur, noise and JPEG change levels, not places."""
    picture = cell_tiles.pictures[0]
    changed = [photographed(picture, np.random.default_rng(seed)) for seed in range(12)]
    assert all(other.shape == picture.shape and other.dtype == np.uint8 for other in changed)
    red = picture[..., 0].astype(float).ravel()
    assert all(np.corrcoef(red, other[..., 0].astype(float).ravel())[0, 1] > 0.9 for other in changed)
    assert len({other.tobytes() for other in changed}) == 12


@pytest.mark.parametrize("make", [cell_batches, crop_batches])
def test_boxes_are_shares_of_the_side(cell_tiles: CellTiles, make: object) -> None:
    """Objects lie inside their pictures and name a picture of the batch."""
    pictures, objects = next(make(cell_tiles, 6, 1))
    assert pictures.shape[0] == 6
    assert pictures.shape[1] == pictures.shape[2]
    assert set(objects[:, 0]) <= set(range(6))
    assert np.all(objects[:, 2:4] - objects[:, 4:] / 2 >= -1e-6)
    assert np.all(objects[:, 2:4] + objects[:, 4:] / 2 <= 1 + 1e-6)
    assert np.all(objects[:, 4:] > 0)


@pytest.mark.parametrize("make", [cell_batches, crop_batches])
def test_same_seed_same_batches(cell_tiles: CellTiles, make: object) -> None:
    """Training can be repeated; another seed is another order."""
    first, second, other = (list(itertools.islice(make(cell_tiles, 2, seed), 2)) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for x, y in zip(first, second, strict=True) for a, b in zip(x, y, strict=True))
    assert not np.array_equal(first[0][0], other[0][0])


def test_tile_with_a_rare_class_is_drawn_more_often(cell_tiles: CellTiles) -> None:
    """Weights sum to 1 and are highest where the rarest class is."""
    weights = tile_weights(cell_tiles)
    assert weights.sum() == pytest.approx(1)
    tiles_with = [len(set(cell_tiles.objects[cell_tiles.objects[:, 1] == k, 0])) for k in range(len(CellType))]
    rarest = min((n, k) for k, n in enumerate(tiles_with) if n)[1]
    holding = np.unique(cell_tiles.objects[cell_tiles.objects[:, 1] == rarest, 0].astype(int))
    assert weights[holding].min() == pytest.approx(weights.max())


def test_regions_come_in_the_wanted_share(region_tiles: RegionTiles) -> None:
    """A quarter of the store is fit, half of the batch is asked for; labels go with their pictures."""
    pictures, labels, _ = next(region_batches(region_tiles, 200, 1, fit_share=0.5))
    assert 70 < labels.sum() < 130
    assert pictures[labels == 1].mean() > pictures[labels == 0].mean()


def test_faults_turn_with_their_pictures(region_tiles: RegionTiles) -> None:
    """The dark corner of a picture is where its fault is; what is none of marrow is faulty all over."""
    pictures, labels, faults = next(region_batches(region_tiles, 60, 1, fit_share=0.5))
    assert (faults[0] == 1).all()
    for picture, place in zip(pictures[1:][labels[1:] == 1], faults[1:][labels[1:] == 1], strict=True):
        darkest = picture.reshape(8, 32, 8, 32, 3).mean(axis=(1, 3, 4)).argmin()
        assert darkest == place.argmax()
        assert place.max() == pytest.approx(0.25)


def test_tiles_whose_faults_nobody_knows_say_so(region_tiles: RegionTiles) -> None:
    """Pictures that people only called fit or unfit have no figures for their places."""
    assert np.isnan(region_tiles.faults[~region_tiles.fit]).all()


def test_distractors_are_tiles_of_several_kinds() -> None:
    """Twelve pictures, all different, none a constant black."""
    made = list(itertools.islice(distractors(seed=1), 12))
    assert all(picture.shape == (512, 512, 3) and picture.dtype == np.uint8 for picture in made)
    assert len({picture.tobytes() for picture in made}) == 12
    again = list(itertools.islice(distractors(seed=1), 12))
    assert all(np.array_equal(a, b) for a, b in zip(made, again, strict=True))


def test_items_made_ahead_come_in_order_and_their_thread_ends() -> None:
    """Nothing lost, nothing doubled; closing the consumer ends the producer."""
    before = threading.active_count()
    items = ahead(iter(range(10)))
    assert list(items) == list(range(10))
    endless: Iterator[int] = ahead(itertools.count())
    assert [next(endless) for _ in range(20)] == list(range(20))
    endless.close()
    assert threading.active_count() == before


def test_stores_hold_no_pickle(region_folder: Path) -> None:
    """What is opened is arrays of numbers only."""
    for path in region_folder.iterdir():
        assert np.load(path, allow_pickle=False).dtype.kind in "ufb"
