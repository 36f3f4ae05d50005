"""The command line. Commands import what they need when they run: the listener must not load the models' runtime."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from marrowcount.errors import MarrowcountError, SettingsError, SlideError
from marrowcount.main.active_commands import active, study_active_learning
from marrowcount.main.dataset_commands import dataset
from marrowcount.main.evaluate_commands import evaluate
from marrowcount.main.ingest_commands import ingest
from marrowcount.main.keys_commands import keys
from marrowcount.main.outbox_commands import commitments, outbox
from marrowcount.main.pull_commands import pull
from marrowcount.main.result_commands import result
from marrowcount.main.slide_commands import slide
from marrowcount.main.train_commands import crossvalidate, model, train
from marrowcount.main.worklist_commands import worklist
from marrowcount.settings import read_settings

__all__ = ["app", "run"]

REFUSED: Final = 3
"""Exit status of a slide that cannot be counted."""

app = typer.Typer(
    help="marrowcount: the AI node for bone marrow cytology. For research use only.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
study = typer.Typer(help="Studies that calibrate the method, runnable.", no_args_is_help=True)
app.add_typer(study, name="study")
app.add_typer(dataset, name="dataset")
app.add_typer(train, name="train")
app.add_typer(crossvalidate, name="crossvalidate")
app.add_typer(model, name="model")
app.add_typer(evaluate, name="evaluate")
app.add_typer(active, name="active")
app.command("ingest")(ingest)
app.command("pull")(pull)
app.add_typer(slide, name="slide")
app.add_typer(result, name="result")
app.add_typer(outbox, name="outbox")
app.add_typer(commitments, name="commitments")
app.add_typer(worklist, name="worklist")
app.add_typer(keys, name="keys")
study.command("active-learning")(study_active_learning)

SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="TOML settings file; MARROWCOUNT_* variables win over it.")
]


def run() -> None:
    """Run the command line; a failure raised on purpose is one line, not a traceback."""
    try:
        app()
    except SlideError as error:
        _fail(error, REFUSED)
    except SettingsError as error:
        _fail(error, 2)
    except MarrowcountError as error:
        _fail(error, 1)
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(error: MarrowcountError, status: int) -> None:
    sys.stderr.write(f"marrowcount: {error}\n")
    sys.exit(status)


@app.command()
def serve(settings: SettingsFile = None) -> None:
    """Run the node: listen, count, deliver, until interrupted."""
    from marrowcount.main.node import serve as run_node  # noqa: PLC0415 - see the module

    run_node(read_settings(settings), settings)


@app.command(hidden=True)
def worker(
    *,
    supervised: Annotated[bool, typer.Option("--supervised", help="End when standard input does.")] = False,
    settings: SettingsFile = None,
) -> None:
    """Count and deliver; started by serve."""
    from marrowcount.main.node import until_terminated  # noqa: PLC0415 - see the module
    from marrowcount.main.worker import run_supervised_worker, run_worker  # noqa: PLC0415 - see the module

    read, run = read_settings(settings), run_supervised_worker if supervised else run_worker
    until_terminated(lambda stop: run(read, stop))


@app.command()
def check(settings: SettingsFile = None) -> None:
    """Ask every configured peer, the database, the disk and the models whether they answer."""
    from marrowcount.main.checking import run_checks  # noqa: PLC0415 - see the module
    from marrowcount.main.tables import checks_table  # noqa: PLC0415 - see the module

    checks = list(run_checks(read_settings(settings)))
    Console().print(checks_table(checks))
    if not all(one.ok for one in checks):
        raise typer.Exit(1)


@app.command()
def count(
    slide_folder: Annotated[Path, typer.Argument(help="Folder that holds the slide's DICOM files.", exists=True)],
    out: Annotated[Path, typer.Option(help="Where the result files go.")],
    settings: SettingsFile = None,
) -> None:
    """Count a slide from files, without a network; exit status 3 says that it cannot be counted."""
    from marrowcount.main.counting import count_files  # noqa: PLC0415 - see the module
    from marrowcount.main.logs import configure_logs  # noqa: PLC0415 - see the module
    from marrowcount.main.models import load_models  # noqa: PLC0415 - see the module
    from marrowcount.main.progress import ConsoleProgress  # noqa: PLC0415 - see the module
    from marrowcount.main.result_files import RESULT_FILE  # noqa: PLC0415 - see the module
    from marrowcount.main.result_writing import write_refusal  # noqa: PLC0415 - see the module
    from marrowcount.main.tables import result_view  # noqa: PLC0415 - see the module

    configure_logs()
    read, console = read_settings(settings), Console()
    models = load_models(read.count)
    try:
        with ConsoleProgress(console) as progress:
            count_files(slide_folder, out, read, models, progress)
    except SlideError as error:
        write_refusal(error, out, models)
        raise
    console.print(result_view(json.loads((out / RESULT_FILE).read_text(encoding="utf-8"))))
    console.print(f"written to {out}")


@app.command()
def phantom(
    out: Annotated[Path, typer.Argument(help="Folder for the slide's DICOM files and truth.json.")],
    profile: Annotated[str, typer.Option(help="normal, mds, aml, myeloma, cml or hypocellular.")] = "normal",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes.")] = 1,
    size: Annotated[int, typer.Option(min=2048, max=200_000, help="Side of the slide in pixels of 0.25 um.")] = 16384,
) -> None:
    """Draw a marrow smear of known truth and write it as a scanner would."""
    from marrowcount.main.drawing import draw_phantom  # noqa: PLC0415 - see the module

    draw_phantom(out, profile, seed, size, Console())


@app.command()
def send(
    paths: Annotated[list[Path], typer.Argument(help="DICOM files or folders of them.", exists=True)],
    to: Annotated[str, typer.Option(help="AE@host:port of the receiver.")],
    calling_ae: Annotated[str, typer.Option(help="Our own AE title.")] = "MARROWCOUNT",
) -> None:
    """Send DICOM files by C-STORE, each in its own transfer syntax."""
    from marrowcount.main.sending import send_paths  # noqa: PLC0415 - see the module

    if not send_paths(paths, to, calling_ae, Console()):
        raise typer.Exit(1)


@app.command()
def status(
    series: Annotated[str, typer.Argument(help="Series Instance UID: show this slide in detail.")] = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    settings: SettingsFile = None,
) -> None:
    """Show slides, their states, and what was and is owed to whom; or one slide with its evidence and history."""
    from marrowcount.main.reporting import print_slide, print_status  # noqa: PLC0415 - see the module

    if series:
        print_slide(read_settings(settings), series, Console(), as_json=as_json)
    else:
        print_status(read_settings(settings), Console(), as_json=as_json)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything the demonstration leaves.")] = Path("demo-output"),
    profile: Annotated[str, typer.Option(help="Diagnosis profile of the phantom.")] = "normal",
    seed: Annotated[int, typer.Option(min=0)] = 2026,
    size: Annotated[int, typer.Option(min=4096, max=60_000, help="Side of the phantom slide in pixels.")] = 20480,
) -> None:
    """Show the whole thread: PACS to node by C-STORE; annotations, report and FHIR back."""
    from marrowcount.main.demo import run_demo  # noqa: PLC0415 - see the module

    run_demo(out, profile, seed, size, Console())


@app.command("settings")
def show_settings(
    *,
    example: Annotated[bool, typer.Option("--example", help="Print a documented file of all settings.")] = False,
    settings: SettingsFile = None,
) -> None:
    """Print the settings in force as JSON; secrets are kept in files, so none is printed."""
    from marrowcount.main.example import example_settings  # noqa: PLC0415 - see the module

    text = example_settings() if example else read_settings(settings).model_dump_json(indent=2) + "\n"
    sys.stdout.write(text)


@study.command("convergence")
def study_convergence(
    out: Annotated[Path, typer.Option(help="Markdown file for the tables.")] = Path("convergence-study.md"),
    slides: Annotated[int, typer.Option(min=4, help="Simulated slides a diagnosis.")] = 200,
    seed: Annotated[int, typer.Option(min=0)] = 1,
) -> None:
    """Calibrate the convergence rule by simulation and set the diagnoses beside the paper's ranges."""
    from marrowcount.main.studying import run_convergence_study  # noqa: PLC0415 - see the module

    run_convergence_study(out, slides, seed, Console())
