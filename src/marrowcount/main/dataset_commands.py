"""``marrowcount dataset``: import, export, stats, check, split, merge. Picture libraries are imported when they run."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from marrowcount.main.composite_commands import compose

__all__ = ["dataset"]

dataset = typer.Typer(
    help="Data sets to train and to measure on: bring in, look at, check, split, merge, give out.",
    no_args_is_help=True,
)

dataset.command()(compose)

Folder = Annotated[Path, typer.Argument(help="Folder of a data set, as import leaves it.")]
Out = Annotated[Path, typer.Option(help="Folder to write; it must not be there yet.")]


class SourceFormat(StrEnum):
    """What can be imported."""

    YOLO = "yolo"
    COCO = "coco"
    VOC = "voc"
    CELLS = "cells"
    IDC_ANN = "idc-ann"


class TargetFormat(StrEnum):
    """What can be exported."""

    YOLO = "yolo"
    COCO = "coco"
    VOC = "voc"
    CELLS = "cells"


class CutInto(StrEnum):
    """What slides are cut into."""

    TILES = "tiles"
    REGIONS = "regions"


@dataset.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="Folder (or data.yaml, or COCO file) of the data set.", exists=True)],
    out: Out,
    *,
    form: Annotated[SourceFormat, typer.Option("--format", help="How the source is laid out.")],
    mapping: Annotated[
        str, typer.Option(help="A shipped mapping (see 'dataset mappings') or your own TOML file.")
    ] = "marrowcount",
    name: Annotated[str, typer.Option(help="Short name of the data set; that of the new folder when left out.")] = "",
    origin: Annotated[str, typer.Option(help="Where it comes from; what the mapping says when left out.")] = "",
    licence: Annotated[str, typer.Option(help="Licence; what the mapping says when left out.")] = "",
    patient: Annotated[
        str | None, typer.Option(help="Regular expression on picture names: its first group is the patient.")
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="The same for what must stay together, such as the original of rotated copies.")
    ] = None,
    class_from: Annotated[
        str, typer.Option(help="cells: folder, prefix (letters a file name begins with) or a regular expression.")
    ] = "folder",
    cell_share: Annotated[
        float, typer.Option(min=0.05, max=1.0, help="cells: side of the central box as a share of the picture's.")
    ] = 1.0,
    pictures: Annotated[
        Path | None, typer.Option(help="coco, voc: folder of the pictures where it is another.", exists=True)
    ] = None,
    session: Annotated[str, typer.Option(help="idc-ann: consensus, or 'session 0' and so on.")] = "consensus",
    cut: Annotated[
        CutInto, typer.Option(help="idc-ann: tiles of 512 px over the regions, or regions.")
    ] = CutInto.TILES,
    um_per_px: Annotated[
        float | None, typer.Option(min=0.01, max=10.0, help="Resolution of the pictures where files do not say.")
    ] = None,
    rescale_to: Annotated[
        float | None, typer.Option(min=0.01, max=10.0, help="Bring all pictures to this resolution, um/px.")
    ] = None,
    complete: Annotated[
        bool | None, typer.Option(help="Whether every object is drawn; as source and mapping say when left out.")
    ] = None,
    torn_too: Annotated[bool, typer.Option(help="Take pictures that look torn, as after a broken transfer.")] = False,
    keep_going: Annotated[bool, typer.Option(help="Collect all faults instead of stopping at the first.")] = False,
    leave_out_faulty: Annotated[bool, typer.Option(help="Import what is sound; implies --keep-going.")] = False,
    report: Annotated[Path | None, typer.Option(help="JSON file for the faults.")] = None,
) -> None:
    """Bring in a data set; every class name needs a meaning, and a faulty file leaves nothing imported."""
    from marrowcount.datasets import load_mapping  # noqa: PLC0415 - see the module
    from marrowcount.main.annotated_slides import Cut, SlideOptions  # noqa: PLC0415 - see the module
    from marrowcount.main.dataset_work import FaultPolicy, open_source, run_import  # noqa: PLC0415 - see the module
    from marrowcount.main.importing import ImportPlan  # noqa: PLC0415 - see the module
    from marrowcount_adapters.dataset_files import NamePatterns, ReadingOptions, pattern  # noqa: PLC0415 - see the module

    names = NamePatterns(pattern(patient) if patient else None, pattern(group) if group else None)
    files = ReadingOptions(names, um_per_px, pictures, class_from, cell_share, torn_too)
    slides = SlideOptions(session.lower(), Cut(cut), rescale_to)
    plan = ImportPlan(
        name or out.name, form, load_mapping(mapping), origin, licence, rescale_to, complete, leave_out_faulty
    )
    policy = FaultPolicy(keep_going=keep_going or leave_out_faulty, report=report)
    run_import(open_source(form, source, files, slides), out, plan, policy, Console())


@dataset.command("export")
def export(
    folder: Folder, out: Out, form: Annotated[TargetFormat, typer.Option("--format", help="Layout to write.")]
) -> None:
    """Write a data set for other programs."""
    from marrowcount.main.dataset_work import export_dataset  # noqa: PLC0415 - see the module

    export_dataset(folder, form, out, Console())


@dataset.command("stats")
def stats(
    folder: Folder, *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False
) -> None:
    """Count pictures, patients, objects by class and split, sizes of boxes, resolutions."""
    from marrowcount.datasets import statistics_of  # noqa: PLC0415 - see the module
    from marrowcount.main.dataset_tables import statistics_json, statistics_view  # noqa: PLC0415 - see the module
    from marrowcount_adapters.dataset_store import open_dataset  # noqa: PLC0415 - see the module

    opened = open_dataset(folder).dataset
    if as_json:
        sys.stdout.write(json.dumps(statistics_json(opened, statistics_of(opened)), indent=2) + "\n")
    else:
        Console().print(statistics_view(opened, statistics_of(opened)))


@dataset.command("check")
def check(
    folder: Folder,
    *,
    pictures: Annotated[bool, typer.Option(help="Read every picture too and compare it with its digest.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Look for leaks between splits, boxes that cannot be and classes without an object; status 1 with errors."""
    from marrowcount.datasets import Severity  # noqa: PLC0415 - see the module
    from marrowcount.main.dataset_tables import findings_json, findings_table  # noqa: PLC0415 - see the module
    from marrowcount.main.dataset_work import check_all  # noqa: PLC0415 - see the module
    from marrowcount_adapters.dataset_store import open_dataset  # noqa: PLC0415 - see the module

    findings = check_all(open_dataset(folder), Console(stderr=True), pictures=pictures)
    if as_json:
        sys.stdout.write(json.dumps(findings_json(findings), indent=2) + "\n")
    else:
        Console().print(findings_table(findings) if findings else "nothing found")
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise typer.Exit(1)


