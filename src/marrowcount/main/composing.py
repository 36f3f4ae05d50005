"""Composing data sets of real cells: from folders of pictures to a stored data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import cv2

from marrowcount.main.progress import progress_bar
from marrowcount_adapters.composites import (
    SPLITS,
    Part,
    composed,
    gather,
    held_out_cells,
    phantom_tiles,
    photograph_tiles,
    prepared,
    read_collection,
    read_photographs,
)
from marrowcount_adapters.dataset_store import DatasetWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from rich.console import Console
    from rich.progress import Progress

    from marrowcount.datasets import Dataset, Example
    from marrowcount.ports import Picture
    from marrowcount_adapters.composites import CellCollection, Ingredients, Material, PhotographCollection

    Made = tuple[Picture, Example]

__all__ = ["Recipe", "run_compose"]

PHANTOM: Final = "marrowcount's phantom"
PHANTOM_LICENCE: Final = "AGPL-3.0-or-later"
PARTS: Final = {"train": Part.TRAIN, "validation": Part.VALIDATION}
HELD_OUT: Final = "held-out"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to compose of what.

    Attributes:
        cells: folders of single-cell pictures, each with ``=`` and its description or without.
        backgrounds: folder of photographs, likewise.
        part: train, validation, held-out or test.
        tiles: composed ones.
        phantom: phantom tiles to paste on.
        seed: of all that is drawn by chance.
    """

    cells: tuple[str, ...]
    backgrounds: str
    part: str
    tiles: int
    phantom: int
    seed: int

    def collections(self) -> list[CellCollection]:
        """The single cells, listed."""
        return [read_collection(*_parted(one)) for one in self.cells]

    def photographs(self) -> PhotographCollection:
        """The photographs, listed."""
        folder, description = _parted(self.backgrounds)
        return read_photographs(folder, SPLITS, description)


def run_compose(out: Path, recipe: Recipe, console: Console) -> Dataset:
    """Make the data set and say what went into it.

    Raises:
        DatasetError: ``dataset-exists``, and whatever is wrong with the pictures and their descriptions.
    """
    cv2.setNumThreads(1)  # the pictures are small: threads cost more than they bring
    collections, photographs = recipe.collections(), recipe.photographs()
    sources = [(PHANTOM, PHANTOM_LICENCE)] if recipe.part in PARTS and recipe.phantom else []
    sources += [(some.mapping.source, some.mapping.licence) for some in collections]
    sources += [(photographs.source, photographs.licence)]
    source, licence = ("; ".join(told) for told in zip(*sources, strict=True))
    with progress_bar(console) as bar, DatasetWriter(out, out.name, source, licence) as writer:
        pictures = sum(len(some.cells) for some in collections) + len(photographs.photographs)
        material = gather(collections, photographs, _steps(bar, "looking for copies", pictures))
        history, made, expected = _made(recipe, material, bar)
        step = _steps(bar, "composing", expected)
        for picture, example in made:
            writer.add(picture, example)
            step()
        dataset = writer.finish([_parting(material), *history])
    _say(console, out, dataset)
    return dataset


def _made(recipe: Recipe, material: Material, bar: Progress) -> tuple[list[str], Iterator[Made], int | None]:
    """Lines of history, the tiles, and how many there will be where that is known."""
    if recipe.part not in PARTS:
        held_out = recipe.part == HELD_OUT
        tiles = held_out_cells(material) if held_out else photograph_tiles(material)
        return [], tiles, len(material.cells(Part.HELD_OUT)) if held_out else None
    part = PARTS[recipe.part]
    ingredients = prepared(material, part, _steps(bar, "cutting cells out", len(material.cells(part))))
    phantom = phantom_tiles(recipe.phantom, recipe.seed, _steps(bar, "drawing phantom tiles", recipe.phantom))
    tiles = composed(ingredients, recipe.tiles, phantom, recipe.seed)
    drawn = f"{recipe.tiles} composed tiles, seed {recipe.seed}, {recipe.phantom} phantom tiles"
    return [_cutting(ingredients), drawn], tiles, None


def _steps(bar: Progress, work: str, total: int | None) -> Callable[[], None]:
    """What hears of each step of a work and shows it."""
    task = bar.add_task(work, total=total)
    return lambda: bar.advance(task)


def _parted(told: str) -> tuple[Path, str]:
    folder, _, description = told.partition("=")
    return Path(folder), description


def _parting(material: Material) -> str:
    cells = _counted({part.value: len(material.cells(part)) for part in Part})
    return f"single cells: {cells}; photographs left out as copies: {_counted(material.dropped) or 'none'}"


def _cutting(ingredients: Ingredients) -> str:
    bad = _counted({reason.value: count for reason, count in ingredients.bad.items()})
    return (
        f"{len(ingredients.cut)} cells cut out, rejected: {bad or 'none'}; {len(ingredients.photographs)} photographs, "
        f"{ingredients.overlooking} left out since they show stained cells that nobody boxed"
    )


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _say(console: Console, out: Path, dataset: Dataset) -> None:
    lines: Iterable[str] = (f"{out}: {len(dataset.examples)} tiles", *dataset.history)
    for line in lines:
        console.print(f"  {line}", highlight=False, markup=False)
