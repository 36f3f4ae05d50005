"""Stores and batches: what is drawn, how often, and the same again for the same seed and step."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets.labels import UNSEARCHED, UNSTATED
from marrowcount.errors import DatasetError
from marrowcount_adapters.training.batches import CellBatches, RegionBatches, ahead
from marrowcount_adapters.training.distractors import distractor
from marrowcount_adapters.training.sampling import CellMixture, RegionMixture, tile_weights
from marrowcount_adapters.training.tiles import CellTiles, RegionTiles, TileWriter

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def unstated(tmp_path_factory: pytest.TempPathFactory) -> CellTiles:
    """White tiles, each with one nucleated cell of unstated class on ground that nobody searched."""
    folder = tmp_path_factory.mktemp("unstated")
    writer = TileWriter(folder, 3, 512)
    rows = np.array([[UNSTATED, 100, 100, 150, 160], [UNSEARCHED, 0, 0, 512, 512]], np.float32)
    for _ in range(3):
        writer.add(np.full((512, 512, 3), 255, np.uint8), rows)
    writer.close()
    return CellTiles.open(folder)


def cells(tiles: CellTiles, size: int = 6, seed: int = 1, *, crops: bool = True) -> CellBatches:
    return CellBatches(CellMixture([(tiles, 1.0)]), size, seed, crops)


def test_store_gives_back_what_was_written(cell_tiles: CellTiles) -> None:
    """Pictures and boxes of each tile, in the core's words too."""
    assert len(cell_tiles) == 12
    for tile in range(len(cell_tiles)):
        for kind, left, top, right, bottom in cell_tiles.on(tile).astype(int):
            assert np.all(cell_tiles.pictures[tile][top:bottom, left:right, 0] == 20 + 10 * kind)
        assert [o.cell_type for o in cell_tiles.truth(tile)] == [CellType(int(k)) for k in cell_tiles.on(tile)[:, 0]]


def test_store_that_was_not_filled_is_cut(region_tiles: RegionTiles) -> None:
    """Thirty places, twenty tiles."""
    assert len(region_tiles) == 20
    assert region_tiles.fit.sum() == 5


def test_joined_and_picked_tiles_keep_their_objects(cell_tiles: CellTiles) -> None:
    """Two stores as one, and some of its tiles in another order: pictures and objects stay together."""
    both = CellTiles.joined([cell_tiles, cell_tiles])
    assert len(both) == 24
    picked = both.picked(np.array([20, 3]))
    for place, tile in enumerate((8, 3)):
        assert np.array_equal(picked.pictures[place], cell_tiles.pictures[tile])
        assert np.array_equal(picked.on(place), cell_tiles.on(tile))


def test_joined_and_picked_regions_keep_their_verdicts(region_tiles: RegionTiles) -> None:
    """As with cells."""
    picked = RegionTiles.joined([region_tiles, region_tiles]).picked(np.array([24, 1]))
    assert picked.fit.tolist() == [True, False]
    assert np.array_equal(picked.pictures[0], region_tiles.pictures[4])


def test_tiles_not_wholly_boxed_or_named_are_known(cell_tiles: CellTiles, unstated: CellTiles) -> None:
    """A box without a class, or ground that nobody searched, makes a tile not wholly known; neither is an object."""
    assert cell_tiles.wholly_known().all()
    assert not unstated.wholly_known().any()
    assert unstated.truth(0) == ()


@pytest.mark.parametrize("crops", [False, True])
def test_boxes_are_shares_of_the_side(cell_tiles: CellTiles, *, crops: bool) -> None:
    """Objects lie inside their pictures and name a picture of the batch."""
    pictures, objects = cells(cell_tiles, crops=crops)(0)
    assert pictures.shape == (6, *((320, 320, 3) if crops else (512, 512, 3)))
    assert set(objects[:, 0]) <= set(range(6))
    assert np.all(objects[:, 2:4] - objects[:, 4:] / 2 >= -1e-6)
    assert np.all(objects[:, 2:4] + objects[:, 4:] / 2 <= 1 + 1e-6)
    assert np.all(objects[:, 4:] > 0)


@pytest.mark.parametrize("crops", [False, True])
def test_a_batch_is_a_function_of_seed_and_step(cell_tiles: CellTiles, *, crops: bool) -> None:
    """Step 7 is the same whatever was asked before; another seed or step is another batch."""
    first, second = cells(cell_tiles, 2, crops=crops), cells(cell_tiles, 2, crops=crops)
    first(0)
    assert all(np.array_equal(a, b) for a, b in zip(first(7), second(7), strict=True))
    assert not np.array_equal(first(7)[0], first(8)[0])
    assert not np.array_equal(first(7)[0], cells(cell_tiles, 2, 2, crops=crops)(7)[0])


def test_tile_with_a_rare_class_is_drawn_more_often(cell_tiles: CellTiles) -> None:
    """Weights sum to 1 and are highest where the rarest class is."""
    weights = tile_weights(cell_tiles)
    assert weights.sum() == pytest.approx(1)
    tiles_with = [len(set(cell_tiles.objects[cell_tiles.objects[:, 1] == k, 0])) for k in range(len(CellType))]
    rarest = min((n, k) for k, n in enumerate(tiles_with) if n)[1]
    holding = np.unique(cell_tiles.objects[cell_tiles.objects[:, 1] == rarest, 0].astype(int))
    assert weights[holding].min() == pytest.approx(weights.max())


