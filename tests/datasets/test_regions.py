"""Cutting a slide's regions: covered wholly, every object on some tile, boxes within their picture."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowcount.datasets import NamedBox
from marrowcount.datasets.regions import Area, area_of, objects_in, scale_to, tiles_over
from marrowcount.slides.geometry import PixelBox, SizePx

AREAS = st.builds(
    Area, st.integers(0, 500), st.integers(0, 500), st.builds(SizePx, st.integers(1, 1500), st.integers(1, 1500))
)


@settings(deadline=None, max_examples=50)
@given(area=AREAS, side=st.integers(16, 600))
def test_tiles_cover_an_area_wholly(area: Area, side: int) -> None:
    """Every pixel lies on a tile, no tile leaves the area, and no row of tiles more is cut than needed."""
    covered = np.zeros((area.size.height, area.size.width), bool)
    tiles = tiles_over(area, side)
    for tile in tiles:
        top, left = tile.top - area.top, tile.left - area.left
        assert min(top, left) >= 0
        assert top + tile.size.height <= area.size.height
        assert left + tile.size.width <= area.size.width
        covered[top : top + tile.size.height, left : left + tile.size.width] = True
    assert covered.all()
    assert len(tiles) == -(-area.size.width // side) * -(-area.size.height // side)


def test_a_multiple_of_the_side_is_cut_without_overlap() -> None:
    """The collection's regions of 2048 px give 16 tiles of 512 px."""
    tiles = tiles_over(Area(100, 200, SizePx(2048, 2048)), 512)
    assert len({(tile.left, tile.top) for tile in tiles}) == 16
    assert {(tile.left - 100) % 512 for tile in tiles} == {0}


@settings(deadline=None, max_examples=50)
@given(area=AREAS, x=st.floats(0, 2000), y=st.floats(0, 2000), side=st.floats(2, 80))
def test_an_object_is_on_a_tile_exactly_if_its_centre_is(area: Area, x: float, y: float, side: float) -> None:
    """An object whose centre is in the area is on at least one of its tiles, within that tile's picture."""
    one = NamedBox(PixelBox(x - side / 2, y - side / 2, x + side / 2, y + side / 2), "cell")
    on = [found for tile in tiles_over(area, 256) for found in objects_in(tile, [one])]
    assert bool(on) == area.holds(one.box.centre)
    for found in on:
        assert found.box.clipped(SizePx(256, 256)) == found.box
        assert found.box.area > 0


def test_a_scanners_own_quarter_micrometre_is_a_quarter_micrometre() -> None:
    """0.2461 um/px stays as it is; 0.12 um/px is made half as large."""
    assert scale_to(0.2461, 0.25) == 1
    assert scale_to(0.12, 0.24) == 0.5


def test_two_areas_that_touch_share_no_object() -> None:
    """The point between them belongs to the right one alone."""
    left, right = Area(0, 0, SizePx(10, 10)), Area(10, 0, SizePx(10, 10))
    assert (left.holds((10.0, 5.0)), right.holds((10.0, 5.0))) == (False, True)


def test_a_region_is_widened_to_whole_pixels_and_kept_on_the_slide() -> None:
    """Fractions are rounded outward; what lies beyond the slide is cut off."""
    assert area_of(PixelBox(10.4, 5, 20.2, 9.9), SizePx(100, 8)) == Area(10, 5, SizePx(11, 3))
