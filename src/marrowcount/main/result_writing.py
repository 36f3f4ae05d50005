"""Write everything that a result consists of."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from marrowcount.main.result_files import (
    CELLS_ANN,
    CHART_FILE,
    DICOM_FILES,
    DIFFERENTIAL_SR,
    FHIR_FILE,
    OTHER_FILES,
    RESULT_FILE,
    ROI_ANN,
)
from marrowcount.main.result_folders import sync_folders
from marrowcount_adapters.annotations import encode_cells, encode_roi
from marrowcount_adapters.charts import draw_ihct
from marrowcount_adapters.fhir import FhirSettings, encode_bundle
from marrowcount_adapters.result_json import encode_refusal, encode_result
from marrowcount_adapters.structured_report import encode_differential

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydicom import Dataset

    from marrowcount.errors import SlideError
    from marrowcount.ports import CellModel, RoiModel
    from marrowcount.result import CountResult
    from marrowcount.settings import Settings

__all__ = ["write_refusal", "write_result"]


def write_result(result: CountResult, header: Dataset, out: Path, settings: Settings) -> None:
    """Write all encodings of a result; result.json last, so that where it stands, all stands.

    Args:
        result: the count.
        header: of an instance of the base level.
        out: the folder, made where it is missing.
        settings: that say what is wanted.
    """
    out.mkdir(parents=True, exist_ok=True)
    for name, dataset in dicom_objects(result, header).items():
        _write_dataset(out / name, dataset)
    _write(out / FHIR_FILE, encode_bundle(result, fhir_settings(settings)).encode())
    _write(out / CHART_FILE, draw_ihct(result))
    _write(out / RESULT_FILE, encode_result(result).encode())
    sync_folders(out)


def dicom_objects(result: CountResult, header: Dataset) -> Mapping[str, Dataset]:
    """The DICOM instances of a result by the names of their files."""
    cells, roi = encode_cells(result, header), encode_roi(result, header)
    report = encode_differential(result, header, [cells, roi])
    return {CELLS_ANN: cells, ROI_ANN: roi, DIFFERENTIAL_SR: report}


def write_refusal(
    error: SlideError, out: Path, models: tuple[RoiModel, CellModel], series_uid: str | None = None
) -> None:
    """Write ``result.json`` of a slide that was refused; the files of an earlier result are taken away."""
    out.mkdir(parents=True, exist_ok=True)
    for name in (*DICOM_FILES, *OTHER_FILES):
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
