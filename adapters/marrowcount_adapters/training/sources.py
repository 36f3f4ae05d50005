"""The tiles that a configuration names: of data sets, cut where they are not yet, and of phantom stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import numpy as np

from marrowcount.datasets import Split
from marrowcount.errors import DatasetError
from marrowcount_adapters.training.cutting import cell_store, region_store
from marrowcount_adapters.training.tiles import PICTURES, CellTiles, RegionTiles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from marrowcount.datasets import Dataset
    from marrowcount.ports import PictureSource
    from marrowcount_adapters.training.config import DataSource, Training

__all__ = ["CELLS", "REGIONS", "TileKind", "TileSources", "tiles_in_store"]

Tiles = TypeVar("Tiles", CellTiles, RegionTiles)


@dataclass(frozen=True, slots=True)
class TileKind(Generic[Tiles]):
    """What a training takes: tiles with objects, or tiles that are fit or not.

    Attributes:
        folder: of the phantom's stores.
        open: maps a store into memory.
        joined: several as one.
        store: cuts a data set, or finds it cut.
    """

    folder: str
    open: Callable[[Path], Tiles]
    joined: Callable[[Sequence[Tiles]], Tiles]
    store: Callable[[PictureSource, Path, float | None], Path]


CELLS: Final = TileKind("cells", CellTiles.open, CellTiles.joined, cell_store)
REGIONS: Final = TileKind("regions", RegionTiles.open, RegionTiles.joined, region_store)


FOLDER_OF_TASK: Final = {"cells": CELLS.folder, "roi": REGIONS.folder}


def tiles_in_store(folder: Path, task: str) -> int | None:
    """How many tiles a phantom store holds for a task; None where the folder is no such store."""
    path = folder / FOLDER_OF_TASK[task] / PICTURES
    return len(np.load(path, mmap_mode="r", allow_pickle=False)) if path.is_file() else None


@dataclass(frozen=True, slots=True)
class TileSources(Generic[Tiles]):
    """Finds tiles of one kind.

    Attributes:
        kind: which.
        open_source: opens a stored data set.
        cache: folder of the tiles cut from data sets.
        split_of: gives a data set its splits; as stored, if nothing else is said.
    """

    kind: TileKind[Tiles]
    open_source: Callable[[Path], PictureSource]
    cache: Path
    split_of: Callable[[Dataset], Dataset] = lambda dataset: dataset

    def to_train_on(self, config: Training) -> list[tuple[Tiles, float]]:
        """Tiles of each source, and its weight.

        Raises:
            DatasetError: ``nothing-to-train-on``, ``dataset-unsplit``, and those of reading a data set.
        """
        chosen = [(self.of(source, Split.TRAIN), source.weight) for source in config.data]
        if not any(len(tiles) for tiles, _ in chosen):
            raise DatasetError("nothing-to-train-on", "the data of the configuration hold no tile for this training")
        return chosen

    def to_validate_on(self, config: Training) -> Tiles | None:
        """As configured, else the validation splits of the data sets trained on; None where they hold no tile."""
        chosen = config.validation or config.data
        # What a phantom store holds was trained on, unless it is named for validation.
        parts = [self.of(source, Split.VALIDATION, stores=bool(config.validation)) for source in chosen]
        return self.kind.joined(parts) if any(len(part) for part in parts) else None

    def of(self, source: DataSource, split: Split, *, stores: bool = True) -> Tiles:
        """A source's tiles of one split; those of phantom stores are of every split, or of none."""
        return self.kind.joined([self._tiles(folder, source.um_per_px, split, stores) for folder in source.folders])

    def _tiles(self, folder: Path, um_per_px: float | None, split: Split, stores: bool) -> Tiles:  # noqa: FBT001 - as above
        store = folder / self.kind.folder
        if (store / PICTURES).is_file():
            tiles = self.kind.open(store)
            return tiles if stores else tiles.picked(np.empty(0, np.intp))
        source = self.open_source(folder)
        cut = self.kind.open(self.kind.store(source, self.cache, um_per_px))
        return cut.picked(self._places(source.dataset, cut.origins, split))

    def _places(self, dataset: Dataset, origins: NDArray[np.int64], split: Split) -> NDArray[np.intp]:
        """Of the tiles whose example is in that split."""
        examples = self.split_of(dataset).examples
        if not any(example.split for example in examples):
            raise DatasetError(
                "dataset-unsplit",
                f"{dataset.name} is not split; run 'marrowcount dataset split' on it, so that no patient is both "
                "trained on and measured on",
            )
        wanted = np.array([example.split is split for example in examples], dtype=np.bool_)
        return np.flatnonzero(wanted[origins])
