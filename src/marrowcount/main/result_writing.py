"""Write everything that a result consists of."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from marrowcount.main.fhir_forms import FHIR_FORMS
from marrowcount.main.message_files import message_files
from marrowcount.main.report_files import report_files
from marrowcount.main.result_files import (
    CELLS_ANN,
    CHART_FILE,
    COUNT_FILE,
    DICOM_FILES,
    DIFFERENTIAL_SR,
    DOCUMENT,
    GALLERY_FOLDER,
    HEAT_MAP_SEG,
    HL7_FILES,
    NOTE_ENDING,
    OTHER_FILES,
    REGIONS_SR,
    REPORT_FILE,
    RESULT_FILE,
    ROI_ANN,
)
from marrowcount.main.result_folders import sync_folders
from marrowcount.main.superseding import Earlier
from marrowcount_adapters.annotations import AnnotationForm, encode_cells, encode_roi
from marrowcount_adapters.annotations.heat_map import encode_heat_map
from marrowcount_adapters.charts import draw_ihct
from marrowcount_adapters.count_file import encode_count
from marrowcount_adapters.encapsulated_pdf import encode_document
from marrowcount_adapters.result_json import encode_refusal, encode_result
from marrowcount_adapters.structured_report import encode_differential, encode_regions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydicom import Dataset

    from marrowcount.errors import SlideError
    from marrowcount.ports import CellModel, RoiModel
    from marrowcount.review import Report
    from marrowcount.settings import EvidenceSection, Settings
    from marrowcount.workflow.illustrate import Illustrations

__all__ = ["dicom_objects", "write_dataset", "write_refusal", "write_result", "write_withdrawal"]


def write_result(
    report: Report,
    header: Dataset,
    out: Path,
    settings: Settings,
    *,
    illustrations: Illustrations | None = None,
    earlier: Earlier | None = None,
) -> None:
    """Write all encodings of a report on a count; result.json last, so that where it stands, all stands.

    Args:
        report: on a count.
        header: of an instance of the base level.
        out: the folder, made where it is missing.
        settings: that say what is wanted.
        illustrations: of the report; None where none is wanted.
        earlier: what was given out for the slide before.
    """
    _begin(out)
    pages: Mapping[str, bytes] = {} if illustrations is None else report_files(report, illustrations)
    document = pages.get(REPORT_FILE)
    objects = dicom_objects(report, header, settings.evidence, earlier or Earlier(), document)
    for name, dataset in objects.items():
        write_dataset(out / name, dataset)
    messages = message_files(report, settings, document)
    _write_rest(out, {*objects}, {**pages, **messages, CHART_FILE: draw_ihct(report)}, report, encode_result(report))


def _write_rest(out: Path, written: set[str], files: Mapping[str, bytes], report: Report | None, summary: str) -> None:
    """What is no DICOM instance: the count, from which later versions are made, and result.json last of all."""
    kept = {} if report is None else {COUNT_FILE: encode_count(report.count)}
    for name, content in {**files, **kept}.items():
        _write(out / name, content)
    _take_away(out, {*written, *files, *kept})
    _write(out / RESULT_FILE, summary.encode())
    sync_folders(*(folder for folder in (out / GALLERY_FOLDER, out) if folder.is_dir()))


def dicom_objects(
    report: Report, header: Dataset, wanted: EvidenceSection, earlier: Earlier, document: bytes | None = None
) -> Mapping[str, Dataset]:
    """The DICOM instances of a result by the names of their files.

    Args:
        report: on a count.
        header: of an instance of the base level.
        wanted: which are made, and how.
        earlier: what was given out for the slide before.
        document: the report as PDF; None where none was made.
    """
    result, form = report.result, AnnotationForm(wanted.coordinates, wanted.shape)
    cells, roi = encode_cells(result, header, form), encode_roi(result, header, form)
    differential = encode_differential(
        report,
        header,
        [cells, roi],
        _same(earlier, DIFFERENTIAL_SR),
        three_dimensional=wanted.report == "comprehensive-3d",
    )
    objects: dict[str, Dataset | None] = {CELLS_ANN: cells, ROI_ANN: roi, DIFFERENTIAL_SR: differential}
    if wanted.heat_map:
        objects[HEAT_MAP_SEG] = encode_heat_map(result, header)
    if wanted.regions_report:
        objects[REGIONS_SR] = encode_regions(result, header, [roi], _same(earlier, REGIONS_SR))
    if document is not None:
        objects[DOCUMENT] = encode_document(report, document, [cells, roi, differential])
    return {name: dataset for name, dataset in objects.items() if dataset is not None}


def _same(earlier: Earlier, name: str) -> tuple[Dataset, ...]:
    return (earlier.latest[name],) if name in earlier.latest else ()


def write_refusal(
    error: SlideError,
    out: Path,
    models: tuple[RoiModel, CellModel],
    series_uid: str | None = None,
    report: tuple[Report, Settings] | None = None,
) -> None:
    """Write what is left of a slide that was refused; the files of an earlier result are taken away.

    Args:
        error: why.
        out: the folder, made where it is missing.
        models: that would have counted.
        series_uid: of the slide.
        report: that says so to health records, and the settings that say how; None where it cannot be told whose slide
            it is.
    """
    _begin(out)
    identities = [model.identity for model in models]
    version = report[0].version if report else 1
    summary = encode_refusal(error, series_uid=series_uid, models=identities, version=version)
    _write_rest(out, set(), message_files(*report) if report else {}, report[0] if report else None, summary)


def write_withdrawal(report: Report, out: Path, settings: Settings) -> None:
    """Write what is left of a report that a person withdrew: word of it, and no instance.

    Args:
        report: entered in error.
        out: the folder, made where it is missing.
        settings: that say how health records are told.
    """
    _begin(out)
    _write_rest(out, set(), message_files(report, settings), report, encode_result(report))


def _begin(out: Path) -> None:
    """A folder that holds a result already is not whole until the new one stands."""
    out.mkdir(parents=True, exist_ok=True)
    if (out / RESULT_FILE).exists():
        (out / RESULT_FILE).unlink()
        sync_folders(out)


def _take_away(out: Path, written: set[str]) -> None:
    """What is left of an earlier result, so that nothing of it passes for a part of this one."""
    gallery = out / GALLERY_FOLDER
    strips = (f"{GALLERY_FOLDER}/{path.name}" for path in gallery.glob("*"))
    others = (path.name for pattern in (f"*{NOTE_ENDING}", HL7_FILES) for path in out.glob(pattern))
    for name in {*DICOM_FILES, *OTHER_FILES, *FHIR_FORMS, *strips, *others} - written:
        (out / name).unlink(missing_ok=True)
    if gallery.is_dir() and not any(gallery.iterdir()):
        gallery.rmdir()


def write_dataset(path: Path, dataset: Dataset) -> None:
    """Write an instance, whole or not at all."""
    temporary = path.with_suffix(".part")
    dataset.save_as(temporary, enforce_file_format=True)
    _replace(temporary, path)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_suffix(".part")
    temporary.write_bytes(content)
    _replace(temporary, path)


def _replace(temporary: Path, path: Path) -> None:
    """Put a whole, synced file in the place of the old one: a reader never sees half a file."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
