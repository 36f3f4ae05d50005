"""The pictures of a result are the slide's own pixels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from made_up_result import make_result
from marrowcount.cytology.cell_types import CellType
from marrowcount.errors import Refusal, SlideError
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox, SizePx, SpacingMm
from marrowcount.testing import PictureSlide
from marrowcount.workflow.illustrate import illustrate, thumbnail_of

if TYPE_CHECKING:
    from marrowcount.ports import Picture
    from marrowcount.result import CountResult

SIDE = 96  # 24 um at 0.25 um per pixel


def every_pixel_its_own(rows: int, columns: int) -> Picture:
    """Red and green tell the column, blue the row."""
    y, x = np.mgrid[0:rows, 0:columns]
    return np.stack([x % 251, x // 251, y % 251], axis=2).astype(np.uint8)


class DamagedSlide(PictureSlide):
    """A slide on which only the tile at the top left can be read."""

    def read_area(self, left: int, top: int, size: SizePx) -> Picture:
        if left + size.width > 512 or top + size.height > 512:
            raise SlideError(Refusal.DAMAGED, "A frame is damaged.")
        return super().read_area(left, top, size)


def found_at(*middles: tuple[float, float]) -> CountResult:
    boxes = [PixelBox(x - 20, y - 15, x + 20, y + 15) for x, y in middles]
    detections = tuple(Detection(CellType.BLAST, box, 0.9 - 0.01 * at) for at, box in enumerate(boxes))
    return replace(make_result(), detections=detections, spacing=SpacingMm(0.00025, 0.00025))


def test_a_crop_is_the_slide_around_the_cell() -> None:
    """Pixel by pixel, across the edges of tiles as well."""
    picture = every_pixel_its_own(1024, 1536)
    (cell,) = illustrate(PictureSlide(picture), found_at((515, 505)), None).cells
    assert np.array_equal(cell.picture, picture[505 - 48 : 505 + 48, 515 - 48 : 515 + 48])


@pytest.mark.parametrize(("x", "y"), [(5, 6), (1530, 4), (3, 1020), (1534, 1022)])
def test_beyond_the_edge_is_glass(x: int, y: int) -> None:
    """The field keeps its size and its middle; what there is of the slide stands at its place."""
    picture = every_pixel_its_own(1024, 1536)
    padded = np.pad(picture, ((100, 100), (100, 100), (0, 0)), constant_values=255)
    (cell,) = illustrate(PictureSlide(picture), found_at((x, y)), None).cells
    assert cell.picture.shape == (SIDE, SIDE, 3)
    assert np.array_equal(cell.picture, padded[y + 52 : y + 148, x + 52 : x + 148])


def test_a_damaged_neighbour_does_not_spoil_the_result() -> None:
    """What lies on the cell's own tile is shown; a cell on ground that cannot be read any more is shown as glass."""
    picture = every_pixel_its_own(1024, 1024)
    near, beyond = illustrate(DamagedSlide(picture), found_at((500, 300), (700, 300)), None).cells
    assert np.array_equal(near.picture[:, : 512 - 452], picture[252:348, 452:512])
    assert (near.picture[:, 512 - 452 :] == 255).all()
    assert (beyond.picture == 255).all()


def test_cells_come_class_by_class() -> None:
    """In the order of the choice, whatever the order of reading."""
    picture = every_pixel_its_own(10 * 512 + 100, 12 * 512 + 300)
    cells = illustrate(PictureSlide(picture), make_result(), None).cells
    kinds = [cell.cell.detection.cell_type for cell in cells]
    assert kinds == sorted(kinds)
    assert set(kinds) == set(CellType)
    for cell in cells:
        left, top = int(cell.cell.field.left), int(cell.cell.field.top)
        if left >= 0 and top >= 0:
            whole = picture[top : top + cell.picture.shape[0], left : left + cell.picture.shape[1]]
            assert np.array_equal(cell.picture[: whole.shape[0], : whole.shape[1]], whole)


def test_a_thumbnail_is_small_and_says_its_scale() -> None:
    """At most 1600 px; each pixel is the mean of the overview's, and spans as many base pixels as it says."""
    overview = np.zeros((600, 3300, 3), np.uint8)
    overview[:, ::3] = 90
    thumbnail = thumbnail_of(overview, 16.0)
    assert thumbnail.picture.shape == (200, 1100, 3)
    assert thumbnail.scale == 48
    assert (thumbnail.picture == 30).all()


def test_a_small_overview_is_its_own_thumbnail() -> None:
    """Nothing is made larger, and nothing larger is kept alive."""
    overview = np.zeros((60, 30, 3), np.uint8)
    thumbnail = thumbnail_of(overview, 16.0)
    assert np.array_equal(thumbnail.picture, overview)
    assert thumbnail.picture.base is None
    assert thumbnail.scale == 16
