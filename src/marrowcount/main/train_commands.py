"""``marrowcount train``, ``crossvalidate`` and ``model``; modules that need torch are imported when they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

__all__ = ["crossvalidate", "model", "train"]

train = typer.Typer(
    help="Train the models, from a configuration file and flags, which win over it.", no_args_is_help=True
)

model = typer.Typer(help="Make model folders of trained weights, and put them to the test.", no_args_is_help=True)

crossvalidate = typer.Typer(help="Train and measure in folds by patient, as the paper does.", no_args_is_help=True)

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
Folds = Annotated[int, typer.Option(min=2, max=20, help="The paper has five.")]
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


@train.command("phantom")
def train_phantom(
    out: Annotated[Path, typer.Argument(help="Folder of the two stores, cells and regions.")],
    *,
    seeds: Annotated[tuple[int, int], typer.Option(help="First and last seed; each with all profiles.")],
    size: Annotated[int, typer.Option(min=2048, help="Side of the slides in pixels.")] = 8192,
    unfit: Annotated[int | None, typer.Option(min=1, help="Unfit tiles of each slide; without it all.")] = None,
) -> None:
    """Draw slides of the phantom and keep their tiles, to train, to validate or to measure on."""
    from marrowcount.main.phantom_stores import draw_stores  # noqa: PLC0415 - see the module

    draw_stores(out, seeds, size, unfit, Console())


@crossvalidate.command("cells")
def crossvalidate_cells(
    *,
    config: ConfigFile = None,
    out: Out = None,
    data: Data = None,
    folds: Folds = 5,
    size: Annotated[str | None, typer.Option(help="n, s, m, l or x of YOLO11.")] = None,
    crops: Annotated[bool | None, typer.Option(help="Parts of tiles about objects, or whole tiles.")] = None,
    start: Start = None,
    steps: Steps = None,
    epochs: Epochs = None,
    batch: Batch = None,
    rate: Rate = None,
    seed: Seed = None,
    device: Device = None,
    cache: Cache = None,
) -> None:
    """Train and measure the cell model in folds by patient; a fold that was finished is not done again."""
    from marrowcount.main.training import run_cell_crossvalidation  # noqa: PLC0415 - see the module
    from marrowcount_adapters.training.config import CellTraining, read_training  # noqa: PLC0415 - see the module

    flags = _flags(
        data, None, out=out, start=start, steps=steps, epochs=epochs, batch=batch, learning_rate=rate, seed=seed,
        device=device, cache=cache, size=size, crops=crops,
    )  # fmt: skip
    run_cell_crossvalidation(read_training(CellTraining, config, flags), folds, Console())


@crossvalidate.command("roi")
def crossvalidate_roi(
    *,
    config: ConfigFile = None,
    out: Out = None,
    data: Data = None,
    folds: Folds = 5,
    precision: Annotated[float, typer.Option(min=0.0, max=1.0, help="Wanted on validation tiles.")] = 0.8,
    start: Start = None,
    steps: Steps = None,
    epochs: Epochs = None,
    batch: Batch = None,
    rate: Rate = None,
    seed: Seed = None,
    device: Device = None,
    cache: Cache = None,
) -> None:
    """Train and measure the ROI model in folds by patient; a fold that was finished is not done again."""
    from marrowcount.main.training import run_roi_crossvalidation  # noqa: PLC0415 - see the module
    from marrowcount_adapters.training.config import RoiTraining, read_training  # noqa: PLC0415 - see the module

    flags = _flags(
        data, None, out=out, start=start, steps=steps, epochs=epochs, batch=batch, learning_rate=rate, seed=seed,
        device=device, cache=cache,
    )  # fmt: skip
    run_roi_crossvalidation(read_training(RoiTraining, config, flags), folds, precision, Console())


@model.command("package")
def package(
    source: Annotated[Path, typer.Argument(help="Run folder, checkpoint, packaged model, or safetensors.")],
    *,
    version: Annotated[str, typer.Option(help="Of the model; its folder is <name>-<version>.")],
    validation: Annotated[str, typer.Option(help="FOLDER[,FOLDER...] on which the threshold is chosen.")],
    test: Annotated[str, typer.Option(help="FOLDER[,FOLDER...] on which it is measured: never trained on.")],
    models: Annotated[Path, typer.Option(help="Folder of model folders.")] = Path("models"),
    name: Annotated[str, typer.Option(help="Of the model; without it marrow-roi or marrow-cells.")] = "",
    data: Data = None,
    training_data: Annotated[str, typer.Option(help="A sentence in place of the one made from the data.")] = "",
    int8: Annotated[bool, typer.Option(help="Try 8 bit integers; kept where they lose 0.01 at most.")] = True,
    precision: Annotated[float, typer.Option(min=0.0, max=1.0, help="Of the ROI model on validation tiles.")] = 0.8,
    figures: Annotated[Path | None, typer.Option(help="JSON object of figures measured elsewhere.")] = None,
    notes: Annotated[Path | None, typer.Option(help="Markdown for the card: what transferred, what did not.")] = None,
    cache: Cache = None,
) -> None:
    """Make a model folder: ONNX and safetensors, compared, measured, with manifest and model card."""
    from marrowcount.main.model_making import PackageRequest, package_model  # noqa: PLC0415 - see the module
    from marrowcount_adapters.training.config import read_source  # noqa: PLC0415 - see the module

    asked = PackageRequest(
        source, models, version, read_source(_source(validation)), read_source(_source(test)),
        tuple(read_source(_source(text)) for text in data or ()), name, training_data, int8, precision, figures, notes,
        cache,
    )  # fmt: skip
    package_model(asked, Console())


@model.command("check")
def check(folder: Annotated[Path, typer.Argument(help="A packaged model.")]) -> None:
    """Hash a model's files and run tiles in every runtime; exit status 1 where they do not agree."""
    from marrowcount.main.model_making import check_model  # noqa: PLC0415 - see the module

    if not check_model(folder, Console()):
        raise typer.Exit(1)


@model.command("card")
def card(
    folder: Annotated[Path, typer.Argument(help="A packaged model.")],
    *,
    measured: Annotated[
        list[str] | None,
        typer.Option(help="TITLE=FILE: report.json of evaluate, or what the benchmark wrote; may be repeated."),
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help="A figure's name or a measurement's title to take out; may be repeated.")
    ] = None,
    notes: Annotated[Path | None, typer.Option(help="Markdown in place of the card's notes.")] = None,
) -> None:
    """Write a model's manifest and card anew, with what was measured since; weights are not touched."""
    from marrowcount.main.model_cards import CardRequest, rewrite_card  # noqa: PLC0415 - see the module

    reports = dict(_titled(text) for text in measured or ())
    rewrite_card(CardRequest(folder, reports, tuple(drop or ()), notes), Console())


def _titled(text: str) -> tuple[str, Path]:
    title, equals, path = text.partition("=")
    if not (title and equals and path):
        raise typer.BadParameter(f"{text!r} is not TITLE=FILE", param_hint="--measured")
    return title, Path(path)


def _flags(data: list[str] | None, validation: list[str] | None, **others: object) -> dict[str, object]:
    """By the names of the configuration; None where the flag was not given."""
    sources = {"data": data, "validation": validation}
    return {name: [_source(text) for text in texts] if texts else None for name, texts in sources.items()} | others


def _source(text: str) -> dict[str, object]:
    """``a,b=2``: the folders a and b as one source of weight 2."""
    folders, _, weight = text.partition("=")
    source: dict[str, object] = {"folders": folders.split(",")}
    return source | ({"weight": weight} if weight else {})
