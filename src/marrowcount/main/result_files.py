"""The files of a result: what they are called, and in which order they leave the node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from marrowcount.main.result_folders import RESULT_FILE

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "CELLS_ANN",
    "CHART_FILE",
    "DICOM_FILES",
    "DIFFERENTIAL_SR",
    "FHIR_FILE",
    "HEAT_MAP_SEG",
    "MODALITIES",
    "OTHER_FILES",
    "REGIONS_SR",
    "REJECTION_KO",
    "RESULT_FILE",
    "ROI_ANN",
    "dicom_files_in",
]

CELLS_ANN: Final = "cells.ann.dcm"
ROI_ANN: Final = "roi.ann.dcm"
DIFFERENTIAL_SR: Final = "differential.sr.dcm"
HEAT_MAP_SEG: Final = "roi-map.seg.dcm"
REGIONS_SR: Final = "regions.sr.dcm"
REJECTION_KO: Final = "rejection.ko.dcm"
FHIR_FILE: Final = "fhir.json"
CHART_FILE: Final = "ihct.png"

MODALITIES: Final = {
    CELLS_ANN: "ANN",
    ROI_ANN: "ANN",
    HEAT_MAP_SEG: "SEG",
    DIFFERENTIAL_SR: "SR",
    REGIONS_SR: "SR",
    REJECTION_KO: "KO",
}
"""Modality (0008,0060) of each DICOM file, by which it is routed; in the order of sending: what a report refers to
goes first."""

DICOM_FILES: Final = tuple(MODALITIES)

OTHER_FILES: Final = (FHIR_FILE, CHART_FILE)
"""What a result consists of besides, but for :data:`RESULT_FILE`, which is written last."""


def dicom_files_in(folder: Path) -> tuple[str, ...]:
    """Those that a result has, in the order of sending."""
    return tuple(name for name in DICOM_FILES if (folder / name).is_file())
