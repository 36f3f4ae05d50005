"""A small store of drawn tiles whose objects are known from their colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount.evaluation import TrueObject
from marrowcount.slides.geometry import PixelBox
from marrowcount_adapters.training.tiles import CellTiles, RegionTiles, TileWriter

if TYPE_CHECKING:
    from pathlib import Path

TILES = 12


def drawn_tile(rng: np.random.Generator) -> tuple[np.ndarray, tuple[TrueObject, ...]]:
    """A black tile with one filled rectangle for each object, its red level ten times its class plus 20."""
    picture = np.zeros((512, 512, 3), np.uint8)
    objects = []
    for column in range(5):
        kind = CellType(int(rng.integers(len(CellType))))
        left, top = 100 * column + int(rng.integers(30)), int(rng.integers(420))
        width, height = int(rng.integers(20, 60)), int(rng.integers(20, 60))
        box = PixelBox(left, top, min(512, left + width), min(512, top + height))
        picture[int(box.top) : int(box.bottom), int(box.left) : int(box.right), 0] = 20 + 10 * kind
        objects.append(TrueObject(kind, box))
    return picture, tuple(objects)


def write_cell_tiles(folder: Path, tiles: int = TILES, seed: int = 4) -> CellTiles:
    rng = np.random.default_rng(seed)
    writer = TileWriter(folder, tiles, 512)
    for _ in range(tiles):
        writer.add(*drawn_tile(rng))
    writer.close()
    return CellTiles.open(folder)


@pytest.fixture(scope="session")
def cell_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As a phantom's store: the tiles lie in ``cells``."""
    folder = tmp_path_factory.mktemp("phantom")
    write_cell_tiles(folder / "cells")
    return folder


@pytest.fixture(scope="session")
def cell_tiles(cell_folder: Path) -> CellTiles:
    return CellTiles.open(cell_folder / "cells")


@pytest.fixture(scope="session")
def region_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fit tiles are light with a fault in a dark corner, unfit ones dark; as a phantom's store."""
    folder = tmp_path_factory.mktemp("phantom")
    writer = TileWriter(folder / "regions", 30, 256)
    for place in range(20):
        fit = place % 4 == 0
        picture = np.full((256, 256, 3), 200 if fit else 40, np.uint8)
        faults = np.zeros((8, 8)) if fit else None
        if faults is not None:
            picture[32:64, 224:] = 100
            faults[1, 7] = 0.25
        writer.add(picture, fit=fit, faults=faults)
    writer.close()
    return folder


@pytest.fixture(scope="session")
def region_tiles(region_folder: Path) -> RegionTiles:
    return RegionTiles.open(region_folder / "regions")
