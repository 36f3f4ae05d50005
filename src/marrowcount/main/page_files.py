"""The files of a result as the page offers them: names of known form, each with its title and media type."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from marrowcount.cytology.cell_types import CellType
from marrowcount.main.fhir_forms import FHIR_FORMS, USUAL
from marrowcount.main.result_files import (
    CELLS_ANN,
    CHART_FILE,
    DIFFERENTIAL_SR,
    DOCUMENT,
    GALLERY_FILE,
    GALLERY_FOLDER,
    HEAT_MAP_SEG,
    HL7_FILES,
    NOTE_ENDING,
    REGIONS_SR,
    REPORT_FILE,
    RESULT_FILE,
    ROI_ANN,
    ROI_MAP_FILE,
    THUMBNAIL_FILE,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["OFFERED_FILES", "OfferedFile", "offered_file", "offered_names"]

DICOM: Final = "application/dicom"


class OfferedFile(NamedTuple):
    """What a file is."""

    title: str
    media_type: str


_GALLERY: Final = {
    f"{GALLERY_FOLDER}/{cell_type.label.replace(' ', '-')}.png": OfferedFile(f"Gallery: {cell_type.label}", "image/png")
    for cell_type in CellType
}

_BUNDLE: Final = "Report and observations as FHIR bundle"
_BUNDLES: Final = {
    name: OfferedFile(
        _BUNDLE if form == USUAL else f"{_BUNDLE} ({form.projection}, {form.policy} codes)", "application/fhir+json"
    )
    for name, form in FHIR_FORMS.items()
}

OFFERED_FILES: Final[Mapping[str, OfferedFile]] = MappingProxyType(
    {
        REPORT_FILE: OfferedFile("Report, one page", "application/pdf"),
        DOCUMENT: OfferedFile("Report as DICOM Encapsulated PDF", DICOM),
        DIFFERENTIAL_SR: OfferedFile("Differential as DICOM structured report", DICOM),
        REGIONS_SR: OfferedFile("Regions counted as DICOM structured report", DICOM),
        CELLS_ANN: OfferedFile("Cells as DICOM annotations", DICOM),
        ROI_ANN: OfferedFile("Tiles looked at as DICOM annotations", DICOM),
        HEAT_MAP_SEG: OfferedFile("Heat map of regions as DICOM segmentation", DICOM),
        **_BUNDLES,
        RESULT_FILE: OfferedFile("Result in figures", "application/json"),
        CHART_FILE: OfferedFile("Integrated histogram of cell types", "image/png"),
        ROI_MAP_FILE: OfferedFile("Map of the regions on the slide", "image/png"),
        THUMBNAIL_FILE: OfferedFile("Slide, small", "image/jpeg"),
        GALLERY_FILE: OfferedFile("Gallery: which cells it shows", "application/json"),
        **_GALLERY,
    }
)
"""By name in the result's folder, in the order of the list of downloads; a result has those that its version wrote."""

_NOTE: Final = OfferedFile("What is taken back of earlier results, as DICOM key object selection", DICOM)
_NOTE_NAME: Final = re.compile(rf"rejection(\.[0-9a-f]{{8}})?{re.escape(NOTE_ENDING)}")
"""One for each destination that has something to hear; older versions wrote one for all."""


_MESSAGE: Final = OfferedFile("Report as HL7 v2 message", "x-application/hl7-v2+er7")
_MESSAGE_NAME: Final = re.compile(r"oru\.[A-Za-z0-9-]{1,100}\.hl7")
"""One for each receiver."""

_BY_FORM: Final = ((_NOTE_NAME, _NOTE), (_MESSAGE_NAME, _MESSAGE))


def offered_file(name: str) -> OfferedFile | None:
    """What a file of this name is; None where none is offered under it."""
    return next((what for form, what in _BY_FORM if form.fullmatch(name)), OFFERED_FILES.get(name))


def offered_names(folder: Path) -> Sequence[str]:
    """The names that files of a result in this folder may have, in the order of the list of downloads."""
    patterns = (f"*{NOTE_ENDING}", HL7_FILES)
    return [*OFFERED_FILES, *sorted(path.name for pattern in patterns for path in folder.glob(pattern))]
