"""``marrowcount train``, ``crossvalidate`` and ``model``; modules that need torch are imported when they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

__all__ = ["train"]

train = typer.Typer(
    help="Train the models, from a configuration file and flags, which win over it.", no_args_is_help=True
)

ConfigFile = Annotated[Path | None, typer.Option("--config", help="TOML file; docs/training.md names every key.")]
Out = Annotated[Path | None, typer.Option(help="Folder of the run; one that was stopped is gone on with.")]
Data = Annotated[
    list[str] | None,
    typer.Option(
        help="FOLDER[,FOLDER...][=WEIGHT]: a data set or phantom stores, and how often it is drawn; may be repeated."
    ),
]
Validation = Annotated[
    list[str] | None, typer.Option(help="FOLDER[,FOLDER...]: what to validate on instead of the validation splits.")
]
Start = Annotated[Path | None, typer.Option(help="Weights to begin with: a model, a run, a checkpoint, safetensors.")]
Steps = Annotated[int | None, typer.Option(help="Batches to learn from; wins over the epochs.")]
Epochs = Annotated[float | None, typer.Option(help="Passes over the tiles.")]
Batch = Annotated[int | None, typer.Option(help="Pictures a step.")]
Rate = Annotated[float | None, typer.Option("--rate", help="Learning rate at its peak.")]
Seed = Annotated[int | None, typer.Option(help="The same seed gives the same weights on a CPU.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, ...; auto takes a GPU where there is one.")]
Cache = Annotated[Path | None, typer.Option(help="Folder of tiles cut from data sets, to share among runs.")]


@train.command("cells")
def train_cells(
    *,
    config: ConfigFile = None,
    out: Out = None,
    data: Data = None,
    validation: Validation = None,
    start: Start = None,
    size: Annotated[str | None, typer.Option(help="n, s, m, l or x of YOLO11.")] = None,
    crops: Annotated[bool | None, typer.Option(help="Parts of tiles about objects, or whole tiles.")] = None,
    steps: Steps = None,
    epochs: Epochs = None,
    batch: Batch = None,
    rate: Rate = None,
    seed: Seed = None,
    device: Device = None,
    cache: Cache = None,
) -> None:
    """Train the cell model (YOLO11) on data sets with boxes and on the phantom; goes on where it was stopped."""
    from marrowcount.main.training import run_cell_training  # noqa: PLC0415 - see the module
    from marrowcount_adapters.training.config import CellTraining, read_training  # noqa: PLC0415 - see the module

    flags = _flags(
        data, validation, out=out, start=start, steps=steps, epochs=epochs, batch=batch, learning_rate=rate,
        seed=seed, device=device, cache=cache, size=size, crops=crops,
    )  # fmt: skip
    run_cell_training(read_training(CellTraining, config, flags), Console())


@train.command("roi")
def train_roi(
    *,
    config: ConfigFile = None,
    out: Out = None,
    data: Data = None,
    validation: Validation = None,
    start: Start = None,
    steps: Steps = None,
    epochs: Epochs = None,
    batch: Batch = None,
    rate: Rate = None,
    seed: Seed = None,
    device: Device = None,
    cache: Cache = None,
) -> None:
    """Train the ROI model (DenseNet121) on tiles that are fit or not; goes on where it was stopped."""
    from marrowcount.main.training import run_roi_training  # noqa: PLC0415 - see the module
    from marrowcount_adapters.training.config import RoiTraining, read_training  # noqa: PLC0415 - see the module

    flags = _flags(
        data, validation, out=out, start=start, steps=steps, epochs=epochs, batch=batch, learning_rate=rate,
        seed=seed, device=device, cache=cache,
    )  # fmt: skip
    run_roi_training(read_training(RoiTraining, config, flags), Console())


def _flags(data: list[str] | None, validation: list[str] | None, **others: object) -> dict[str, object]:
    """By the names of the configuration; None where the flag was not given."""
    sources = {"data": data, "validation": validation}
    return {name: [_source(text) for text in texts] if texts else None for name, texts in sources.items()} | others


def _source(text: str) -> dict[str, object]:
    """``a,b=2``: the folders a and b as one source of weight 2."""
    folders, _, weight = text.partition("=")
    source: dict[str, object] = {"folders": folders.split(",")}
    return source | ({"weight": weight} if weight else {})
