"""The files of a result: what they are called, and in which order they leave the node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from marrowcount.main.result_folders import RESULT_FILE

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "CELLS_ANN",
    "CHART_FILE",
    "COUNT_FILE",
    "DICOM_FILES",
    "DIFFERENTIAL_SR",
    "DOCUMENT",
    "FHIR_FILE",
    "GALLERY_FILE",
    "GALLERY_FOLDER",
    "HEAT_MAP_SEG",
    "HL7_FILES",
    "MODALITIES",
    "NOTE_ENDING",
    "OTHER_FILES",
    "REGIONS_SR",
    "REPORT_FILE",
    "RESULT_FILE",
    "ROI_ANN",
    "ROI_MAP_FILE",
    "THUMBNAIL_FILE",
    "dicom_files_in",
]

CELLS_ANN: Final = "cells.ann.dcm"
ROI_ANN: Final = "roi.ann.dcm"
DIFFERENTIAL_SR: Final = "differential.sr.dcm"
HEAT_MAP_SEG: Final = "roi-map.seg.dcm"
REGIONS_SR: Final = "regions.sr.dcm"
DOCUMENT: Final = "report.pdf.dcm"
FHIR_FILE: Final = "fhir.json"
COUNT_FILE: Final = "count.npz"
"""What was found, whole: from it later versions of the report are made. For the node alone."""
CHART_FILE: Final = "ihct.png"
REPORT_FILE: Final = "report.pdf"
ROI_MAP_FILE: Final = "roi-map.png"
THUMBNAIL_FILE: Final = "thumbnail.jpg"
GALLERY_FILE: Final = "gallery.json"
GALLERY_FOLDER: Final = "gallery"
"""Holds a strip of cells for each class found, such as ``plasma-cell.png``."""

MODALITIES: Final = {
    CELLS_ANN: "ANN",
    ROI_ANN: "ANN",
    HEAT_MAP_SEG: "SEG",
    DIFFERENTIAL_SR: "SR",
    REGIONS_SR: "SR",
    DOCUMENT: "DOC",
}
"""Modality (0008,0060) of each DICOM file, by which it is routed; in the order of sending: what a report refers to
goes first."""

NOTE_ENDING: Final = ".ko.dcm"
"""Of the notes that take earlier results back; there is one for each destination that has something to hear."""

HL7_FILES: Final = "oru.*.hl7"
"""Pattern of the names of HL7 v2 messages; there is one for each receiver."""

DICOM_FILES: Final = tuple(MODALITIES)

OTHER_FILES: Final = (FHIR_FILE, COUNT_FILE, CHART_FILE, REPORT_FILE, ROI_MAP_FILE, THUMBNAIL_FILE, GALLERY_FILE)
"""What a result consists of besides, but for :data:`GALLERY_FOLDER` and :data:`RESULT_FILE`, which is written last."""


def dicom_files_in(folder: Path) -> tuple[str, ...]:
    """Those that a result has, in the order of sending."""
    return tuple(name for name in DICOM_FILES if (folder / name).is_file())
