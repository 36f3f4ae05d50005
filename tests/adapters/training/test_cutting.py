"""Data sets as stores of tiles: resolution, cutting, boxes without a class, and what nobody searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import Dataset, Example, LabelledBox, Split
from marrowcount.datasets.labels import UNSEARCHED, UNSTATED
from marrowcount.errors import DatasetError
from marrowcount.ports import PictureSource
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount_adapters.training.config import CellTraining, DataSource
from marrowcount_adapters.training.cutting import cell_store, region_store
from marrowcount_adapters.training.sources import CELLS, REGIONS, TileSources
from marrowcount_adapters.training.tiles import CellTiles, RegionTiles

if TYPE_CHECKING:
    from pathlib import Path


class Drawn(PictureSource):
    """Pictures of a light ground, each box filled with one colour; counts what is read."""

    def __init__(self, *examples: Example) -> None:
        self.examples = examples
        self.read_so_far = 0

    @property
    def dataset(self) -> Dataset:
        return Dataset("drawn", self.examples)

    def read(self, example: Example) -> np.ndarray:
        self.read_so_far += 1
        picture = np.full((example.size.height, example.size.width, 3), 240, np.uint8)
        for one in example.objects or ():
            box = one.box
            picture[int(box.top) : int(box.bottom), int(box.left) : int(box.right)] = 60
        return picture


def example(name: str, width: int, height: int, *boxes: tuple[float, ...], **about: object) -> Example:
    objects = tuple(LabelledBox(PixelBox(*box[:4]), CellType(int(box[4])) if len(box) > 4 else None) for box in boxes)
    return Example(name, name, SizePx(width, height), **{"objects": objects, "um_per_px": 0.25} | about)


def cut(tmp_path: Path, source: Drawn, um_per_px: float | None = None) -> CellTiles:
    return CellTiles.open(cell_store(source, tmp_path, um_per_px))


def test_a_small_picture_lies_on_its_own_ground(tmp_path: Path) -> None:
    """Beside it the tile is empty and light, so that the edge teaches nothing."""
    tiles = cut(tmp_path, Drawn(example("a", 300, 200, (10, 20, 60, 80, 4))))
    assert len(tiles) == 1
    assert tiles.on(0).tolist() == [[4, 10, 20, 60, 80]]
    picture = tiles.pictures[0]
    assert (picture[200:] == 240).all()
    assert (picture[20:80, 10:60] == 60).all()


def test_a_finer_picture_is_brought_to_a_quarter_micrometre(tmp_path: Path) -> None:
    """At 0.125 um/px, pixels and boxes are halved; one that says nothing takes the configuration's resolution."""
    finer = example("a", 1000, 800, (100, 200, 300, 400, 4), um_per_px=None)
    tiles = cut(tmp_path, Drawn(finer), 0.125)
    assert len(tiles) == 1
    assert tiles.on(0).tolist() == [[4, 50, 100, 150, 200]]
    assert (tiles.pictures[0][102:198, 52:148] == 60).all()


def test_a_picture_of_unknown_resolution_is_refused(tmp_path: Path) -> None:
    """Size tells cells apart, so nobody guesses; nothing is left behind."""
    with pytest.raises(DatasetError, match="a does not say") as caught:
        cut(tmp_path, Drawn(example("a", 512, 512, um_per_px=None)))
    assert caught.value.code == "resolution-unknown"
    assert not any(path.is_dir() for path in (tmp_path / "cells").glob("*"))


def test_a_large_picture_is_covered_by_tiles(tmp_path: Path) -> None:
    """1000 x 600 px: two by two tiles that overlap; an object is on each tile that holds its centre, clipped there."""
    tiles = cut(tmp_path, Drawn(example("a", 1000, 600, (490, 290, 510, 310, 7), (900, 550, 950, 600, 3))))
    assert len(tiles) == 4
    assert sorted(tiles.objects[:, 1].tolist()) == [3, 7, 7, 7, 7]
    for tile in range(4):
        for _, left, top, right, bottom in tiles.on(tile).astype(int):
            assert (tiles.pictures[tile][top:bottom, left:right] == 60).all()


def test_boxes_without_class_and_unsearched_ground_are_kept(tmp_path: Path) -> None:
    """A picture of which some kinds were not boxed is unsearched as far as it goes, the ground beside it is not."""
    tiles = cut(tmp_path, Drawn(example("a", 300, 200, (10, 20, 60, 80), complete=False)))
    assert tiles.on(0).tolist() == [[UNSTATED, 10, 20, 60, 80], [UNSEARCHED, 0, 0, 300, 200]]


