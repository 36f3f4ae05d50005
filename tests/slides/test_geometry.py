"""Boxes and sizes keep the laws of plane geometry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.slides.geometry import PixelBox, SizePx, SpacingMm

PLACES = st.integers(-2_000, 2_000)
LENGTHS = st.integers(1, 1_000)


@st.composite
def boxes(draw: st.DrawFn) -> PixelBox:
    left, top, width, height = draw(PLACES), draw(PLACES), draw(LENGTHS), draw(LENGTHS)
    return PixelBox(left, top, left + width, top + height)


SIZES = st.builds(SizePx, st.integers(1, 2_000), st.integers(1, 2_000))


@given(boxes(), boxes())
def test_the_overlap_is_symmetric_and_a_share(one: PixelBox, two: PixelBox) -> None:
    """Intersection over union lies between 0 and 1 whichever box comes first."""
    overlap = one.intersection_over_union(two)
    assert overlap == two.intersection_over_union(one)
    assert 0 <= overlap <= 1


@given(boxes(), boxes())
def test_the_overlap_is_one_only_of_equals(one: PixelBox, two: PixelBox) -> None:
    """A box overlaps itself wholly, and no other."""
    assert one.intersection_over_union(one) == 1
    assert (one.intersection_over_union(two) == 1) == (one == two)


@given(boxes(), boxes(), PLACES, PLACES)
def test_the_overlap_does_not_depend_on_the_place(one: PixelBox, two: PixelBox, x: int, y: int) -> None:
    """Moving both boxes alike leaves it."""
    assert one.moved(x, y).intersection_over_union(two.moved(x, y)) == one.intersection_over_union(two)


@given(boxes())
def test_boxes_apart_do_not_overlap(box: PixelBox) -> None:
    """Right and bottom are exclusive: neighbours share an edge and no ground."""
    assert box.intersection_over_union(box.moved(box.width, 0)) == 0
    assert box.intersection_over_union(box.moved(0, box.height)) == 0


@given(boxes(), PLACES, PLACES)
def test_moving_keeps_the_shape(box: PixelBox, x: int, y: int) -> None:
    """A moved box is as large, its middle moved as far, and moved back it is the same."""
    moved = box.moved(x, y)
    assert (moved.width, moved.height, moved.area) == (box.width, box.height, box.area)
    assert moved.centre == (box.centre[0] + x, box.centre[1] + y)
    assert moved.moved(-x, -y) == box


@given(boxes(), SIZES)
def test_a_clipped_box_is_inside(box: PixelBox, size: SizePx) -> None:
    """Clipping never enlarges, ends inside the picture, and done twice changes nothing."""
    clipped = box.clipped(size)
    assert 0 <= clipped.left <= clipped.right <= size.width
    assert 0 <= clipped.top <= clipped.bottom <= size.height
    assert clipped.area <= box.area
    assert clipped.clipped(size) == clipped


def test_an_empty_box_has_no_ground() -> None:
    """Nothing overlaps with nothing, and no area is negative."""
    empty = PixelBox(5, 5, 5, 5)
    assert empty.area == 0
    assert empty.intersection_over_union(empty) == 0
    assert PixelBox(5, 5, 0, 9).area == 0


def test_half_an_overlap_by_hand() -> None:
    """Two unit-high boxes of width 3 that share 1 cover 5."""
    assert PixelBox(0, 0, 3, 1).intersection_over_union(PixelBox(2, 0, 5, 1)) == pytest.approx(1 / 5)


def test_resolution_is_the_mean_of_both_ways() -> None:
    """Spacing is in millimetres, resolution in micrometres."""
    assert SpacingMm(0.00024, 0.00026).um_per_px == pytest.approx(0.25)
