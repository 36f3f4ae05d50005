"""``marrowcount evaluate``: measure models on data sets, and counted slides against the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from marrowcount.evaluation import Resampling

__all__ = ["evaluate"]

evaluate = typer.Typer(help="Measure models on data sets, and counted slides against the truth.", no_args_is_help=True)

DataSet = Annotated[Path, typer.Argument(help="Folder of a data set, as `marrowcount dataset import` writes it.")]
Out = Annotated[Path, typer.Option(help="Folder for report.md, report.json and pictures.")]
Model = Annotated[Path | None, typer.Option(help="Folder of a packaged model; without it the bundled one.")]
SplitName = Annotated[str, typer.Option("--split", help="train, validation, test, or all.")]
Threshold = Annotated[
    float | None, typer.Option(min=0.0, max=1.0, help="Probability from which a finding counts; else the manifest's.")
]
Bins = Annotated[int, typer.Option(min=2, max=100, help="Bins of the calibration curve.")]
Draws = Annotated[int, typer.Option(min=0, max=100_000, help="Draws for the intervals; 0 makes none.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the draws.")]
Confidence = Annotated[float, typer.Option(min=0.5, max=0.999, help="Of the intervals.")]
Threads = Annotated[int, typer.Option(min=1, max=256, help="Of one inference on the processor.")]


@evaluate.command()
def roi(
    data_set: DataSet,
    *,
    out: Out = Path("evaluation-roi"),
    model: Model = None,
    split: SplitName = "test",
    threshold: Threshold = None,
    bins: Bins = 10,
    draws: Draws = 1000,
    seed: Seed = 1,
    confidence: Confidence = 0.95,
    threads: Threads = 2,
) -> None:
    """Measure a ROI model on the pictures of which somebody said whether they are fit."""
    from marrowcount.main.evaluating import RoiRequest, run_roi_evaluation  # noqa: PLC0415 - see cli

    how = Resampling(draws, seed, confidence)
    run_roi_evaluation(RoiRequest(data_set, out, split, model, threshold, threads, how, bins), Console())


@evaluate.command()
def cells(
    data_set: DataSet,
    *,
    out: Out = Path("evaluation-cells"),
    model: Model = None,
    split: SplitName = "test",
    threshold: Threshold = None,
    iou: Annotated[float, typer.Option(min=0.05, max=0.95, help="Least overlap of a match.")] = 0.5,
    least_probability: Annotated[
        float, typer.Option(min=0.0005, max=0.5, help="Finds from here on make the curves.")
    ] = 0.01,
    calibrated_from: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Finds from here on make the calibration curve.")
    ] = 0.1,
    drawn: Annotated[
        list[str] | None,
        typer.Option(
            help="A class of which pictures that are not complete show every object; 'nucleated' where they show every "
            "nucleated cell, with its class or without. Without any: what occurs on such pictures."
        ),
    ] = None,
    gallery: Annotated[
        int, typer.Option(min=0, max=240, help="So many of the pictures are shown one by one in the report.")
    ] = 0,
    bins: Bins = 10,
    draws: Draws = 1000,
    seed: Seed = 1,
    confidence: Confidence = 0.95,
    threads: Threads = 2,
) -> None:
    """Measure a cell model on the pictures whose objects somebody boxed."""
    from marrowcount.main.evaluating import CellRequest, run_cell_evaluation  # noqa: PLC0415 - see cli

    how = Resampling(draws, seed, confidence)
    request = CellRequest(
        data_set,
        out,
        split,
        model,
        threshold,
        threads,
        how,
        bins,
        iou,
        least_probability,
        calibrated_from,
        drawn or (),
        gallery,
    )
    run_cell_evaluation(request, Console())


@evaluate.command()
def slide(
    counted: Annotated[
        list[Path], typer.Argument(help="Folders that `marrowcount count` wrote, or result.json files.")
    ],
    *,
    truth: Annotated[
        list[Path] | None,
        typer.Option(help="Folder or truth.json of each, in the same order; without it beside each result.json."),
    ] = None,
    out: Out = Path("evaluation-slides"),
    draws: Draws = 1000,
    seed: Seed = 1,
    confidence: Confidence = 0.95,
) -> None:
    """Compare counted slides with the truth about them: errors, coverage, tiles read, convergence."""
    from marrowcount.main.evaluating_slides import run_slide_evaluation  # noqa: PLC0415 - see cli

    run_slide_evaluation(counted, truth or (), out, Resampling(draws, seed, confidence), Console())
