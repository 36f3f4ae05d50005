"""Write everything that a result consists of."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from marrowcount.main.fhir_files import fhir_files
from marrowcount.main.fhir_forms import FHIR_FORMS
from marrowcount.main.hl7_messages import HL7_FILES, hl7_messages
from marrowcount.main.report_files import report_files
from marrowcount.main.result_files import (
    CELLS_ANN,
    CHART_FILE,
    DICOM_FILES,
    DIFFERENTIAL_SR,
    DOCUMENT,
    GALLERY_FOLDER,
    HEAT_MAP_SEG,
    NOTE_ENDING,
    OTHER_FILES,
    REGIONS_SR,
    REPORT_FILE,
    RESULT_FILE,
    ROI_ANN,
)
from marrowcount.main.result_folders import sync_folders
from marrowcount.main.superseding import Earlier, reissued
from marrowcount.review import counted
from marrowcount_adapters.annotations import AnnotationForm, encode_cells, encode_roi
from marrowcount_adapters.annotations.heat_map import encode_heat_map
from marrowcount_adapters.charts import draw_ihct
from marrowcount_adapters.encapsulated_pdf import encode_document
from marrowcount_adapters.result_json import encode_refusal, encode_result
from marrowcount_adapters.structured_report import encode_differential, encode_regions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydicom import Dataset

    from marrowcount.errors import SlideError
    from marrowcount.ports import CellModel, RoiModel
    from marrowcount.result import CountResult
    from marrowcount.review import Report
    from marrowcount.settings import EvidenceSection, Settings
    from marrowcount.workflow.illustrate import Illustrations

__all__ = ["dicom_objects", "write_dataset", "write_refusal", "write_result"]


def write_result(
    result: CountResult,
    header: Dataset,
    out: Path,
    settings: Settings,
    *,
    illustrations: Illustrations | None = None,
    earlier: Earlier | None = None,
) -> None:
    """Write all encodings of a result; result.json last, so that where it stands, all stands.

    Args:
        result: the count.
        header: of an instance of the base level.
        out: the folder, made where it is missing.
        settings: that say what is wanted.
        illustrations: of the report; None where none is wanted.
        earlier: what was given out for the slide before.
    """
    _begin(out)
    before = earlier or Earlier()
    result = reissued(result, before)
    report = counted(result)
    files: Mapping[str, bytes] = {} if illustrations is None else report_files(report, illustrations)
    document = files.get(REPORT_FILE)
    messages = hl7_messages(report, settings, document)
    objects = dicom_objects(report, header, settings.evidence, before, document)
    for name, dataset in objects.items():
        write_dataset(out / name, dataset)
    bundles = fhir_files(report, settings, document)
    for name, content in (*files.items(), *messages.items(), *bundles.items()):
        _write(out / name, content)
    _write(out / CHART_FILE, draw_ihct(report))
    _take_away(out, {*objects, *files, *messages, *bundles, CHART_FILE})
    _write(out / RESULT_FILE, encode_result(report).encode())
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
    error: SlideError, out: Path, models: tuple[RoiModel, CellModel], series_uid: str | None = None
) -> None:
    """Write ``result.json`` of a slide that was refused; the files of an earlier result are taken away.

    Args:
        error: why.
        out: the folder, made where it is missing.
        models: that would have counted.
        series_uid: of the slide.
    """
    _begin(out)
    _take_away(out, set())
    identities = [model.identity for model in models]
    _write(out / RESULT_FILE, encode_refusal(error, series_uid=series_uid, models=identities).encode())
    sync_folders(out)


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
