"""Count a slide from files and write everything that a result consists of."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from marrowcount.main.models import seen_in_training
from marrowcount.main.result_folders import RESULT_FILE, sync_folders
from marrowcount.slides.suitability import candidate_tiles
from marrowcount.workflow.count import CountSettings, count_slide
from marrowcount_adapters.annotations import encode_cells, encode_roi
from marrowcount_adapters.charts import draw_ihct
from marrowcount_adapters.fhir import FhirSettings, encode_bundle
from marrowcount_adapters.result_json import encode_refusal, encode_result
from marrowcount_adapters.schedule import SystemClock
from marrowcount_adapters.structured_report import encode_differential
from marrowcount_adapters.wsi.checks import AllowedResolution
from marrowcount_adapters.wsi.header import read_header
from marrowcount_adapters.wsi.slide import open_slide

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydicom import Dataset

    from marrowcount.errors import SlideError
    from marrowcount.ports import CellModel, Progress, RoiModel
    from marrowcount.result import CountResult
    from marrowcount.settings import Settings

__all__ = [
    "CELLS_ANN",
    "CHART_FILE",
    "DICOM_FILES",
    "FHIR_FILE",
    "MODALITIES",
    "RESULT_FILE",
    "count_files",
    "write_refusal",
]

CELLS_ANN: Final = "cells.ann.dcm"
ROI_ANN: Final = "roi.ann.dcm"
DIFFERENTIAL_SR: Final = "differential.sr.dcm"
FHIR_FILE: Final = "fhir.json"
CHART_FILE: Final = "ihct.png"
DICOM_FILES: Final = (CELLS_ANN, ROI_ANN, DIFFERENTIAL_SR)
"""In the order of sending: what a report refers to goes first."""
MODALITIES: Final = {CELLS_ANN: "ANN", ROI_ANN: "ANN", DIFFERENTIAL_SR: "SR"}
"""Modality (0008,0060) of each, by which it is routed."""


def count_files(
    files: Path | Sequence[Path],
    out: Path,
    settings: Settings,
    models: tuple[RoiModel, CellModel],
    progress: Progress | None = None,
) -> CountResult:
    """Count the slide and write its result files into ``out``, which is made where it is missing.

    Raises:
        SlideError: the slide cannot be counted; nothing was written.
    """
    section = settings.count
    with open_slide(files, AllowedResolution(section.finest_um_per_px, section.coarsest_um_per_px)) as slide:
        overview, scale = slide.overview()
        tiles = candidate_tiles(overview, scale, slide.size)
        how = CountSettings(
            section.stopping.stopping_rule(),
            section.workers,
            seen=seen_in_training(section),
            refused_distance=section.refused_distance,
        )
        result = count_slide(slide, tiles, models, how, clock=SystemClock(), progress=progress)
        write_result(result, read_header(slide.base_paths[0]), out, settings)
    return result


def write_result(result: CountResult, header: Dataset, out: Path, settings: Settings) -> None:
    """Write all encodings of a result; result.json last, so that where it stands, all stands."""
    out.mkdir(parents=True, exist_ok=True)
    cells, roi = encode_cells(result, header), encode_roi(result, header)
    report = encode_differential(result, header, [cells, roi])
    for name, dataset in zip(DICOM_FILES, (cells, roi, report), strict=True):
        _write_dataset(out / name, dataset)
    _write(out / FHIR_FILE, encode_bundle(result, fhir_settings(settings)).encode())
    _write(out / CHART_FILE, draw_ihct(result))
    _write(out / RESULT_FILE, encode_result(result).encode())
    sync_folders(out)


def write_refusal(
    error: SlideError, out: Path, models: tuple[RoiModel, CellModel], series_uid: str | None = None
) -> None:
    """Write ``result.json`` of a slide that was refused; the files of an earlier result are taken away."""
    out.mkdir(parents=True, exist_ok=True)
    for name in (*DICOM_FILES, FHIR_FILE, CHART_FILE):
        (out / name).unlink(missing_ok=True)
    identities = [model.identity for model in models]
    _write(out / RESULT_FILE, encode_refusal(error, series_uid=series_uid, models=identities).encode())
    sync_folders(out)


def fhir_settings(settings: Settings) -> FhirSettings:
    """The part of the settings that the bundle needs."""
    return FhirSettings(
        patient_id_systems=settings.patient_id_systems,
        organisation=settings.organisation,
        timezone=settings.timezone,
        hold_unidentified=False,  # the file is written in any case; the delivery holds it
    )


def _write_dataset(path: Path, dataset: Dataset) -> None:
    temporary = path.with_suffix(".part")
    dataset.save_as(temporary, enforce_file_format=True)
    _replace(temporary, path)


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_suffix(".part")
    temporary.write_bytes(content)
    _replace(temporary, path)


def _replace(temporary: Path, path: Path) -> None:
    """Put a whole, synced file in the place of the old one: a reader never sees half a file."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
