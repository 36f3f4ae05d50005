"""Stores of tiles on disk: rendered or cut once, then read many times.

A store is a folder of arrays that numpy maps into memory; nothing in it is a pickle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.cytology.cell_types import CellType
from marrowcount.evaluation import TrueObject
from marrowcount.slides.geometry import PixelBox

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from marrowcount.ports import Picture

__all__ = ["CellTiles", "RegionTiles", "TileWriter"]

PICTURES: Final = "pictures.npy"
OBJECTS: Final = "objects.npy"
FIT: Final = "fit.npy"
FAULTS: Final = "faults.npy"
PLACES: Final = 8
"""On a side of a tile, as many as the ROI network judges."""


@dataclass(frozen=True, slots=True)
class CellTiles:
    """Tiles with their objects.

    Attributes:
        pictures: (n, 512, 512, 3), RGB.
        objects: (m, 6), in the order of tiles: tile, class, left, top, right, bottom in pixels of the tile.
    """

    pictures: NDArray[np.uint8]
    objects: NDArray[np.float32]

    @classmethod
    def open(cls, folder: Path) -> CellTiles:
        """Map a store into memory."""
        pictures = np.load(folder / PICTURES, mmap_mode="r", allow_pickle=False)
        return cls(pictures, np.load(folder / OBJECTS, allow_pickle=False))

    @classmethod
    def joined(cls, stores: Sequence[CellTiles]) -> CellTiles:
        """Several stores as one, in memory."""
        starts = np.cumsum([0, *(len(store) for store in stores)])
        objects = np.concatenate([store.objects for store in stores])
        objects[:, 0] += np.repeat(starts[:-1], [len(store.objects) for store in stores])
        return cls(np.concatenate([store.pictures for store in stores]), objects)

    def __len__(self) -> int:
        return len(self.pictures)

    def on(self, tile: int) -> NDArray[np.float32]:
        """The objects of one tile: class, left, top, right, bottom, (k, 5)."""
        first, last = np.searchsorted(self.objects[:, 0], [tile, tile + 1])
        return self.objects[first:last, 1:]

    def truth(self, tile: int) -> tuple[TrueObject, ...]:
        """The objects of one tile in the core's words."""
        return tuple(
            TrueObject(CellType(int(row[0])), PixelBox(*(float(edge) for edge in row[1:]))) for row in self.on(tile)
        )


@dataclass(frozen=True, slots=True)
class RegionTiles:
    """Tiles with the verdict whether they are fit for cytology.

    Attributes:
        pictures: (n, 256, 256, 3), RGB, area means of 512 px tiles.
        fit: (n,).
        faults: (n, 8, 8), how far each place is from fit, 0 to 1; NaN where nobody can tell.
    """

    pictures: NDArray[np.uint8]
    fit: NDArray[np.bool_]
    faults: NDArray[np.float16]

    @classmethod
    def open(cls, folder: Path) -> RegionTiles:
        """Map a store into memory."""
        pictures = np.load(folder / PICTURES, mmap_mode="r", allow_pickle=False)
        fit, faults = (np.load(folder / name, allow_pickle=False) for name in (FIT, FAULTS))
        return cls(pictures, fit, faults)

    @classmethod
    def joined(cls, stores: Sequence[RegionTiles]) -> RegionTiles:
        """Several stores as one, in memory."""
        pictures = np.concatenate([store.pictures for store in stores])
        fit, faults = (np.concatenate([getattr(store, name) for store in stores]) for name in ("fit", "faults"))
        return cls(pictures, fit, faults)

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

    def __len__(self) -> int:
        return len(self._fit)

    @property
    def full(self) -> bool:
        """Whether no more tile has room."""
        return len(self) == len(self._pictures)

    def add(
        self,
        picture: Picture,
        objects: Sequence[TrueObject] = (),
        *,
        fit: bool = True,
        faults: NDArray[np.floating] | None = None,
    ) -> None:
        """Add a tile; boxes in pixels of the tile, clipped to it; how faulty its places are, (8, 8), where known."""
        tile = len(self)
        self._pictures[tile] = picture
        rows = [(tile, int(o.cell_type), o.box.left, o.box.top, o.box.right, o.box.bottom) for o in objects]
        self._objects.append(np.array(rows, dtype=np.float32).reshape(-1, 6))
        self._fit.append(fit)
        known = np.full((PLACES, PLACES), np.nan) if faults is None else faults
        self._faults.append(known.astype(np.float16))

    def close(self) -> None:
        """Write what the tiles hold; a store that was not filled is cut to its length."""
        pictures = self._pictures[: len(self)]
        if not self.full:
            pictures = np.array(pictures)
            np.save(self._folder / PICTURES, pictures, allow_pickle=False)
        else:
            self._pictures.flush()
        np.save(self._folder / OBJECTS, np.concatenate([np.empty((0, 6), np.float32), *self._objects]))
        np.save(self._folder / FIT, np.array(self._fit, dtype=np.bool_))
        np.save(self._folder / FAULTS, np.array(self._faults, np.float16).reshape(-1, PLACES, PLACES))
