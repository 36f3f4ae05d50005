"""Stores of tiles on disk: rendered or cut once, then read many times.

A store is a folder of arrays that numpy maps into memory; nothing in it is a pickle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets.labels import UNSTATED
from marrowcount.evaluation import TrueObject
from marrowcount.slides.geometry import PixelBox

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from marrowcount.ports import Picture

__all__ = ["PICTURES", "PLACES", "CellTiles", "Pictures", "RegionTiles", "TileWriter"]

PICTURES: Final = "pictures.npy"
OBJECTS: Final = "objects.npy"
FIT: Final = "fit.npy"
FAULTS: Final = "faults.npy"
ORIGINS: Final = "origins.npy"
PLACES: Final = 8
"""On a side of a tile, as many as the ROI network judges."""


class Pictures(Protocol):
    """Pictures of one size, one after the other: an array, or rows of several."""

    def __len__(self) -> int:
        """How many."""
        ...

    def __getitem__(self, place: int, /) -> NDArray[np.uint8]:
        """One picture, (rows, columns, 3)."""
        ...


@dataclass(frozen=True, slots=True)
class PictureRows:
    """Some rows of some arrays, read where they lie: pictures of stores are larger than memory.

    Attributes:
        arrays: (n, rows, columns, 3) each.
        rows: (k, 2): which array, which of its pictures.
    """

    arrays: tuple[Pictures, ...]
    rows: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int, /) -> NDArray[np.uint8]:
        array, row = (int(number) for number in self.rows[place])
        return self.arrays[array][row]


@dataclass(frozen=True, slots=True)
class CellTiles:
    """Tiles with their objects.

    Attributes:
        pictures: (n, 512, 512, 3), RGB.
        objects: (m, 6), in the order of tiles: tile, class, left, top, right, bottom in pixels of the tile. A class
            may also be ``UNSTATED`` or ``UNSEARCHED``.
        origins: (n,), the place in its data set of the example that a tile was cut from; -1 for none.
    """

    pictures: Pictures
    objects: NDArray[np.float32]
    origins: NDArray[np.int64]

    @classmethod
    def open(cls, folder: Path) -> CellTiles:
        """Map a store into memory."""
        pictures = np.load(folder / PICTURES, mmap_mode="r", allow_pickle=False)
        return cls(pictures, np.load(folder / OBJECTS, allow_pickle=False), _origins(folder, len(pictures)))

    @classmethod
    def joined(cls, stores: Sequence[CellTiles]) -> CellTiles:
        """Several stores as one."""
        starts = np.cumsum([0, *(len(store) for store in stores)])
        objects = np.concatenate([store.objects for store in stores])
        objects[:, 0] += np.repeat(starts[:-1], [len(store.objects) for store in stores])
        return cls(_joined(stores), objects, np.concatenate([store.origins for store in stores]))

    def picked(self, tiles: NDArray[np.intp]) -> CellTiles:
        """Some of the tiles, in the order given."""
        objects = [self.objects[slice(*np.searchsorted(self.objects[:, 0], [tile, tile + 1]))] for tile in tiles]
        kept = np.concatenate([np.empty((0, 6), np.float32), *objects])
        kept[:, 0] = np.repeat(np.arange(len(tiles)), [len(rows) for rows in objects])
        return CellTiles(_picked(self.pictures, tiles), kept, self.origins[tiles])

    def __len__(self) -> int:
        return len(self.pictures)

    def on(self, tile: int) -> NDArray[np.float32]:
        """The objects of one tile: class, left, top, right, bottom, (k, 5)."""
        first, last = np.searchsorted(self.objects[:, 0], [tile, tile + 1])
        return self.objects[first:last, 1:]

    def truth(self, tile: int) -> tuple[TrueObject, ...]:
        """The objects of one tile whose class is known, in the core's words."""
        rows = (row for row in self.on(tile) if row[0] >= 0)
        return tuple(TrueObject(CellType(int(row[0])), PixelBox(*(float(edge) for edge in row[1:]))) for row in rows)

    def kinds(self) -> dict[str, int]:
        """How many objects of each class there are, those of unstated class last."""
        labels = self.objects[:, 1]
        counts = {kind.label: int((labels == kind).sum()) for kind in CellType}
        return counts | {"nucleated cell of unstated class": int((labels == UNSTATED).sum())}

    def wholly_known(self) -> NDArray[np.bool_]:
        """On which tiles everything is boxed, and every box has a class, (n,)."""
        known = np.ones(len(self), dtype=np.bool_)
        known[self.objects[self.objects[:, 1] < 0, 0].astype(int)] = False
        return known


