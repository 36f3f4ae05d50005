"""``marrowcount dataset phantom``: tiles of drawn slides as a data set, each slide a patient of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from marrowcount.datasets import Example, LabelledBox
from marrowcount.main.progress import progress_bar
from marrowcount.phantom import PROFILES, PhantomSlide
from marrowcount.slides.geometry import SizePx
from marrowcount.slides.tiles import TILE_PX
from marrowcount_adapters.dataset_store import DatasetWriter
from marrowcount_adapters.training.phantom_tiles import truth_on, unfit_tiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import Console

    from marrowcount.datasets import Dataset
    from marrowcount.slides.tiles import Tile

__all__ = ["draw_dataset"]

SOURCE: Final = "marrowcount's digital phantom, drawn smears of known truth"
LICENCE: Final = "AGPL-3.0-or-later"
"""What the program draws is its own work."""
UM_PER_PX: Final = 0.25
TILE: Final = SizePx(TILE_PX, TILE_PX)


def draw_dataset(out: Path, seeds: tuple[int, int], size_px: int, unfit: int | None, console: Console) -> Dataset:
    """Draw a slide of each profile for each seed, and keep its tiles: the fit ones with their objects, and unfit ones.

    Args:
        out: folder of the data set.
        seeds: first and last.
        size_px: side of the slides.
        unfit: unfit tiles of each slide, half of them the least faulty; None for all, as they come on a slide.
        console: for progress.

    Raises:
        DatasetError: ``dataset-exists``, ``dataset-unwritable``.
    """
    slides = [(profile, seed) for seed in range(seeds[0], seeds[1] + 1) for profile in PROFILES]
    with DatasetWriter(out, out.name, SOURCE, LICENCE) as writer, progress_bar(console) as bar:
        for profile, seed in bar.track(slides, description="slides"):
            slide = PhantomSlide(profile, seed, SizePx(size_px, size_px))
            for tile, example in _examples(slide, f"{profile}-{seed}", unfit):
                writer.add(slide.read(tile), example)
        return writer.finish([f"drawn of seeds {seeds[0]} to {seeds[1]}, slides of {size_px} px"])


def _examples(slide: PhantomSlide, patient: str, unfit: int | None) -> Iterator[tuple[Tile, Example]]:
    for place in (place for place in slide.tiles if place.roi):
        objects = tuple(LabelledBox(one.box, one.cell_type) for one in truth_on(slide, place.tile))
        yield place.tile, _example(place.tile, patient, objects, fit=True)
    for tile in unfit_tiles(slide, unfit):
        yield tile, _example(tile, patient, None, fit=False)


def _example(tile: Tile, patient: str, objects: tuple[LabelledBox, ...] | None, *, fit: bool) -> Example:
    name = f"{patient}/{tile.row}-{tile.column}"
    return Example(name, "", TILE, objects, fit=fit, um_per_px=UM_PER_PX, patient=patient)
