"""In every form that a site may want, a box lands where the cell is."""

from __future__ import annotations

import itertools
import struct
from io import BytesIO
from typing import TYPE_CHECKING

import pydicom
import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox, SizePx, SpacingMm
from marrowcount.slides.placement import Direction, Placement
from marrowcount_adapters.annotations import AnnotationForm, encode_cells, encode_roi
from marrowcount_adapters.annotations.decode import decode_cells
from placements import ORIENTATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset

    from marrowcount.result import CountResult

SIZE = SizePx(150_000, 70_000)
AT_THE_CORNERS = (
    Detection(CellType.BLAST, PixelBox(0, 0, 40, 52), 0.9),
    Detection(CellType.BLAST, PixelBox(149_950.25, 69_940.5, 150_000, 70_000), 0.8),
    Detection(CellType.LYMPHOCYTE, PixelBox(0.5, 69_960, 33, 70_000), 0.7),
)
FORMS = [AnnotationForm("2D", "POLYGON"), AnnotationForm("3D", "RECTANGLE"), AnnotationForm("3D", "POLYGON")]
NEAR_PX = 0.05
"""float32 at 40 mm resolves 4 nm; pixels are 250 nm."""


def placed(result_of: Callable[..., CountResult], along_row: Direction, along_column: Direction) -> CountResult:
    placement = Placement(11.75, 40.5, along_row, along_column, SpacingMm(0.00025, 0.00025))
    return result_of({CellType.BLAST: 2}, size=SIZE, detections=AT_THE_CORNERS, placement=placement)


def reread(dataset: Dataset) -> Dataset:
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    file.seek(0)
    return pydicom.dcmread(file)


def by_hand(group: Dataset) -> Iterator[list[tuple[float, ...]]]:
    """The points of each annotation from the bytes alone (PS3.3 C.37.1.2), by none of the libraries used."""
    numbers = [value for (value,) in struct.iter_unpack("<f", group.PointCoordinatesData)]
    width = 2 if "CommonZCoordinateValue" in group or "AnnotationAppliesToAllZPlanes" not in group else 3
    points = list(itertools.batched(numbers, width)) if hasattr(itertools, "batched") else _pairs(numbers, width)
    if group.GraphicType == "RECTANGLE":
        starts = range(0, len(points), 4)
    else:
        indices = [value for (value,) in struct.iter_unpack("<I", group.LongPrimitivePointIndexList)]
        starts = [(index - 1) // width for index in indices]
    ends = [*starts[1:], len(points)]
    for start, end in zip(starts, ends, strict=True):
        yield points[start:end]


def _pairs(numbers: list[float], width: int) -> list[tuple[float, ...]]:
    return [tuple(numbers[place : place + width]) for place in range(0, len(numbers), width)]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.coordinates} {form.shape.lower()}")
@pytest.mark.parametrize(("along_row", "along_column"), ORIENTATIONS)
def test_boxes_read_back_where_the_cells_are(
    form: AnnotationForm,
    along_row: Direction,
    along_column: Direction,
    result_of: Callable[..., CountResult],
    source: Dataset,
) -> None:
    """On a slide of any orientation with its origin off the corner of the glass, by highdicom and by hand."""
    result = placed(result_of, along_row, along_column)
    dataset = reread(encode_cells(result, source, form))
    assert result.placement is not None
    found = decode_cells(dataset, result.placement)
    assert [each.cell_type for each in found] == [each.cell_type for each in AT_THE_CORNERS]
    hand = [points for group in dataset.AnnotationGroupSequence for points in by_hand(group)]
    for truth, read, points in zip(AT_THE_CORNERS, found, hand, strict=True):
        pixels = [result.placement.to_pixels(*point[:2]) if form.coordinates == "3D" else point for point in points]
        sides = (min(x for x, _ in pixels), min(y for _, y in pixels))
        far = (max(x for x, _ in pixels), max(y for _, y in pixels))
        true = (truth.box.left, truth.box.top, truth.box.right, truth.box.bottom)
        assert (*sides, *far) == pytest.approx(true, abs=NEAR_PX)
        assert (read.box.left, read.box.top, read.box.right, read.box.bottom) == pytest.approx(true, abs=NEAR_PX)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.coordinates} {form.shape.lower()}")
@pytest.mark.parametrize("encode", [encode_cells, encode_roi])
def test_validator_finds_no_error(
    *,
    form: AnnotationForm,
    encode: Callable[..., Dataset],
    result_of: Callable[..., CountResult],
    source: Dataset,
    tmp_path: Path,
    dicom_errors: Callable[..., list[str]],
) -> None:
    """By the standard; the profile of WG-26 knows 2D alone, and passes it."""
    file = tmp_path / "ann.dcm"
    encode(placed(result_of, *ORIENTATIONS[0]), source, form).save_as(file, enforce_file_format=True)
    assert dicom_errors("dciodvfy", "-new", "-filename", str(file)) == []
    if form.coordinates == "2D":
        assert dicom_errors("dciodvfy", "-profile", "WG26SP2025", "-new", "-filename", str(file)) == []


def test_millimetres_need_to_know_where_the_slide_lies(result_of: Callable[..., CountResult], source: Dataset) -> None:
    """A slide that does not tell its placement, or has no frame of reference, is annotated in pixels all the same."""
    assert encode_cells(result_of(), source, AnnotationForm("3D")).AnnotationCoordinateType == "2D"


def test_millimetres_are_not_taken_for_pixels(result_of: Callable[..., CountResult], source: Dataset) -> None:
    """Reading 3D annotations back needs the slide's placement."""
    dataset = encode_cells(placed(result_of, *ORIENTATIONS[0]), source, AnnotationForm("3D"))
    with pytest.raises(ValueError, match="millimetres"):
        decode_cells(dataset)