@dataclass(frozen=True, slots=True)
class RegionTiles:
    """Tiles with the verdict whether they are fit for cytology.

    Attributes:
        pictures: (n, 256, 256, 3), RGB, area means of 512 px tiles.
        fit: (n,).
        faults: (n, 8, 8), how far each place is from fit, 0 to 1; NaN where nobody can tell.
        origins: as those of :class:`CellTiles`.
    """

    pictures: Pictures
    fit: NDArray[np.bool_]
    faults: NDArray[np.float16]
    origins: NDArray[np.int64]

    @classmethod
    def open(cls, folder: Path) -> RegionTiles:
        """Map a store into memory."""
        pictures = np.load(folder / PICTURES, mmap_mode="r", allow_pickle=False)
        fit, faults = (np.load(folder / name, allow_pickle=False) for name in (FIT, FAULTS))
        return cls(pictures, fit, faults, _origins(folder, len(pictures)))

    @classmethod
    def joined(cls, stores: Sequence[RegionTiles]) -> RegionTiles:
        """Several stores as one."""
        fit, faults, origins = (
            np.concatenate([getattr(store, name) for store in stores]) for name in ("fit", "faults", "origins")
        )
        return cls(_joined(stores), fit, faults, origins)

    def picked(self, tiles: NDArray[np.intp]) -> RegionTiles:
        """Some of the tiles, in the order given."""
        return RegionTiles(_picked(self.pictures, tiles), self.fit[tiles], self.faults[tiles], self.origins[tiles])

    def kinds(self) -> dict[str, int]:
        """How many tiles are fit and how many are not."""
        fit = int(self.fit.sum())
        return {"fit": fit, "unfit": len(self) - fit}

    def __len__(self) -> int:
        return len(self.pictures)


class TileWriter:
    """Writes a store of at most ``capacity`` tiles."""

    def __init__(self, folder: Path, capacity: int, side_px: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        shape = (capacity, side_px, side_px, 3)
        self._pictures = np.lib.format.open_memmap(folder / PICTURES, mode="w+", dtype=np.uint8, shape=shape)
        self._objects: list[NDArray[np.float32]] = []
        self._fit: list[bool] = []
        self._faults: list[NDArray[np.float16]] = []
        self._origins: list[int] = []

    def __len__(self) -> int:
        return len(self._fit)

    @property
    def full(self) -> bool:
        """Whether no more tile has room."""
        return len(self) == len(self._pictures)

    def add(
        self,
        picture: Picture,
        objects: Sequence[TrueObject] | NDArray[np.float32] = (),
        *,
        fit: bool = True,
        faults: NDArray[np.floating] | None = None,
        origin: int = -1,
    ) -> None:
        """Add a tile.

        Args:
            picture: (side, side, 3).
            objects: boxes in pixels of the tile, clipped to it; or rows of class, left, top, right, bottom, (k, 5).
            fit: for cytology.
            faults: how faulty its places are, (8, 8), where known.
            origin: the place in its data set of the example that it was cut from.
        """
        rows = objects if isinstance(objects, np.ndarray) else _rows(objects)
        tile = np.full((len(rows), 1), len(self), np.float32)
        self._pictures[len(self)] = picture
        self._objects.append(np.concatenate([tile, rows], axis=1))
        self._fit.append(fit)
        known = np.full((PLACES, PLACES), np.nan) if faults is None else faults
        self._faults.append(known.astype(np.float16))
        self._origins.append(origin)

    def close(self) -> None:
        """Write what the tiles hold; a store that was not filled is cut to its length."""
        if not self.full:
            np.save(self._folder / PICTURES, np.array(self._pictures[: len(self)]), allow_pickle=False)
        else:
            self._pictures.flush()
        np.save(self._folder / OBJECTS, np.concatenate([np.empty((0, 6), np.float32), *self._objects]))
        np.save(self._folder / FIT, np.array(self._fit, dtype=np.bool_))
        np.save(self._folder / FAULTS, np.array(self._faults, np.float16).reshape(-1, PLACES, PLACES))
        np.save(self._folder / ORIGINS, np.array(self._origins, np.int64))


def _rows(objects: Sequence[TrueObject]) -> NDArray[np.float32]:
    rows = [(int(o.cell_type), o.box.left, o.box.top, o.box.right, o.box.bottom) for o in objects]
    return np.array(rows, dtype=np.float32).reshape(-1, 5)


def _origins(folder: Path, tiles: int) -> NDArray[np.int64]:
    """Stores of the phantom need not say."""
    path = folder / ORIGINS
    return np.load(path, allow_pickle=False) if path.is_file() else np.full(tiles, -1, np.int64)


def _joined(stores: Sequence[CellTiles | RegionTiles]) -> PictureRows:
    rows = [np.stack([np.full(len(store), i), np.arange(len(store))], axis=1) for i, store in enumerate(stores)]
    return PictureRows(tuple(store.pictures for store in stores), np.concatenate(rows))


def _picked(pictures: Pictures, tiles: NDArray[np.intp]) -> PictureRows:
    return PictureRows((pictures,), np.stack([np.zeros_like(tiles), tiles], axis=1))
