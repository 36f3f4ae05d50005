"""Pictures of any size are judged in whole tiles, as a slide is."""

from __future__ import annotations

import numpy as np
import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount.evaluation import FramedPicture
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox
from marrowcount.slides.tiles import Tile

BLAST = CellType.BLAST
GROUND = (228, 216, 224)


def smear(rows: int, columns: int) -> np.ndarray:
    """Ground with dark cells over two thirds of it."""
    picture = np.full((rows, columns, 3), GROUND, np.uint8)
    picture[: 2 * rows // 3] = (90, 60, 130)
    return picture


@pytest.mark.parametrize(
    ("rows", "columns", "tiles"), [(512, 512, 1), (360, 363, 1), (575, 575, 4), (480, 640, 2), (1, 1, 1)]
)
def test_every_pixel_lies_on_a_tile(rows: int, columns: int, tiles: int) -> None:
    """The picture stands unaltered in the middle of as few tiles as hold it."""
    picture = smear(rows, columns)
    framed = FramedPicture.of(picture)
    assert len(list(framed.tiles())) == tiles
    assert all(pixels.shape == (512, 512, 3) for _, pixels in framed.tiles())
    kept = framed.canvas[framed.top : framed.top + rows, framed.left : framed.left + columns]
    assert np.array_equal(kept, picture)
    assert abs(framed.canvas.shape[0] - rows - 2 * framed.top) <= 1


def test_what_is_free_is_filled_with_the_pictures_own_ground() -> None:
    """The colour of its bare glass, not that of its cells, nor white."""
    framed = FramedPicture.of(smear(300, 300))
    assert np.array_equal(framed.canvas[0, 0], GROUND)
    assert np.array_equal(framed.canvas[-1, -1], GROUND)


def test_a_larger_picture_is_cut_to_whole_tiles_about_its_middle() -> None:
    """For a verdict on ground nothing is made up; a smaller picture is filled as ever."""
    picture = smear(575, 1100)
    cut = FramedPicture.inside(picture)
    assert np.array_equal(cut.canvas, picture[31:543, 38:1062])
    assert FramedPicture.inside(smear(300, 600)).canvas.shape == (512, 512, 3)


def test_boxes_come_back_in_pixels_of_the_picture() -> None:
    """From the tile by way of the canvas; what lies wholly on the filling is gone, what reaches over is clipped."""
    framed = FramedPicture.of(smear(300, 300))
    found = {
        Tile(0, 0): [
            Detection(BLAST, PixelBox(116, 126, 146, 156), 0.9),
            Detection(BLAST, PixelBox(96, 150, 126, 180), 0.8),
            Detection(BLAST, PixelBox(10, 10, 40, 40), 0.7),
        ]
    }
    assert [one.box for one in framed.merged(found, 0.5)] == [PixelBox(10, 20, 40, 50), PixelBox(0, 44, 20, 74)]


def halves(first: float, second: float) -> dict[Tile, list[Detection]]:
    """An object on the border of two tiles, reported by both."""
    return {
        Tile(0, 0): [Detection(BLAST, PixelBox(490, 100, 512, 140), first)],
        Tile(0, 1): [Detection(BLAST, PixelBox(0, 100, 20, 140), second)],
    }


def test_an_object_on_a_border_is_one_object() -> None:
    """As on a slide: the one found first stands."""
    framed = FramedPicture.of(smear(512, 1024))
    (one,) = framed.merged(halves(0.6, 0.9), 0.5)
    assert (one.box, one.probability) == (PixelBox(490, 100, 512, 140), 0.6)


def test_an_unlikely_half_does_not_take_the_place_of_one_that_counts() -> None:
    """What a count at the threshold would have found is found, whatever is kept below it for the curves."""
    framed = FramedPicture.of(smear(512, 1024))
    (one,) = framed.merged(halves(0.05, 0.9), 0.5)
    assert (one.box, one.probability) == (PixelBox(512, 100, 532, 140), 0.9)
