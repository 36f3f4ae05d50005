"""``marrowcount dataset compose``; picture libraries are imported when it runs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

__all__ = ["ComposedPart", "compose"]


class ComposedPart(StrEnum):
    """Which data set is made of the pictures."""

    TRAIN = "train"
    VALIDATION = "validation"
    HELD_OUT = "held-out"
    TEST = "test"


Out = Annotated[Path, typer.Argument(help="Folder of the new data set; it must not be there yet.")]
Cells = Annotated[
    list[str],
    typer.Option(
        help="FOLDER[=DESCRIPTION] of single-cell pictures; a shipped description or a TOML file, else the folder's "
        "own cells.toml; may be repeated."
    ),
]
Backgrounds = Annotated[
    str,
    typer.Option(
        help="FOLDER[=DESCRIPTION] of smear photographs with YOLO labels in train, val and test; else its own "
        "photographs.toml."
    ),
]
WhichPart = Annotated[
    ComposedPart,
    typer.Option(
        help="train, validation: tiles composed of cells that are not held out; held-out: each held-out cell alone; "
        "test: the test photographs."
    ),
]
Tiles = Annotated[int, typer.Option(min=1, max=1_000_000, help="Composed tiles of train or validation.")]
Phantom = Annotated[int, typer.Option(min=0, help="Phantom tiles to paste a third of them on; 0 for none.")]


def compose(
    out: Out,
    *,
    cells: Cells,
    backgrounds: Backgrounds,
    part: WhichPart = ComposedPart.TRAIN,
    tiles: Tiles = 2400,
    phantom: Phantom = 150,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same tiles.")] = 1,
) -> None:
    """Put real single cells on smear ground: tiles of 0.25 um/px with exact boxes, and test sets that never leak."""
    from marrowcount.main.composing import Recipe, run_compose  # noqa: PLC0415 - see the module

    run_compose(out, Recipe(tuple(cells), backgrounds, part.value, tiles, phantom, seed), Console())