def test_what_nobody_boxed_is_left_out(tmp_path: Path) -> None:
    """No boxes stated is not the same as boxes looked for and none found."""
    tiles = cut(tmp_path, Drawn(example("unboxed", 512, 512, objects=None), example("empty", 512, 512)))
    assert tiles.origins.tolist() == [1]
    assert len(tiles.objects) == 0


def test_pictures_are_decoded_once(tmp_path: Path) -> None:
    """The second run finds the tiles; a changed box makes other tiles; a changed split does not."""
    source = Drawn(example("a", 512, 512, (10, 20, 60, 80, 4)))
    first, second = (cell_store(source, tmp_path) for _ in range(2))
    assert first == second
    assert source.read_so_far == 1
    other_split = Drawn(example("a", 512, 512, (10, 20, 60, 80, 4), split=Split.TEST))
    assert cell_store(other_split, tmp_path) == first
    assert cell_store(Drawn(example("a", 512, 512, (10, 20, 60, 81, 4))), tmp_path) != first


def test_regions_are_the_examples_somebody_judged(tmp_path: Path) -> None:
    """Fit and unfit, halved; a small one is mirrored at its edges, not laid on ground that would give it away."""
    source = Drawn(
        example("fit", 512, 512, fit=True), example("small", 300, 300, fit=False), example("unsaid", 512, 512)
    )
    tiles = RegionTiles.open(region_store(source, tmp_path))
    assert tiles.fit.tolist() == [True, False]
    assert tiles.origins.tolist() == [0, 1]
    assert tiles.pictures[0].shape == (256, 256, 3)
    assert np.isnan(tiles.faults).all()


def sources(tmp_path: Path, source: Drawn) -> TileSources[CellTiles]:
    return TileSources(CELLS, lambda _: source, tmp_path / "cache")


def config(tmp_path: Path, *folders: Path, validation: tuple[Path, ...] = ()) -> CellTraining:
    asked = (DataSource(folders=validation),) if validation else ()
    return CellTraining(out=tmp_path, data=(DataSource(folders=folders),), validation=asked)


def split_source() -> Drawn:
    kinds = (Split.TRAIN, Split.VALIDATION, Split.TRAIN, Split.TEST)
    return Drawn(*(example(str(i), 512, 512, (i, 0, i + 50, 50, 4), split=kind) for i, kind in enumerate(kinds)))


def test_each_split_is_used_for_its_purpose(tmp_path: Path) -> None:
    """Training sees the training split, validation the validation split, and nobody the test split."""
    found, asked = sources(tmp_path, split_source()), config(tmp_path, tmp_path / "set")
    ((train, weight),) = found.to_train_on(asked)
    validation = found.to_validate_on(asked)
    assert (train.origins.tolist(), weight) == ([0, 2], 1.0)
    assert validation is not None
    assert validation.origins.tolist() == [1]
    assert validation.on(0).tolist() == [[4, 1, 0, 51, 50]]


def test_phantom_stores_and_data_sets_mix(tmp_path: Path, cell_folder: Path) -> None:
    """A store of the phantom is trained on whole, and validated on only where it is named for that."""
    found = sources(tmp_path, split_source())
    asked = config(tmp_path, cell_folder, tmp_path / "set")
    assert [len(tiles) for tiles, _ in found.to_train_on(asked)] == [14]
    validation = found.to_validate_on(asked)
    assert validation is not None
    assert len(validation) == 1
    named = found.to_validate_on(config(tmp_path, tmp_path / "set", validation=(cell_folder,)))
    assert named is not None
    assert len(named) == 12


def test_without_anything_to_validate_on_there_is_no_validation(tmp_path: Path, cell_folder: Path) -> None:
    """A phantom store alone."""
    assert sources(tmp_path, Drawn()).to_validate_on(config(tmp_path, cell_folder)) is None


def test_a_data_set_without_splits_is_refused(tmp_path: Path) -> None:
    """Training on everything and measuring on everything is what splits are there to prevent."""
    found = sources(tmp_path, Drawn(example("a", 512, 512, (0, 0, 9, 9, 4))))
    with pytest.raises(DatasetError, match="dataset split") as caught:
        found.to_train_on(config(tmp_path, tmp_path / "set"))
    assert caught.value.code == "dataset-unsplit"


def test_data_without_a_tile_for_this_training_are_refused(tmp_path: Path) -> None:
    """Pictures with boxes teach the ROI model nothing."""
    found = TileSources(REGIONS, lambda _: split_source(), tmp_path / "cache")
    with pytest.raises(DatasetError) as caught:
        found.to_train_on(config(tmp_path, tmp_path / "set"))
    assert caught.value.code == "nothing-to-train-on"
