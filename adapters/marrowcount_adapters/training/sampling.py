"""Which tile or object is drawn next: by the weight of its data set, and within that so that rare classes come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets.labels import UNSEARCHED
from marrowcount.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from marrowcount_adapters.training.augmentation import Labelled
    from marrowcount_adapters.training.tiles import CellTiles, RegionTiles

__all__ = ["CellMixture", "Drawn", "RegionMixture", "tile_weights"]

COMMON: Final = 0.4
"""A class that is on this share of the tiles or more needs no repeating (repeat factor sampling, Gupta 2019)."""
EVENNESS: Final = 0.25
"""Exponent of a class's count: 1 leaves the classes as they are, 0 makes them even."""
LARGE_CLASSES: Final = (CellType.MEGAKARYOCYTE, CellType.MEGAKARYOCYTE_NUCLEUS, CellType.HISTIOCYTE)

EASY_WEIGHT: Final = 0.2
COVERED_LEVEL: Final = 0.85
LEAST_COVERED: Final = 0.02
MOST_COVERED: Final = 0.6
"""Tiles beyond these are told at a glance and are left out before the ROI model; drawing them seldom saves time."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """An object that was drawn: on which tile, and its box, left, top, right, bottom."""

    tile: Labelled
    box: tuple[float, float, float, float]


def tile_weights(tiles: CellTiles) -> NDArray[np.float64]:
    """How often each tile should be drawn, summing to 1: more often where it holds classes that few tiles hold."""
    known = tiles.objects[tiles.objects[:, 1] >= 0]
    present = np.zeros((len(tiles), len(CellType)), dtype=np.bool_)
    present[known[:, 0].astype(int), known[:, 1].astype(int)] = True
    repeat = np.sqrt(np.maximum(1.0, COMMON / np.maximum(present.mean(axis=0), 1e-6)))
    weights = np.where(present, repeat, 1.0).max(axis=1)
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


class CellMixture:
    """Tiles of several data sets.

    Args:
        sources: tiles of each data set and its weight; weights need not sum to anything.

    Raises:
        DatasetError: ``nothing-to-train-on``.
    """

    def __init__(self, sources: Sequence[tuple[CellTiles, float]]) -> None:
        kept = [(tiles, weight) for tiles, weight in sources if len(tiles) and weight]
        if not any(_objects(tiles).any() for tiles, _ in kept):
            raise DatasetError(
                "nothing-to-train-on", "no tile for training has an object; check the data and its split"
            )
        self._tiles = [tiles for tiles, _ in kept]
        self._whole = np.cumsum([weight for _, weight in kept])
        self._tile_chances = [np.cumsum(tile_weights(tiles)) for tiles in self._tiles]
        self._places = {small: [_evenly(tiles, small=small) for tiles in self._tiles] for small in (False, True)}
        # A data set without such objects is never asked for one.
        self._with_places = {
            small: np.cumsum(np.diff(self._whole, prepend=0) * [bool(len(c)) for c in chances])
            for small, chances in self._places.items()
        }

    def __len__(self) -> int:
        return sum(len(tiles) for tiles in self._tiles)

    def tile(self, rng: np.random.Generator) -> Labelled:
        """A tile and its objects."""
        source = _one_of(self._whole, rng)
        tiles, place = self._tiles[source], _one_of(self._tile_chances[source], rng)
        return tiles.pictures[place], tiles.on(place)

    def object(self, rng: np.random.Generator, *, small: bool) -> Drawn:
        """An object, its class drawn almost evenly; not one of the large classes if ``small``."""
        if not self._with_places[small][-1]:
            small = False
        source = _one_of(self._with_places[small], rng)
        tiles = self._tiles[source]
        tile, _, *box = tiles.objects[_one_of(self._places[small][source], rng)].tolist()
        return Drawn((tiles.pictures[int(tile)], tiles.on(int(tile))), (box[0], box[1], box[2], box[3]))


class RegionMixture:
    """Fit and unfit tiles of several data sets; clearly empty or thick ones come seldom.

    Args:
        sources: as those of :class:`CellMixture`.

    Raises:
        DatasetError: ``nothing-to-train-on``: all tiles are of one kind.
    """

    def __init__(self, sources: Sequence[tuple[RegionTiles, float]]) -> None:
        kept = [(tiles, weight) for tiles, weight in sources if len(tiles) and weight]
        self._tiles = [tiles for tiles, _ in kept]
        easy = [np.where(tiles.fit | ~_clearly_unfit(tiles), 1.0, EASY_WEIGHT) for tiles in self._tiles]
        self._chances = {
            fit: [np.cumsum(w * (tiles.fit == fit)) for tiles, w in zip(self._tiles, easy, strict=True)]
            for fit in (False, True)
        }
        self._sources = {
            fit: np.cumsum([weight * bool(c[-1]) for (_, weight), c in zip(kept, chances, strict=True)])
            for fit, chances in self._chances.items()
        }
        for fit, sources_ in self._sources.items():
            if not len(sources_) or not sources_[-1]:
                missing = "fit" if fit else "unfit"
                raise DatasetError("nothing-to-train-on", f"no tile for training is {missing}; both kinds are needed")

    def __len__(self) -> int:
        return sum(len(tiles) for tiles in self._tiles)

    @property
    def fit_tiles(self) -> int:
        """How many are fit."""
        return int(sum(tiles.fit.sum() for tiles in self._tiles))

    def tile(self, rng: np.random.Generator, *, fit: bool) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
        """A halved tile and the faults of its places."""
        source = _one_of(self._sources[fit], rng)
        tiles, place = self._tiles[source], _one_of(self._chances[fit][source], rng)
        return tiles.pictures[place], tiles.faults[place]


def _one_of(cumulated: NDArray[np.float64], rng: np.random.Generator) -> int:
    """A place, its chance being the step that the cumulated chances take there."""
    return int(np.searchsorted(cumulated, rng.random() * cumulated[-1], side="right"))


def _objects(tiles: CellTiles) -> NDArray[np.bool_]:
    among: NDArray[np.bool_] = tiles.objects[:, 1] != UNSEARCHED
    return among


def _evenly(tiles: CellTiles, *, small: bool) -> NDArray[np.float64]:
    """Cumulated chance of each object to be drawn, empty where there is none.

    Classes have their own shares, almost evened out; those whose class nobody stated are one more class.
    """
    among = _objects(tiles)
    if small:
        among &= ~np.isin(tiles.objects[:, 1].astype(int), LARGE_CLASSES)
    if not among.any():
        return np.empty(0)
    labels = tiles.objects[:, 1].astype(int) - UNSEARCHED
    counts = np.maximum(1.0, np.bincount(labels[among], minlength=len(CellType) - UNSEARCHED))
    return np.cumsum(np.where(among, counts[labels] ** (EVENNESS - 1), 0.0))


def _clearly_unfit(tiles: RegionTiles) -> NDArray[np.bool_]:
    """Whether almost nothing or most of a tile is darker than its own glass, (n,)."""
    covered = np.empty(len(tiles))
    for place in range(len(tiles)):
        grey = tiles.pictures[place][::2, ::2].mean(axis=2)
        covered[place] = (grey < COVERED_LEVEL * np.percentile(grey, 95)).mean()
    return (covered < LEAST_COVERED) | (covered > MOST_COVERED)
