"""``marrowcount active``: choose tiles to label, hand them to an expert, take the corrections back; and its study."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

__all__ = ["active", "study_active_learning"]

active = typer.Typer(
    help="Active learning: choose tiles to label, hand them out with pre-labels, take the corrections back.",
    no_args_is_help=True,
)


class LabelFormat(StrEnum):
    """What the label files are."""

    VOC = "voc"
    YOLO = "yolo"


@active.command("select")
def select(
    *,
    out: Annotated[Path, typer.Option(help="Folder of the selection; it must not be there yet.")],
    slide: Annotated[
        list[str] | None,
        typer.Option(help="FOLDER=RESULT: a slide's DICOM files and what `count` wrote about it; may be repeated."),
    ] = None,
    pool: Annotated[
        list[Path] | None, typer.Option(help="A data set whose unlabelled pictures may be chosen; may be repeated.")
    ] = None,
    training: Annotated[
        list[Path] | None,
        typer.Option(help="A data set (or phantom store) that is trained on: its labels are counted; may be repeated."),
    ] = None,
    without: Annotated[
        list[Path] | None, typer.Option(help="A selection that is still with an expert; may be repeated.")
    ] = None,
    tiles: Annotated[int, typer.Option(min=1, help="Tiles to choose; the paper's iterations have 250.")] = 250,
    strategy: Annotated[
        list[str] | None,
        typer.Option(
            help="rare, disagreement, error-reduction or random, with =WEIGHT if not 1; may be repeated. Without any: "
            "the first three, a third each."
        ),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Folder of a packaged cell model; without it the bundled one.")
    ] = None,
    views: Annotated[int, typer.Option(min=1, max=4, help="Sides from which the model looks at each tile.")] = 4,
    least_probability: Annotated[
        float, typer.Option(min=0.01, max=0.9, help="Finds from here on are taken into account.")
    ] = 0.1,
    spread: Annotated[
        float, typer.Option(min=1.0, help="No patient or slide gives more than so many times its even share.")
    ] = 2.0,
    seed: Annotated[int, typer.Option(min=0, help="Of chance, and of the order among equals.")] = 1,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Of one inference on the processor.")] = 2,
) -> None:
    """Choose the tiles that are most worth an expert's time, from counted slides or a data set."""
    from marrowcount.main.active_requests import select_request  # noqa: PLC0415 - see cli
    from marrowcount.main.active_selecting import run_selection  # noqa: PLC0415 - see cli

    request = select_request(
        out=out, slides=slide or (), pools=pool or (), training=training or (), without=without or (), tiles=tiles,
        strategies=strategy or (), model=model, views=views, least_probability=least_probability, spread=spread,
        seed=seed, threads=threads,
    )  # fmt: skip
    run_selection(request, Console())


@active.command("export")
def export(
    selection: Annotated[Path, typer.Argument(help="Folder of a selection.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder for the expert; it must not be there yet.")],
    form: Annotated[
        LabelFormat, typer.Option("--format", help="voc for LabelImg, yolo for YOLO tools.")
    ] = LabelFormat.VOC,
) -> None:
    """Write the chosen tiles with the model's pre-labels, to be opened in LabelImg or another tool at once."""
    from marrowcount.main.active_exporting import run_export  # noqa: PLC0415 - see cli

    run_export(selection, out, form.value, Console())


@active.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="The exported folder, as the expert left it.")],
    *,
    author: Annotated[str, typer.Option(help="Who made the corrections; goes into every object.")],
    out: Annotated[Path, typer.Option(help="Folder of the new version; it must not be there yet.")],
    parent: Annotated[Path | None, typer.Option(help="The data set to add to; without it a new one begins.")] = None,
    name: Annotated[str, typer.Option(help="Name of the new version; that of its folder when left out.")] = "",
    mistakes: Annotated[
        Path | None,
        typer.Option(help="Folder for a data set of the objects that models got wrong, to train on with a weight."),
    ] = None,
    saved_only: Annotated[
        bool, typer.Option("--saved-only", help="Leave out pictures whose label file nobody saved.")
    ] = False,
) -> None:
    """Read corrected labels back, record who changed what, and write the next version of the data set."""
    from marrowcount.main.active_importing import ImportRequest, run_import  # noqa: PLC0415 - see cli

    run_import(ImportRequest(folder, out, author, parent, name, mistakes, saved_only), Console())


def study_active_learning(
    *,
    work: Annotated[Path, typer.Option(help="Folder of slides, models and rounds; a study that stopped goes on.")],
    out: Annotated[Path, typer.Option(help="Folder for active-learning-study.md, .json and images/….png.")] = Path(
        "docs"
    ),
    arm: Annotated[
        list[str] | None,
        typer.Option(help="active, or a strategy by name; may be repeated. Without any: active, random."),
    ] = None,
    iterations: Annotated[int, typer.Option(min=1, help="Rounds, the first set being one; the paper has 8.")] = 8,
    tiles: Annotated[int, typer.Option(min=1, help="Chosen in each round.")] = 250,
    first_tiles: Annotated[int, typer.Option(min=1, help="Of the first set.")] = 250,
    candidates: Annotated[int, typer.Option(min=1, help="Tiles that the model looks at in a round.")] = 1500,
    views: Annotated[int, typer.Option(min=2, max=4, help="Sides from which it looks.")] = 4,
    pool_slides: Annotated[int, typer.Option(min=1, help="Of each of six profiles, to choose from.")] = 24,
    held_out_slides: Annotated[int, typer.Option(min=1, help="Of each profile, to measure on.")] = 2,
    slide_px: Annotated[int, typer.Option(min=2048, help="Side of a slide.")] = 8192,
    first_steps: Annotated[int, typer.Option(min=1, help="Of training on the first set.")] = 1500,
    steps: Annotated[int, typer.Option(min=1, help="Of training in each round.")] = 600,
    batch: Annotated[int, typer.Option(min=1, help="Pictures a step.")] = 16,
    rate: Annotated[float, typer.Option(help="Learning rate of the first training at its peak.")] = 1e-3,
    later_rate: Annotated[float, typer.Option(help="Of the trainings after it.")] = 5e-4,
    threshold: Annotated[float, typer.Option(min=0.05, max=0.95, help="Probability of a pre-label.")] = 0.4,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    threads: Annotated[
        int, typer.Option(min=1, max=256, help="Of the network; more than one only where nothing else runs.")
    ] = 1,
    start: Annotated[
        Path | None, typer.Option(help="Weights that the first training begins with; without it random ones.")
    ] = None,
) -> None:
    """Replay the paper's table 4 on the phantom: mAP against labelled objects, active against random selection."""
    from marrowcount.main.active_study import StudyRequest, run_active_study  # noqa: PLC0415 - see cli

    request = StudyRequest(
        work=work, out=out, arms=tuple(arm or ("active", "random")), iterations=iterations, tiles=tiles,
        first_tiles=first_tiles, candidates=candidates, views=views, pool_slides=pool_slides,
        held_out_slides=held_out_slides, slide_px=slide_px, first_steps=first_steps, steps=steps, batch=batch,
        rate=rate, later_rate=later_rate, threshold=threshold, seed=seed, threads=threads, start=start,
    )  # fmt: skip
    run_active_study(request, Console())
