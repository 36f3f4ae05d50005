"""Endless, seeded batches of augmented tiles, made in a thread beside the training step."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import numpy as np

from marrowcount.cytology.cell_types import CellType
from marrowcount.slides.model_input import halved
from marrowcount.slides.tiles import TILE_PX
from marrowcount_adapters.training.augmentation import (
    cut,
    four,
    mosaic,
    photographed,
    turned,
    turned_grid,
    turned_picture,
)
from marrowcount_adapters.training.distractors import distractors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from marrowcount_adapters.training.augmentation import Labelled
    from marrowcount_adapters.training.tiles import CellTiles, RegionTiles

__all__ = ["CellBatch", "RegionBatch", "ahead", "cell_batches", "crop_batches", "region_batches", "tile_weights"]

CellBatch: TypeAlias = "tuple[NDArray[np.uint8], NDArray[np.float32]]"
"""Pictures (n, side, side, 3); objects (m, 6): picture, class, centre x and y, width, height as shares of the side."""
RegionBatch: TypeAlias = "tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float32]]"
"""Pictures (n, 256, 256, 3), class 0 (unfit) or 1 (fit), and how faulty the places are, (n, 8, 8), NaN if unknown."""

MOSAIC_SHARE: Final = 0.5
COMMON: Final = 0.4
"""A class that is on this share of the tiles or more needs no repeating (repeat factor sampling, Gupta 2019)."""

CROP_PX: Final = 320
FOURS_SHARE: Final = 0.5
EVENNESS: Final = 0.25
"""Exponent of a class's count: 1 leaves the classes as they are, 0 makes them even."""
LARGE_CLASSES: Final = (CellType.MEGAKARYOCYTE, CellType.MEGAKARYOCYTE_NUCLEUS, CellType.HISTIOCYTE)

EASY_WEIGHT: Final = 0.2
COVERED_LEVEL: Final = 0.85
LEAST_COVERED: Final = 0.02
MOST_COVERED: Final = 0.6
"""Tiles beyond these are told at a glance and are left out before the ROI model; drawing them seldom saves time."""

Item = TypeVar("Item")


def tile_weights(tiles: CellTiles) -> NDArray[np.float64]:
    """How often each tile should be drawn, summing to 1: more often where it holds classes that few tiles hold."""
    present = np.zeros((len(tiles), len(CellType)), dtype=np.bool_)
    present[tiles.objects[:, 0].astype(int), tiles.objects[:, 1].astype(int)] = True
    repeat = np.sqrt(np.maximum(1.0, COMMON / np.maximum(present.mean(axis=0), 1e-6)))
    weights = np.where(present, repeat, 1.0).max(axis=1)
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def cell_batches(tiles: CellTiles, size: int, seed: int, mosaic_share: float = MOSAIC_SHARE) -> Iterator[CellBatch]:
    """Batches of whole tiles and mosaics."""
    rng = np.random.default_rng(seed)
    weights = tile_weights(tiles)
    while True:
        yield _batch([_cell_tile(tiles, weights, rng, mosaic_share) for _ in range(size)])


def crop_batches(tiles: CellTiles, size: int, seed: int) -> Iterator[CellBatch]:
    """Batches of 320 px parts of tiles about an object, whose class is drawn almost evenly.

    Whole tiles hold much empty ground and few rare cells: parts teach more in the same time. Half of the pictures are
    put together of four parts of 160 px, which are too small for the large classes.
    """
    rng = np.random.default_rng(seed)
    small = ~np.isin(tiles.objects[:, 1].astype(int), LARGE_CLASSES)
    every, small_ones = _evenly(tiles, np.ones_like(small)), _evenly(tiles, small)
    while True:
        yield _batch([_crop(tiles, every, small_ones, rng) for _ in range(size)])


def region_batches(tiles: RegionTiles, size: int, seed: int, fit_share: float = 0.35) -> Iterator[RegionBatch]:
    """Batches with a fixed share of fit tiles, which are rarer on slides; clearly empty or thick ones come seldom.

    The first picture of each batch is none of marrow at all, drawn afresh.
    """
    rng = np.random.default_rng(seed)
    weights = np.where(tiles.fit | ~_clearly_unfit(tiles), 1.0, EASY_WEIGHT)
    chances = [np.cumsum(weights * (tiles.fit == fit)) for fit in (False, True)]
    others = distractors(seed)
    while True:
        labels = (rng.random(size) < fit_share).astype(np.int64)
        labels[0] = 0
        chosen = [int(np.searchsorted(chances[label], rng.random() * chances[label][-1])) for label in labels]
        kinds = [int(kind) for kind in rng.integers(8, size=size - 1)]
        # Blur is what makes some tiles unfit, so it is no augmentation here.
        made = [
            photographed(turned_picture(tiles.pictures[tile], kind), rng, blurred_share=0.0)
            for tile, kind in zip(chosen[1:], kinds, strict=True)
        ]
        faults = [turned_grid(tiles.faults[tile], kind) for tile, kind in zip(chosen[1:], kinds, strict=True)]
        everywhere = np.ones(tiles.faults.shape[1:])
        yield np.stack([halved(next(others)), *made]), labels, np.stack([everywhere, *faults]).astype(np.float32)