@dataset.command("split")
def split(
    folder: Folder,
    *,
    train: Annotated[float, typer.Option(min=0, max=1, help="Share of training.")] = 0.70,
    validation: Annotated[float, typer.Option(min=0, max=1, help="Share of validation.")] = 0.15,
    test: Annotated[float, typer.Option(min=0, max=1, help="Share of the test.")] = 0.15,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same split.")] = 0,
    keep: Annotated[bool, typer.Option(help="Keep the splits that examples have; deal out the others.")] = False,
) -> None:
    """Split by patient, group and picture, each class shared out alike; rewrites what the folder says, not pictures."""
    from marrowcount.datasets import Shares, split_dataset  # noqa: PLC0415 - see the module
    from marrowcount.datasets.statistics import statistics_of  # noqa: PLC0415 - see the module
    from marrowcount.main.dataset_tables import statistics_view  # noqa: PLC0415 - see the module
    from marrowcount_adapters.dataset_store import open_dataset, write_dataset  # noqa: PLC0415 - see the module

    done = split_dataset(open_dataset(folder).dataset, Shares(train, validation, test), seed, keep=keep)
    write_dataset(folder, done)
    Console().print(statistics_view(done, statistics_of(done)))


@dataset.command("merge")
def merge(
    folders: Annotated[list[Path], typer.Argument(help="Folders of data sets with different names.")],
    out: Out,
    name: Annotated[str, typer.Option(help="Short name; that of the new folder when left out.")] = "",
) -> None:
    """Copy several data sets into one new one, with the licences and the history of all."""
    from marrowcount.main.dataset_work import merge_datasets  # noqa: PLC0415 - see the module

    console = Console()
    whole = merge_datasets(folders, out, name or out.name, console)
    console.print(f"written to {out}: {len(whole.examples)} pictures of {len(folders)} data sets")


@dataset.command("phantom")
def phantom(
    out: Annotated[Path, typer.Argument(help="Folder to write; it must not be there yet.")],
    *,
    seeds: Annotated[tuple[int, int], typer.Option(help="First and last seed; each with all profiles.")],
    size: Annotated[int, typer.Option(min=2048, help="Side of the slides in pixels.")] = 4096,
    unfit: Annotated[int | None, typer.Option(min=1, help="Unfit tiles of each slide; without it all.")] = None,
) -> None:
    """Draw slides of the phantom and keep their tiles with their truth; each slide is a patient of its own."""
    from marrowcount.datasets import statistics_of  # noqa: PLC0415 - see the module
    from marrowcount.main.dataset_tables import statistics_view  # noqa: PLC0415 - see the module
    from marrowcount.main.phantom_datasets import draw_dataset  # noqa: PLC0415 - see the module

    console = Console()
    done = draw_dataset(out, seeds, size, unfit, console)
    console.print(statistics_view(done, statistics_of(done)))


@dataset.command("mappings")
def mappings(
    name: Annotated[str, typer.Argument(help="Print this one, to start your own from.")] = "",
) -> None:
    """List the shipped mappings of class names, or print one."""
    from marrowcount.datasets.mapping_files import mapping_text, shipped_mappings  # noqa: PLC0415 - see the module

    sys.stdout.write(mapping_text(name) if name else "".join(f"{one}\n" for one in shipped_mappings()))