@pytest.mark.parametrize("small", [False, True])
def test_data_sets_are_drawn_by_weight(cell_tiles: CellTiles, unstated: CellTiles, *, small: bool) -> None:
    """A source of weight 3 gives three times the objects of one of weight 1, whatever their sizes."""
    mixture = CellMixture([(cell_tiles, 1.0), (unstated, 3.0)])
    rng = np.random.default_rng(1)
    white = sum(mixture.object(rng, small=small).tile[0][0, 0, 0] == 255 for _ in range(400))
    assert 260 < white < 340
    assert 260 < sum(mixture.tile(rng)[0][0, 0, 0] == 255 for _ in range(400)) < 340


def test_classes_are_drawn_almost_evenly(tmp_path: Path) -> None:
    """Of 81 lymphocytes and 1 basophil, a quarter of the draws is the basophil (counts to the power 0.25)."""
    writer = TileWriter(tmp_path, 1, 512)
    rows = [[CellType.LYMPHOCYTE, i, 0, i + 20, 20] for i in range(81)] + [[CellType.BASOPHIL, 300, 300, 340, 340]]
    writer.add(np.zeros((512, 512, 3), np.uint8), np.array(rows, np.float32))
    writer.close()
    mixture, rng = CellMixture([(CellTiles.open(tmp_path), 1.0)]), np.random.default_rng(1)
    assert 70 < sum(mixture.object(rng, small=True).box[0] == 300 for _ in range(400)) < 130


def test_unstated_class_and_unsearched_ground_reach_the_batch(unstated: CellTiles) -> None:
    """A picture of a cell nobody named holds it, and the ground that nobody searched; ground is no object to draw."""
    _, objects = cells(unstated)(0)
    assert set(objects[:, 1]) == {UNSTATED, UNSEARCHED}


def test_nothing_to_train_on_is_said(region_tiles: RegionTiles, cell_tiles: CellTiles) -> None:
    """No objects, or only unfit tiles: a coded error, not an endless wait."""
    empty = CellTiles(cell_tiles.pictures, np.empty((0, 6), np.float32), cell_tiles.origins)
    for make in (
        lambda: CellMixture([(empty, 1.0)]),
        lambda: RegionMixture([(region_tiles.picked(np.flatnonzero(~region_tiles.fit)), 1.0)]),
    ):
        with pytest.raises(DatasetError) as caught:
            make()
        assert caught.value.code == "nothing-to-train-on"


def regions(tiles: RegionTiles, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return RegionBatches(RegionMixture([(tiles, 1.0)]), size, 1, 0.5)(0)


def test_regions_come_in_the_wanted_share(region_tiles: RegionTiles) -> None:
    """A quarter of the store is fit, half of the batch is asked for; labels go with their pictures."""
    pictures, labels, _ = regions(region_tiles, 200)
    assert 70 < labels.sum() < 130
    assert pictures[labels == 1].mean() > pictures[labels == 0].mean()


def test_faults_turn_with_their_pictures(region_tiles: RegionTiles) -> None:
    """The dark corner of a picture is where its fault is; what is none of marrow is faulty all over."""
    pictures, labels, faults = regions(region_tiles, 60)
    assert (faults[0] == 1).all()
    for picture, place in zip(pictures[1:][labels[1:] == 1], faults[1:][labels[1:] == 1], strict=True):
        darkest = picture.reshape(8, 32, 8, 32, 3).mean(axis=(1, 3, 4)).argmin()
        assert darkest == place.argmax()
        assert place.max() == pytest.approx(0.25)


def test_regions_are_a_function_of_seed_and_step(region_tiles: RegionTiles) -> None:
    """As batches of cells; the drawn pictures of other things too."""
    first, second = (RegionBatches(RegionMixture([(region_tiles, 1.0)]), 3, 5) for _ in range(2))
    first(1)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(first(2), second(2), strict=True))


def test_tiles_whose_faults_nobody_knows_say_so(region_tiles: RegionTiles) -> None:
    """Pictures that people only called fit or unfit have no figures for their places."""
    assert np.isnan(region_tiles.faults[~region_tiles.fit]).all()


def test_distractors_are_tiles_of_several_kinds() -> None:
    """Ten pictures, all different; the same dice give the same."""
    made, again = ([distractor(n, np.random.default_rng(n)) for n in range(10)] for _ in range(2))
    assert all(picture.shape == (512, 512, 3) and picture.dtype == np.uint8 for picture in made)
    assert len({picture.tobytes() for picture in made}) == 10
    assert all(np.array_equal(a, b) for a, b in zip(made, again, strict=True))


@pytest.mark.parametrize(("first", "last"), [(0, 10), (5, 7), (3, 3), (4, 2)])
def test_items_made_ahead_come_in_order(first: int, last: int) -> None:
    """Nothing lost, nothing doubled, also where there are fewer than are made ahead."""
    assert list(ahead(lambda step: step * step, first, last)) == [step * step for step in range(first, last)]


def test_making_ahead_ends_with_its_consumer() -> None:
    """Closing the consumer ends the thread; an error in the making reaches the consumer."""
    before = threading.active_count()
    items = ahead(lambda step: step, 0, 10**9)
    assert list(itertools.islice(items, 20)) == list(range(20))
    items.close()
    assert threading.active_count() == before
    with pytest.raises(ZeroDivisionError):
        list(ahead(lambda step: 1 // (step - 2), 0, 5))


def test_stores_hold_no_pickle(region_folder: Path) -> None:
    """What is opened is arrays of numbers only."""
    for path in (region_folder / "regions").iterdir():
        assert np.load(path, allow_pickle=False).dtype.kind in "uifb"
