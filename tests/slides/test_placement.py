"""Pixels and millimetres of the glass, in all eight orientations, as an independent library sees them."""

from __future__ import annotations

import numpy as np
import pytest
from highdicom.spatial import ImageToReferenceTransformer
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.slides.geometry import SpacingMm
from marrowcount.slides.placement import Direction, Placement
from placements import ORIENTATIONS

places = st.floats(-1000, 300_000, allow_nan=False)
offsets = st.floats(-80, 80, allow_nan=False)


@pytest.mark.parametrize(("along_row", "along_column"), ORIENTATIONS)
@given(place=st.tuples(places, places), origin=st.tuples(offsets, offsets))
def test_the_way_back_leads_home(
    along_row: Direction, along_column: Direction, place: tuple[float, float], origin: tuple[float, float]
) -> None:
    """Whatever the orientation and the origin."""
    placement = Placement(*origin, along_row, along_column, SpacingMm(0.00025, 0.00026))
    there = placement.to_slide(*place)
    assert placement.to_pixels(there[0], there[1]) == pytest.approx(place, abs=1e-3)


@pytest.mark.parametrize(("along_row", "along_column"), ORIENTATIONS)
def test_highdicom_sees_it_so(along_row: Direction, along_column: Direction) -> None:
    """Its image coordinates, too, have (0, 0) at the outer corner of the first pixel."""
    placement = Placement(12.5, 40.25, along_row, along_column, SpacingMm(0.00025, 0.00026))
    independent = ImageToReferenceTransformer(
        image_position=(12.5, 40.25, 0.0),
        image_orientation=(*along_row, *along_column),
        pixel_spacing=(0.00026, 0.00025),
    )
    for x, y in ((0.0, 0.0), (0.5, 0.5), (1000.25, 77.75)):
        assert placement.to_slide(x, y) == pytest.approx(independent(np.array([[x, y]]))[0].tolist(), abs=1e-9)
