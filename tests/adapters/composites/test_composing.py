"""Composed tiles: exact boxes, even classes, and the phantom's own objects kept."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from drawn_smears import single_cell, write_photographs
from marrowcount.cytology.cell_types import CellType
from marrowcount.slides.tiles import TILE_PX
from marrowcount_adapters.composites.clumps import clumps_on
from marrowcount_adapters.composites.composing import Composer, ReadyCell
from marrowcount_adapters.composites.cutting import CutOut, cut_out
from marrowcount_adapters.composites.phantom_ground import phantom_tiles
from marrowcount_adapters.composites.photographs import read_photographs

if TYPE_CHECKING:
    from pathlib import Path


def ready(rng: np.random.Generator, cell_type: CellType, kind: str, original: int) -> ReadyCell:
    cut = cut_out(single_cell(rng, 0.125, 5.5))
    assert isinstance(cut, CutOut)
    return ReadyCell(cut, cell_type, kind, f"{kind}/{original}")


@pytest.fixture(scope="module")
def composer(tmp_path_factory: pytest.TempPathFactory) -> Composer:
    rng = np.random.default_rng(1)
    cells = [ready(rng, CellType.BLAST, "set/MYO", n) for n in range(5)]
    cells += [ready(rng, CellType.BLAST, "set/MOB", 0), ready(rng, CellType.EOSINOPHIL, "set/EOS", 0)]
    folder: Path = write_photographs(tmp_path_factory.mktemp("photographs"), {"train": 3})
    grounds = [clumps_on(one) for one in read_photographs(folder, ("train",)).photographs]
    return Composer(cells, grounds, phantom_tiles(2, 1))


def nucleated(composer: Composer, tiles: int) -> Counter[CellType | None]:
    rng = np.random.default_rng(3)
    made = [composer.on_smear(rng) for _ in range(tiles)]
    return Counter(one.cell_type for _, objects in made for one in objects)


def test_a_tile_holds_several_cells_within_it(composer: Composer) -> None:
    """512 px, boxes within, each about as large as the cell that was pasted (44 px), but for those at the edge."""
    picture, objects = composer.on_smear(np.random.default_rng(2))
    assert picture.shape == (TILE_PX, TILE_PX, 3)
    cells = [one.box for one in objects if one.cell_type is not CellType.PLATELET]
    assert 3 <= len(cells) <= 16
    for box in cells:
        assert min(box.left, box.top, TILE_PX - box.right, TILE_PX - box.bottom) >= 0
        assert max(box.width, box.height) == pytest.approx(44, rel=0.15)


def test_the_box_lies_about_what_is_stained(composer: Composer) -> None:
    """Every pasted cell's nucleus is in its box, and hardly any stain lies outside of all boxes."""
    picture, objects = composer.on_smear(np.random.default_rng(8))
    stained = picture[..., 1].astype(int) < 100
    outside = stained.copy()
    for one in objects:
        window = np.s_[int(one.box.top) : int(one.box.bottom) + 1, int(one.box.left) : int(one.box.right) + 1]
        assert stained[window].any() or one.cell_type is CellType.PLATELET
        outside[window] = False
    assert outside.sum() < 0.01 * stained.sum()


def test_classes_are_drawn_evenly_and_then_kinds(composer: Composer) -> None:
    """One eosinophil against six blasts: as many of either are pasted."""
    counts = nucleated(composer, 25)
    share = counts[CellType.EOSINOPHIL] / (counts[CellType.EOSINOPHIL] + counts[CellType.BLAST])
    assert share == pytest.approx(0.5, abs=0.12)


def test_the_same_chance_gives_the_same_tile(composer: Composer) -> None:
    """Seeds are a promise."""
    for make in (composer.on_smear, composer.on_phantom):
        (picture, objects), (again, same) = (make(np.random.default_rng(6)) for _ in range(2))
        assert (picture == again).all()
        assert objects == same


def test_a_phantoms_objects_stay_unless_they_are_hidden(composer: Composer) -> None:
    """Those that are not covered by half keep class and size; what is pasted comes on top."""
    picture, objects = composer.on_phantom(np.random.default_rng(7))
    assert picture.shape == (TILE_PX, TILE_PX, 3)
    sizes = Counter((one.cell_type, *sorted((round(one.box.width), round(one.box.height)))) for one in objects)
    known = [
        Counter((one.cell_type, *sorted((round(one.box.width), round(one.box.height)))) for one in truth)
        for _, truth in composer.phantom
    ]
    kept = max((sizes & truth).total() / truth.total() for truth in known)
    assert kept > 0.8
    assert len(objects) > min(truth.total() for truth in known)
