"""Pictures and boxes move together."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import LabelledBox
from marrowcount.slides.geometry import PixelBox
from marrowcount_adapters.composites.boxed import ORIENTATIONS, enlarged, turned
from marrowcount_adapters.composites.windows import overlap


@given(st.integers(0, ORIENTATIONS - 1), st.integers(0, 20), st.integers(0, 10), st.integers(1, 10), st.integers(1, 10))
def test_a_box_follows_its_pixels_into_every_orientation(
    orientation: int, left: int, top: int, width: int, height: int
) -> None:
    """What the box held before it holds after."""
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[top : top + height, left : left + width] = 255
    objects = (LabelledBox(PixelBox(left, top, left + width, top + height), CellType.BLAST),)
    seen, (one,) = turned((picture, objects), orientation)
    rows, columns = np.nonzero(seen[..., 0])
    assert one.box == PixelBox(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_the_eight_orientations_are_eight() -> None:
    """None is there twice."""
    picture = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    seen = {turned((picture, ()), orientation)[0].tobytes() for orientation in range(ORIENTATIONS)}
    assert len(seen) == ORIENTATIONS


def test_a_box_is_enlarged_along_rows_and_down_columns() -> None:
    """By one factor in both directions, or by two."""
    assert enlarged(PixelBox(1, 2, 3, 4), 2) == PixelBox(2, 4, 6, 8)
    assert enlarged(PixelBox(1, 2, 3, 4), 2, 0.5) == PixelBox(2, 1, 6, 2)


@given(st.integers(-30, 30), st.integers(-30, 30), st.integers(1, 12), st.integers(1, 12))
def test_the_overlap_is_of_one_size_and_of_the_same_place(left: int, top: int, rows: int, columns: int) -> None:
    """Both windows have one shape, and a pixel of the one lies on its pixel of the other."""
    canvas = np.zeros((20, 20), np.int64)
    small = np.arange(1, rows * columns + 1).reshape(rows, columns)
    here, there = overlap((20, 20), (rows, columns), left, top)
    canvas[here] = small[there]
    for row in range(rows):
        for column in range(columns):
            if 0 <= row + top < 20 and 0 <= column + left < 20:
                assert canvas[row + top, column + left] == small[row, column]
    assert np.count_nonzero(canvas) == small[there].size == canvas[here].size
