"""A slide with marks in its pixels, and cells found on it: where they are to be seen follows from the marks alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset

from made_up_result import CONTEXT, make_result
from marrowcount.cytology.cell_types import CellType
from marrowcount.phantom import PhantomSlide
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox, SizePx, SpacingMm
from marrowcount.slides.placement import Placement
from marrowcount.slides.tiles import TILE_PX, Tile
from marrowcount_adapters.annotations import encode_cells
from marrowcount_adapters.wsm_writer import phantom_header, write_series

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from marrowcount.ports import Picture
    from marrowcount_adapters.annotations import AnnotationForm

__all__ = ["GROUND", "MARKS", "MARK_PX", "SIZE", "MarkedSlide", "found_cells", "write_marked_slide"]

SIZE = SizePx(1400, 1000)
GROUND = (238, 230, 240)
MARK_PX = 32
MARKS = {
    (255, 0, 0): (160, 176),
    (0, 255, 0): (1248, 128),
    (0, 0, 255): (128, 848),
    (255, 0, 255): (1232, 816),
}
"""Top left corner of each square by its colour; no three lie on a line, and no turn or flip puts them on each other."""

STEP_PX = 80
HALF_PIXEL = 0.5


@dataclass(frozen=True)
class MarkedSlide:
    """Where a slide lies, and what was found on it.

    Attributes:
        study_uid: of slide and annotations.
        files: of the slide, base level first.
        annotations: the file.
        cells: what it holds, the truth.
    """

    study_uid: str
    files: Sequence[Path]
    annotations: Path
    cells: tuple[Detection, ...]


@dataclass(frozen=True)
class _Marked:
    """The marks on an empty ground."""

    size: SizePx = SIZE

    def read(self, tile: Tile) -> Picture:
        whole = np.full((2 * TILE_PX, 3 * TILE_PX, 3), GROUND, dtype=np.uint8)
        for colour, (left, top) in MARKS.items():
            whole[top : top + MARK_PX, left : left + MARK_PX] = colour
        return whole[tile.top : tile.top + TILE_PX, tile.left : tile.left + TILE_PX]


def found_cells() -> tuple[Detection, ...]:
    """Cells of all classes all over the slide: in its corners, along its edges, at halves and quarters of pixels.

    Every other one is of the first class, whose coordinates are thus too long for metadata; those of others are not.
    """
    kinds = tuple(kind for other in CellType for kind in (CellType.NEUTROPHIL, other))
    boxes = [_box(number, left, top) for number, (left, top) in enumerate(_places())]
    return tuple(Detection(kinds[n % len(kinds)], box, 0.8 + n % 20 / 100) for n, box in enumerate(boxes))


def _places() -> list[tuple[int, int]]:
    places = [(left, top) for top in range(0, SIZE.height, STEP_PX) for left in range(0, SIZE.width, STEP_PX)]
    return [place for place in places if not any(_near(place, mark) for mark in MARKS.values())]


def _near(place: tuple[int, int], mark: tuple[int, int]) -> bool:
    return all(abs(ours - its) < STEP_PX for ours, its in zip(place, mark, strict=True))


def _box(number: int, left: int, top: int) -> PixelBox:
    """First rows and columns begin at 0, the last end with the matrix; those between lie anywhere."""
    width, height = 24 + 5 * (number % 6), 26 + 7 * (number % 5)
    last_left, last_top = SIZE.width - STEP_PX <= left, SIZE.height - STEP_PX <= top
    x = left + number % 7 + number % 4 / 4 if left and not last_left else SIZE.width - width if last_left else 0
    y = top + number % 5 + number % 3 / 3 if top and not last_top else SIZE.height - height if last_top else 0
    return PixelBox(x, y, x + width, y + height)


def write_marked_slide(
    folder: Path,
    *,
    orientation: Sequence[float] = (0, -1, 0, -1, 0, 0),
    origin_mm: tuple[float, float] = (20, 60),
    form: AnnotationForm | None = None,
) -> MarkedSlide:
    """Write slide and annotations; each orientation makes a study of its own.

    Args:
        folder: made where it is not there yet.
        orientation: Image Orientation (Slide) (0048,0102).
        origin_mm: X and Y Offset in Slide Coordinate System (0040,072A and 0040,073A).
        form: of the annotations; 2D rectangles when left out.
    """
    turned = ".".join(str(int(cosine)) for cosine in orientation)
    header = replace(
        phantom_header(PhantomSlide("normal", 1, SizePx(2048, 2048))), identity=f"marked/{turned}/{origin_mm}"
    )
    files = list(write_series(_Marked(), header, folder / "slide"))
    for file in files:
        _turn(file, orientation, origin_mm)
    source = dcmread(files[0], stop_before_pixels=True)
    context = replace(
        CONTEXT,
        study_uid=str(source.StudyInstanceUID),
        series_uid=str(source.SeriesInstanceUID),
        base_instance_uid=str(source.SOPInstanceUID),
        frame_of_reference_uid=str(source.FrameOfReferenceUID),
    )
    x, y, z, *down = orientation
    placement = Placement(*origin_mm, (x, y, z), (down[0], down[1], down[2]), SpacingMm(0.00025, 0.00025))
    cells = found_cells()
    result = make_result(context=context, size=SIZE, detections=cells, placement=placement)
    annotations = folder / "annotations.dcm"
    encode_cells(result, source, form).save_as(annotations)
    return MarkedSlide(context.study_uid, files, annotations, cells)


def _turn(file: Path, orientation: Sequence[float], origin_mm: tuple[float, float]) -> None:
    dataset = dcmread(file)
    dataset.ImageOrientationSlide = list(orientation)
    origin = Dataset()
    origin.XOffsetInSlideCoordinateSystem, origin.YOffsetInSlideCoordinateSystem = origin_mm
    dataset.TotalPixelMatrixOriginSequence = [origin]
    dataset.save_as(file)
