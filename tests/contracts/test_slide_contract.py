"""What every opened slide promises, on the shipped stand-in and on DICOM files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from marrowcount.slides.geometry import SizePx
from marrowcount.slides.tiles import Tile, grid_of
from marrowcount.testing import PictureSlide
from marrowcount_adapters.wsi.slide import open_slide
from small_slides import SIZE, write_small_slide

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from marrowcount.ports import Slide


def _dicom(folder: Path) -> Slide:
    return open_slide(write_small_slide(3, folder))


@pytest.fixture(scope="module", params=["in-memory", "dicom"])
def slide(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slide]:
    """A slide of 4 x 4 tiles, of each kind."""
    if request.param == "dicom":
        opened = _dicom(tmp_path_factory.mktemp("slide"))
    else:
        pixels = np.random.default_rng(3).integers(0, 255, (SIZE.height, SIZE.width, 3), np.uint8)
        opened = PictureSlide(pixels)
    yield opened
    opened.close()


def test_an_area_is_what_its_tiles_show(slide: Slide) -> None:
    """A rectangle across four tiles has the pixels that reading the tiles gives."""
    area = slide.read_area(500, 490, SizePx(40, 60))
    assert area.shape == (60, 40, 3)
    assert area.dtype == np.uint8
    tiles = np.concatenate(
        [np.concatenate([slide.read(Tile(row, column)) for column in range(2)], axis=1) for row in range(2)]
    )
    assert np.array_equal(area, tiles[490:550, 500:540])


def test_the_corners_can_be_read(slide: Slide) -> None:
    """The matrix ends where its size says."""
    last = slide.read_area(slide.size.width - 1, slide.size.height - 1, SizePx(1, 1))
    assert np.array_equal(last[0, 0], slide.read(grid_of(slide.size)[-1])[-1, -1])


@pytest.mark.parametrize("area", [(-1, 0, 8, 8), (0, -1, 8, 8), (SIZE.width - 7, 0, 8, 8), (0, SIZE.height - 7, 8, 8)])
def test_no_pixel_beyond_the_edge(slide: Slide, area: tuple[int, int, int, int]) -> None:
    """Whoever asks for ground that is not there has made a mistake, and is told."""
    left, top, width, height = area
    with pytest.raises(ValueError, match="not wholly inside"):
        slide.read_area(left, top, SizePx(width, height))


def test_the_overview_spans_the_slide(slide: Slide) -> None:
    """Its size times its scale is the slide's, to one pixel of it."""
    picture, scale = slide.overview()
    assert abs(picture.shape[1] * scale - SIZE.width) <= scale
    assert abs(picture.shape[0] * scale - SIZE.height) <= scale