def ahead(items: Iterator[Item], depth: int = 4) -> Iterator[Item]:
    """The same items, made up to ``depth`` ahead in a thread that ends when the consumer does."""
    made: queue.Queue[Item] = queue.Queue(depth)
    done = threading.Event()
    thread = threading.Thread(target=_fill, args=(items, made, done), daemon=True)
    thread.start()
    try:
        while thread.is_alive() or not made.empty():
            try:
                yield made.get(timeout=0.1)
            except queue.Empty:
                continue
    finally:
        done.set()
        thread.join()


def _fill(items: Iterator[Item], made: queue.Queue[Item], done: threading.Event) -> None:
    for item in items:
        while not done.is_set():
            try:
                made.put(item, timeout=0.1)
                break
            except queue.Full:
                continue
        if done.is_set():
            return


def _evenly(tiles: CellTiles, among: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Chance of each object to be drawn, summing to 1: the classes' own shares, almost evened out."""
    labels = tiles.objects[:, 1].astype(int)
    counts = np.maximum(1.0, np.bincount(labels[among], minlength=len(CellType)))
    chances = np.where(among, counts[labels] ** (EVENNESS - 1), 0.0)
    shares: NDArray[np.float64] = chances / chances.sum()
    return shares


def _crop(
    tiles: CellTiles, every: NDArray[np.float64], small: NDArray[np.float64], rng: np.random.Generator
) -> Labelled:
    if rng.random() < FOURS_SHARE:
        picture, objects = four([_about(tiles, int(o), CROP_PX // 2, rng) for o in _drawn(small, 4, rng)])
    else:
        picture, objects = _about(tiles, int(_drawn(every, 1, rng)[0]), CROP_PX, rng)
    return photographed(picture, rng), objects


def _drawn(chances: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    return np.searchsorted(np.cumsum(chances), rng.random(count)).clip(0, len(chances) - 1)


def _about(tiles: CellTiles, place: int, side: int, rng: np.random.Generator) -> Labelled:
    """A part of a tile that holds the object somewhere, turned."""
    tile, _, *box = (float(value) for value in tiles.objects[place])
    left, top = (_start(box[axis], box[axis + 2], side, rng) for axis in (0, 1))
    return turned(cut((tiles.pictures[int(tile)], tiles.on(int(tile))), left, top, side, side), rng)


def _start(first: float, last: float, side: int, rng: np.random.Generator) -> int:
    """Where a part of that side may begin so that it holds first..last, or its middle where it is too short."""
    low, high = (last - side, first) if last - first < side else ((first + last - side) / 2,) * 2
    return int(np.clip(rng.uniform(low, high), 0, TILE_PX - side))


def _batch(made: list[Labelled]) -> CellBatch:
    objects = [_as_shares(inside, place, picture.shape[0]) for place, (picture, inside) in enumerate(made)]
    return np.stack([picture for picture, _ in made]), np.concatenate(objects)


def _clearly_unfit(tiles: RegionTiles) -> NDArray[np.bool_]:
    """Whether almost nothing or most of a tile is darker than its own glass, (n,)."""
    covered = np.empty(len(tiles))
    for place, picture in enumerate(tiles.pictures):
        grey = picture[::2, ::2].mean(axis=2)
        covered[place] = (grey < COVERED_LEVEL * np.percentile(grey, 95)).mean()
    return (covered < LEAST_COVERED) | (covered > MOST_COVERED)


def _cell_tile(
    tiles: CellTiles, weights: NDArray[np.float64], rng: np.random.Generator, mosaic_share: float
) -> Labelled:
    parts = 4 if rng.random() < mosaic_share else 1
    chosen = rng.choice(len(tiles), parts, p=weights)
    drawn = [turned((tiles.pictures[tile], tiles.on(int(tile))), rng) for tile in chosen]
    picture, objects = mosaic(drawn, rng) if parts > 1 else drawn[0]
    return photographed(picture, rng), objects


def _as_shares(objects: NDArray[np.float32], place: int, side: int) -> NDArray[np.float32]:
    label, left, top, right, bottom = objects.T
    columns = [np.full_like(label, place), label, (left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
    shares = np.stack(columns, axis=1)
    shares[:, 2:] /= side
    return shares
