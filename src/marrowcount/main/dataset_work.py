"""What the ``marrowcount dataset`` commands do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from marrowcount.datasets import Faults, Finding, Severity, check_dataset, merged, statistics_of
from marrowcount.errors import DatasetError
from marrowcount.main.annotated_slides import AnnotatedSlides
from marrowcount.main.dataset_tables import faults_table, statistics_view
from marrowcount.main.importing import import_dataset
from marrowcount.main.progress import progress_bar
from marrowcount_adapters.dataset_files import FileFormat, open_files, write_files
from marrowcount_adapters.dataset_store import DatasetWriter, open_dataset

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.console import Console

    from marrowcount.datasets import Dataset
    from marrowcount.main.annotated_slides import SlideOptions
    from marrowcount.main.importing import ImportPlan
    from marrowcount.ports import PictureSource
    from marrowcount.ports.labelled_files import LabelledSource
    from marrowcount_adapters.dataset_files import ReadingOptions

__all__ = ["FaultPolicy", "check_all", "export_dataset", "merge_datasets", "open_source", "run_import", "write_report"]

SLIDES: Final = "idc-ann"
"""Annotated slides in DICOM; all other formats are picture files."""

PICTURE_CODES: Final = frozenset({"picture-missing", "picture-damaged", "picture-altered"})


@dataclass(frozen=True, slots=True)
class FaultPolicy:
    """What to do about faulty files.

    Attributes:
        keep_going: collect all faults instead of stopping at the first.
        report: JSON file for them; None: they are only shown.
    """

    keep_going: bool = False
    report: Path | None = None


def open_source(form: str, root: Path, files: ReadingOptions, slides: SlideOptions) -> LabelledSource:
    """Somebody else's data set in one of the formats that are read.

    Raises:
        DatasetError: ``files-missing``.
    """
    return AnnotatedSlides(root, slides) if form == SLIDES else open_files(FileFormat(form), root, files)


def run_import(source: LabelledSource, out: Path, plan: ImportPlan, policy: FaultPolicy, console: Console) -> Dataset:
    """Import with progress on the screen; faults collected are shown and reported even if nothing was imported.

    Raises:
        DatasetError: as :func:`~marrowcount.main.importing.import_dataset`; ``report-unwritable``.
    """
    faults = Faults(keep_going=policy.keep_going)
    try:
        with progress_bar(console) as bar:
            task = bar.add_task(f"importing {plan.name}", total=1.0)
            done = import_dataset(source, out, plan, faults, lambda share: bar.update(task, completed=share))
    finally:
        if faults.found:
            console.print(faults_table(faults.found))
        if policy.report is not None:
            write_report(policy.report, faults.found)
    console.print(statistics_view(done, statistics_of(done)))
    return done


def export_dataset(folder: Path, form: str, out: Path, console: Console) -> None:
    """Write a data set for other programs.

    Raises:
        DatasetError: as :func:`~marrowcount_adapters.dataset_files.write_files`.
    """
    source = open_dataset(folder)
    with progress_bar(console) as bar:
        task = bar.add_task(f"writing {form}", total=1.0)
        write_files(FileFormat(form), source, out, lambda share: bar.update(task, completed=share))
    console.print(f"written to {out}: {len(source.dataset.examples)} pictures")


def check_all(source: PictureSource, console: Console, *, pictures: bool) -> tuple[Finding, ...]:
    """The findings on a data set, and on its pictures where they are to be read.

    Raises:
        DatasetError: a failure that is no fault of a picture.
    """
    found = check_dataset(source.dataset)
    return (*_picture_findings(source, console), *found) if pictures else found


def _picture_findings(source: PictureSource, console: Console) -> Iterator[Finding]:
    with progress_bar(console) as bar:
        for example in bar.track(source.dataset.examples, description="reading pictures"):
            try:
                source.read(example)
            except DatasetError as error:
                if error.code not in PICTURE_CODES:
                    raise
                yield Finding(error.code, Severity.ERROR, error.message, (example.name,))


def merge_datasets(folders: Sequence[Path], out: Path, name: str, console: Console) -> Dataset:
    """Copy several data sets into a new one, with the licences and histories of all.

    Raises:
        DatasetError: ``name-repeated``, ``dataset-exists``, ``dataset-unwritable``, or one of them cannot be read.
    """
    sources = [open_dataset(folder) for folder in folders]
    whole = merged(name, [source.dataset for source in sources])
    originals = [(source, example) for source in sources for example in source.dataset.examples]
    with DatasetWriter(out, whole.name, whole.source, whole.licence) as writer, progress_bar(console) as bar:
        pairs = list(zip(originals, whole.examples, strict=True))
        for (source, original), example in bar.track(pairs, description="copying pictures"):
            writer.add(source.read(original), example)
        return writer.finish(whole.history)


def write_report(path: Path, faults: Sequence[DatasetError]) -> None:
    """Faults as JSON, replaced as a whole.

    Raises:
        DatasetError: ``report-unwritable``.
    """
    document = [{"code": fault.code, "message": fault.message} for fault in faults]
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise DatasetError("report-unwritable", f"{path} cannot be written: {error.strerror}") from error
