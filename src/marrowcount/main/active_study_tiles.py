"""The phantom slides of the study: drawn once, one store for each, so that a study that was stopped goes on."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.active_learning import PoolTile
from marrowcount.main.progress import progress_bar
from marrowcount.phantom import PROFILES, PhantomSlide
from marrowcount.slides.geometry import SizePx
from marrowcount.slides.tiles import TILE_PX, Tile
from marrowcount_adapters.training.phantom_tiles import truth_on
from marrowcount_adapters.training.tiles import CellTiles, TileWriter

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rich.console import Console

__all__ = ["StudyTiles", "drawn_tiles"]

PLACES: Final = "places.npy"
TILE: Final = SizePx(TILE_PX, TILE_PX)


@dataclass(frozen=True, slots=True)
class StudyTiles:
    """Tiles fit for cytology, with all their objects, and where each lies."""

    tiles: CellTiles
    where: tuple[PoolTile, ...]

    def __len__(self) -> int:
        return len(self.where)


def drawn_tiles(folder: Path, seeds: Iterable[int], slide_px: int, console: Console) -> StudyTiles:
    """The tiles of one slide of every profile for each seed; those that are drawn already are not drawn again."""
    slides = [(profile, seed) for seed in seeds for profile in PROFILES]
    parts: list[CellTiles] = []
    where: list[PoolTile] = []
    with progress_bar(console) as bar:
        for profile, seed in bar.track(slides, description=f"drawing {len(slides)} slides"):
            name = f"{profile}-{seed}-{slide_px}"
            store = _store(folder / name, profile, seed, slide_px)
            places: list[list[int]] = np.load(store / PLACES, allow_pickle=False).tolist()
            if places:
                parts.append(CellTiles.open(store))
            where += [
                PoolTile(f"{name}/{row}-{column}", TILE, name, name, Tile(row, column), 0.25) for row, column in places
            ]
    return StudyTiles(CellTiles.joined(parts), tuple(where))


def _store(folder: Path, profile: str, seed: int, slide_px: int) -> Path:
    if folder.is_dir():
        return folder
    slide = PhantomSlide(profile, seed, SizePx(slide_px, slide_px))
    fit = [place.tile for place in slide.tiles if place.roi]
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    writer = TileWriter(partial, max(1, len(fit)), TILE_PX)
    for tile in fit:
        writer.add(slide.read(tile), truth_on(slide, tile))
    writer.close()
    np.save(partial / PLACES, np.array([(tile.row, tile.column) for tile in fit], np.int64).reshape(-1, 2))
    partial.rename(folder)
    return folder
