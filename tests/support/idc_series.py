"""Annotations of a slide as the IDC collection bonemarrowwsi_pediatricleukemia has them, made with highdicom.

After the layout that the collection's conversion program and tutorial describe: for each slide a series of monolayer
regions, one for each session, one of the consensus, or one of unlabelled boxes; one instance each; 2D rectangles;
groups sorted by label, those inside a region apart from those outside; the cell's number as first measurement, that of
its region as second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from highdicom import UID
from highdicom.ann import AnnotationGroup, Measurements, MicroscopyBulkSimpleAnnotations
from highdicom.sr import CodedConcept

from marrowcount_adapters.annotations.source import copied_header
from marrowcount_adapters.wsi.header import read_header

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pydicom.dataset import Dataset

    from marrowcount.slides.geometry import PixelBox

__all__ = ["IdcCell", "write_cells", "write_regions"]

STRUCTURE: Final = CodedConcept("91723000", "SCT", "Anatomical structure")
NO_UNITS: Final = CodedConcept("1", "UCUM", "no units")
CELL_NUMBER: Final = CodedConcept("0010197", "EFO", "single cell identifier")
REGION_NUMBER: Final = CodedConcept("111030", "DCM", "Image Region")
CELLS_REGION: Final = CodedConcept("130400", "DCM", "Referenced Region of Interest Identifier")


@dataclass(frozen=True)
class IdcCell:
    """A labelled box; region: the number of the region that it lies in, -1 for none."""

    box: PixelBox
    label: str
    region: int


def write_regions(base: Path, folder: Path, regions: Sequence[PixelBox]) -> Path:
    """The series of monolayer regions, numbered from 0."""
    group = AnnotationGroup(
        number=1,
        uid=UID(),
        label="region_of_interest",
        annotated_property_category=CodedConcept("309825002", "SCT", "Spatial and relational concepts"),
        annotated_property_type=CodedConcept("111099", "DCM", "Selected region"),
        graphic_type="RECTANGLE",
        graphic_data=[_corners(box) for box in regions],
        algorithm_type="MANUAL",
        measurements=[Measurements(REGION_NUMBER, np.arange(len(regions), dtype=np.float32), NO_UNITS)],
    )
    return _write(base, folder, "Monolayer regions of interest for cell classification", 33, [group])


def write_cells(base: Path, folder: Path, cells: Sequence[IdcCell], session: str) -> Path:
    """The series of a session ("0", "1", ...), of the "consensus", or "detection-only"."""
    described = {
        "consensus": ("Consensus: cell bounding boxes with cell type labels", 42),
        "detection-only": ("Unlabeled cell bounding boxes", 42),
    }
    if session.isdigit():
        described[session] = (f"Session {session}: Cell bounding boxes with cell type labels", 33 + int(session))
    description, number = described[session]
    groups: list[AnnotationGroup] = []
    for label in sorted({cell.label for cell in cells}):
        for inside in (True, False):
            chosen = [(n, cell) for n, cell in enumerate(cells) if cell.label == label and (cell.region >= 0) is inside]
            if chosen:
                groups.append(_group(len(groups) + 1, label, chosen, inside=inside))
    return _write(base, folder, description, number, groups)


def _group(number: int, label: str, cells: Sequence[tuple[int, IdcCell]], *, inside: bool) -> AnnotationGroup:
    measured = [(CELL_NUMBER, [cell_number for cell_number, _ in cells])]
    if inside:
        measured.append((CELLS_REGION, [cell.region for _, cell in cells]))
    return AnnotationGroup(
        number=number,
        uid=UID(),
        label=label,
        annotated_property_category=STRUCTURE,
        annotated_property_type=CodedConcept("414387006", "SCT", "Structure of haematological system"),
        graphic_type="RECTANGLE",
        graphic_data=[_corners(cell.box) for _, cell in cells],
        algorithm_type="MANUAL",
        measurements=[Measurements(name, np.array(values, np.float32), NO_UNITS) for name, values in measured],
    )


def _corners(box: PixelBox) -> np.ndarray:
    corners = ((box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom))
    return np.array(corners, np.float32)


def _write(base: Path, folder: Path, description: str, number: int, groups: Iterable[AnnotationGroup]) -> Path:
    dataset: Dataset = MicroscopyBulkSimpleAnnotations(
        source_images=[_header(base)],
        annotation_coordinate_type="2D",
        annotation_groups=list(groups),
        series_instance_uid=UID(),
        series_number=number,
        series_description=description,
        sop_instance_uid=UID(),
        instance_number=1,
        manufacturer="University Hospital Erlangen and Fraunhofer MEVIS",
        manufacturer_model_name="BMDeep data conversion",
        software_versions="a test",
        device_serial_number="0",
    )
    path = folder / str(dataset.SeriesInstanceUID) / f"{dataset.SOPInstanceUID}.dcm"
    path.parent.mkdir(parents=True)
    dataset.save_as(path)
    return path


def _header(base: Path) -> Dataset:
    header = read_header(base)
    return copied_header(header, str(header.SOPInstanceUID))
