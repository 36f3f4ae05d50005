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
    HEAT_MAP_SEG,
    OTHER_FILES,
    REGIONS_SR,
    REJECTION_KO,
    RESULT_FILE,
    ROI_ANN,
)
from marrowcount.main.result_folders import sync_folders
from marrowcount.main.superseding import Earlier, reissued
from marrowcount_adapters.annotations import AnnotationForm, encode_cells, encode_roi
from marrowcount_adapters.annotations.heat_map import encode_heat_map
from marrowcount_adapters.charts import draw_ihct
from marrowcount_adapters.fhir import FhirSettings, encode_bundle
from marrowcount_adapters.result_json import encode_refusal, encode_result
from marrowcount_adapters.structured_report import encode_differential, encode_regions, encode_rejection

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydicom import Dataset

    from marrowcount.errors import SlideError
    from marrowcount.ports import CellModel, RoiModel
    from marrowcount.result import CountResult
    from marrowcount.settings import EvidenceSection, Settings

__all__ = ["write_refusal", "write_result"]


def write_result(
    result: CountResult, header: Dataset, out: Path, settings: Settings, earlier: Earlier | None = None
) -> None:
    """Write all encodings of a result; result.json last, so that where it stands, all stands.

    Args:
        result: the count.
        header: of an instance of the base level.
        out: the folder, made where it is missing.
        settings: that say what is wanted.
        earlier: what was given out for the slide before.

    """
    out.mkdir(parents=True, exist_ok=True)
    before = earlier or Earlier()
    result = reissued(result, before)
    objects = dicom_objects(result, header, settings.evidence, before)
    for name in set(DICOM_FILES) - set(objects):
        (out / name).unlink(missing_ok=True)  # of an earlier result in the same folder
    for name, dataset in objects.items():
        _write_dataset(out / name, dataset)
    _write(out / FHIR_FILE, encode_bundle(result, fhir_settings(settings)).encode())
    _write(out / CHART_FILE, draw_ihct(result))
    _write(out / RESULT_FILE, encode_result(result).encode())
    sync_folders(out)


def dicom_objects(
    result: CountResult, header: Dataset, wanted: EvidenceSection, earlier: Earlier
) -> Mapping[str, Dataset]:
    """The DICOM instances of a result by the names of their files."""
    form = AnnotationForm(wanted.coordinates, wanted.shape)
    cells, roi = encode_cells(result, header, form), encode_roi(result, header, form)
    report = encode_differential(
        result,
        header,
        [cells, roi],
        _same(earlier, DIFFERENTIAL_SR),
        three_dimensional=wanted.report == "comprehensive-3d",
    )
    objects: dict[str, Dataset | None] = {CELLS_ANN: cells, ROI_ANN: roi, DIFFERENTIAL_SR: report}
    if wanted.heat_map:
        objects[HEAT_MAP_SEG] = encode_heat_map(result, header)
    if wanted.regions_report:
        objects[REGIONS_SR] = encode_regions(result, header, [roi], _same(earlier, REGIONS_SR))
    made = {name: dataset for name, dataset in objects.items() if dataset is not None}
    return made | _rejection(result, made, earlier)


def _same(earlier: Earlier, name: str) -> tuple[Dataset, ...]:
    return (earlier.latest[name],) if name in earlier.latest else ()


def _rejection(result: CountResult, made: Mapping[str, Dataset], earlier: Earlier) -> dict[str, Dataset]:
    """The note that takes back what is not made again; none where nothing is."""
    kept = {dataset.SOPInstanceUID for dataset in made.values()}
    gone = [header for header in earlier.latest.values() if header.SOPInstanceUID not in kept]
    return {REJECTION_KO: encode_rejection(result, made[CELLS_ANN], gone)} if gone else {}


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
