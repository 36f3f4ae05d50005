"""Tiles that may be labelled, and what the present model sees on them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from marrowcount.cytology.cell_types import CellType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from marrowcount.active_learning.sightings import SeenObject
    from marrowcount.ports import Picture
    from marrowcount.slides.detections import Detection
    from marrowcount.slides.geometry import SizePx
    from marrowcount.slides.tiles import Tile

__all__ = ["Candidate", "PoolTile", "SeenTiles", "TilePool"]


@dataclass(frozen=True, slots=True)
class PoolTile:
    """One tile, or other picture, of the pool.

    Attributes:
        name: unique; it becomes the example's.
        size: in pixels.
        patient: pseudonym; may be empty.
        group: its slide, or what else it belongs to; may be empty.
        place: on its slide, where that is known; adjacent tiles are then not both chosen.
        um_per_px: resolution; None where nobody knows.
        digest: SHA-256 of the pixels, where it is known before they are read; else empty.
    """

    name: str
    size: SizePx
    patient: str = ""
    group: str = ""
    place: Tile | None = None
    um_per_px: float | None = None
    digest: str = ""


class TilePool(Protocol):
    """Where tiles are chosen from: counted slides, or pictures that nobody labelled."""

    @property
    def tiles(self) -> Sequence[PoolTile]:
        """All tiles, cheapest to read in this order."""
        ...

    def read(self, tile: PoolTile) -> Picture:
        """A tile's pixels, (rows, columns, 3), RGB.

        Raises:
            DatasetError: the picture, or the slide, is missing or damaged.
        """
        ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tile as the model sees it.

    Attributes:
        tile: which.
        digest: SHA-256 of its pixels.
        likeness: its thumbnail, to tell near-identical pictures (see :mod:`marrowcount.active_learning.likeness`).
        objects: what the model sees on it.
    """

    tile: PoolTile
    digest: str
    likeness: NDArray[np.float32]
    objects: tuple[SeenObject, ...]

    def prelabels(self, threshold: float) -> tuple[Detection, ...]:
        """What a count would find on it."""
        found = (seen.counted(threshold) for seen in self.objects)
        return tuple(one for one in found if one is not None)


class SeenTiles:
    """What the model sees on all candidates, as arrays; objects one after the other, in the order of the tiles.

    Attributes:
        count: of tiles.
        tile_of: the place of each object's tile, (objects,).
        shares: each object's class shares, (objects, 19).
        counted: the class that a count would take each for, -1 for nothing, (objects,).
        disagreement: each object's, about its class and about its presence, (objects, 2).
    """

    def __init__(self, candidates: Sequence[Candidate], threshold: float) -> None:
        seen = [(place, one) for place, candidate in enumerate(candidates) for one in candidate.objects]
        self.count = len(candidates)
        self.tile_of = np.array([place for place, _ in seen], np.intp)
        self.shares = np.array([one.shares for _, one in seen], np.float64).reshape(-1, len(CellType))
        self.counted = np.array([_class_of(one.counted(threshold)) for _, one in seen], np.int64)
        self.disagreement = np.array([one.disagreement for _, one in seen], np.float64).reshape(-1, 2)

    @cached_property
    def expected(self) -> NDArray[np.float64]:
        """Expected number of objects of each class on each tile, (tiles, 19)."""
        return self.summed(self.shares)

    def summed(self, of_objects: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sums over the objects of each tile, (tiles, k), of figures of the objects, (objects, k)."""
        sums = np.zeros((self.count, of_objects.shape[1]))
        np.add.at(sums, self.tile_of, of_objects)
        return sums


def _class_of(found: Detection | None) -> int:
    return -1 if found is None else int(found.cell_type)
