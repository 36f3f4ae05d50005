"""Stores of tiles cut from phantom slides, for training and for measuring on slides with other seeds."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.evaluation import TrueObject
from marrowcount.phantom import ONSET, PhantomSlide
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount.slides.model_input import halved
from marrowcount.slides.tiles import TILE_PX
from marrowcount_adapters.training.tiles import TileWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from marrowcount.slides.tiles import Tile

__all__ = ["truth_on", "unfit_tiles", "write_stores"]

SLIDE_PX: Final = 8192
"""Large enough for the ground to vary as on a whole slide."""


def write_stores(
    folder: Path, slides: Iterable[tuple[str, int]], count: int, size_px: int = SLIDE_PX, unfit_tiles: int | None = None
) -> None:
    """Write ``cells`` (fit tiles with their objects) and ``regions`` (fit and unfit tiles, halved).

    The folder gets its name when both are whole.

    Args:
        folder: of both stores.
        slides: profile and seed of each slide.
        count: how many slides.
        size_px: side of the slides.
        unfit_tiles: of each slide, half of them the least faulty, which are hard to tell, the others at random; None
            takes all, so that fit and unfit are as on a slide.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    capacity = count * (size_px // TILE_PX) ** 2
    cells = TileWriter(partial / "cells", capacity, TILE_PX)
    regions = TileWriter(partial / "regions", capacity, TILE_PX // 2)
    for profile, seed in slides:
        slide = PhantomSlide(profile, seed, SizePx(size_px, size_px))
        _write_fit(slide, cells, regions)
        _write_unfit(slide, regions, unfit_tiles)
    cells.close()
    regions.close()
    partial.rename(folder)


def truth_on(slide: PhantomSlide, tile: Tile) -> tuple[TrueObject, ...]:
    """The objects whose centre lies in the tile, boxes in its pixels and clipped to it."""
    size = SizePx(TILE_PX, TILE_PX)
    return tuple(TrueObject(o.cell_type, _local(o.box, tile).clipped(size)) for o in slide.objects_in(tile))


def unfit_tiles(slide: PhantomSlide, count: int | None) -> list[Tile]:
    """Tiles of a slide that are not fit: so many, half of them the least faulty, the others at random; None for all."""
    unfit = [place.tile for place in slide.tiles if not place.roi]
    return unfit if count is None else _hard_and_random(slide, unfit, count)


def _local(box: PixelBox, tile: Tile) -> PixelBox:
    return box.moved(-tile.left, -tile.top)


def _write_fit(slide: PhantomSlide, cells: TileWriter, regions: TileWriter) -> None:
    for place in (place for place in slide.tiles if place.roi):
        picture = slide.read(place.tile)
        cells.add(picture, truth_on(slide, place.tile))
        regions.add(halved(picture), faults=_faults(slide, place.tile))


def _write_unfit(slide: PhantomSlide, regions: TileWriter, count: int | None) -> None:
    for tile in unfit_tiles(slide, count):
        regions.add(halved(slide.read(tile)), fit=False, faults=_faults(slide, tile))


def _hard_and_random(slide: PhantomSlide, unfit: Sequence[Tile], count: int) -> list[Tile]:
    by_faults = sorted(unfit, key=lambda tile: float(slide.severity_on(tile).mean()))
    hard, others = by_faults[: count // 2], by_faults[count // 2 :]
    rng = np.random.default_rng(slide.seed)
    drawn = rng.permutation(len(others))[: count - len(hard)]
    return [*hard, *(others[int(place)] for place in drawn)]


def _faults(slide: PhantomSlide, tile: Tile) -> NDArray[np.floating]:
    """One half where ground ceases to count as fit."""
    faults: NDArray[np.floating] = np.minimum(1, slide.severity_on(tile) / (2 * ONSET))
    return faults
