"""Batches of augmented tiles: each a function of the seed and its number alone, so that a run can go on anywhere."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import numpy as np

from marrowcount.slides.model_input import halved
from marrowcount.slides.tiles import TILE_PX
from marrowcount_adapters.training.augmentation import (
    Look,
    cut,
    cutmix,
    four,
    leaning,
    mosaic,
    photographed,
    turned,
    turned_grid,
    turned_picture,
)
from marrowcount_adapters.training.distractors import distractor
from marrowcount_adapters.training.tiles import PLACES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from marrowcount_adapters.training.augmentation import Labelled
    from marrowcount_adapters.training.sampling import CellMixture, Drawn, RegionMixture

__all__ = ["CellBatch", "CellBatches", "RegionBatch", "RegionBatches", "ahead"]

CellBatch: TypeAlias = "tuple[NDArray[np.uint8], NDArray[np.float32]]"
"""Pictures (n, side, side, 3); objects (m, 6): picture, class, centre x and y, width, height as shares of the side."""
RegionBatch: TypeAlias = "tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float32]]"
"""Pictures (n, 256, 256, 3), class 0 (unfit) or 1 (fit), and how faulty the places are, (n, 8, 8), NaN if unknown."""

CROP_PX: Final = 320

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class CellBatches:
    """Batches for the cell model.

    Whole tiles hold much empty ground and few rare cells: parts of 320 px about an object, whose class is drawn almost
    evenly, teach more in the same time. Some of these are put together of four parts of 160 px, which are too small
    for the large classes.

    Attributes:
        tiles: to draw from.
        size: pictures a batch.
        seed: of everything.
        crops: whether parts of tiles, or whole tiles.
        fours: share of the parts that are put together of four.
        mosaics: share of the whole tiles that are put together of four.
        cutmixes: share of the whole tiles with a part of another in them.
        leaning: share that is turned by a few degrees and scaled.
        degrees: by how many at most.
        scale: 0.1 for a factor of 0.9 to 1.1; size tells cells apart, so little is better.
        look: how photographs may differ.
    """

    tiles: CellMixture
    size: int
    seed: int
    crops: bool = True
    fours: float = 0.5
    mosaics: float = 0.5
    cutmixes: float = 0.2
    leaning: float = 0.3
    degrees: float = 20.0
    scale: float = 0.1
    look: Look = field(default_factory=Look)

    def __call__(self, step: int) -> CellBatch:
        """The batch of a step."""
        rng = np.random.default_rng((self.seed, step))
        made = [self._part(rng) if self.crops else self._whole(rng) for _ in range(self.size)]
        objects = [_as_shares(inside, place, picture.shape[0]) for place, (picture, inside) in enumerate(made)]
        return np.stack([photographed(picture, rng, self.look) for picture, _ in made]), np.concatenate(objects)

    def _part(self, rng: np.random.Generator) -> Labelled:
        if rng.random() < self.fours:
            return four([_about(self.tiles.object(rng, small=True), CROP_PX // 2, rng) for _ in range(4)])
        drawn = self.tiles.object(rng, small=False)
        return self._leaned(_about(drawn, CROP_PX, rng), rng)

    def _whole(self, rng: np.random.Generator) -> Labelled:
        kind = rng.random()
        if kind < self.mosaics:
            return mosaic([turned(self.tiles.tile(rng), rng) for _ in range(4)], rng)
        if kind < self.mosaics + self.cutmixes:
            tile, other = (turned(self.tiles.tile(rng), rng) for _ in range(2))
            return cutmix(tile, other, rng)
        return self._leaned(turned(self.tiles.tile(rng), rng), rng)

    def _leaned(self, tile: Labelled, rng: np.random.Generator) -> Labelled:
        if rng.random() >= self.leaning:
            return tile
        return leaning(tile, rng.uniform(-self.degrees, self.degrees), 1 + rng.uniform(-self.scale, self.scale))


@dataclass(frozen=True, slots=True)
class RegionBatches:
    """Batches for the ROI model, with a fixed share of fit tiles, which are rarer on slides.

    The first picture of each batch is none of marrow at all, drawn afresh.

    Attributes:
        tiles: to draw from.
        size: pictures a batch, at least 2.
        seed: of everything.
        fit_share: of fit tiles.
        look: how photographs may differ; never in focus, since blur is what makes some tiles unfit.
    """

    tiles: RegionMixture
    size: int
    seed: int
    fit_share: float = 0.35
    look: Look = field(default_factory=lambda: Look(blurred=0.0))

    def __call__(self, step: int) -> RegionBatch:
        """The batch of a step."""
        rng = np.random.default_rng((self.seed, step))
        labels = (rng.random(self.size) < self.fit_share).astype(np.int64)
        labels[0] = 0
        everywhere = np.ones((PLACES, PLACES), np.float32)
        made = [(halved(distractor(step, rng)), everywhere), *(self._tile(rng, bool(fit)) for fit in labels[1:])]
        return np.stack([picture for picture, _ in made]), labels, np.stack([faults for _, faults in made])

    def _tile(self, rng: np.random.Generator, fit: bool) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:  # noqa: FBT001 - a label
        picture, faults = self.tiles.tile(rng, fit=fit)
        kind = int(rng.integers(8))
        other = photographed(turned_picture(picture, kind), rng, self.look)
        return other, turned_grid(faults, kind).astype(np.float32)


def ahead(make: Callable[[int], Item], first: int, last: int, depth: int = 4) -> Iterator[Item]:
    """What ``make`` gives for first..last (exclusive), made up to ``depth`` ahead in a thread that ends in time."""
    pool = ThreadPoolExecutor(1)
    coming = deque(pool.submit(make, step) for step in range(first, min(first + depth, last)))
    try:
        for step in range(first + depth, last + depth):
            item = coming.popleft().result()
            if step < last:
                coming.append(pool.submit(make, step))
            yield item
    finally:
        pool.shutdown(cancel_futures=True)


def _about(drawn: Drawn, side: int, rng: np.random.Generator) -> Labelled:
    """A part of a tile that holds the object somewhere, turned."""
    left, top = (_start(drawn.box[axis], drawn.box[axis + 2], side, rng) for axis in (0, 1))
    return turned(cut(drawn.tile, left, top, side, side), rng)


def _start(first: float, last: float, side: int, rng: np.random.Generator) -> int:
    """Where a part of that side may begin so that it holds first..last, or its middle where it is too short."""
    low, high = (last - side, first) if last - first < side else ((first + last - side) / 2,) * 2
    return int(np.clip(rng.uniform(low, high), 0, TILE_PX - side))


def _as_shares(objects: NDArray[np.float32], place: int, side: int) -> NDArray[np.float32]:
    label, left, top, right, bottom = objects.T
    columns = [np.full_like(label, place), label, (left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
    shares = np.stack(columns, axis=1)
    shares[:, 2:] /= side
    return shares
