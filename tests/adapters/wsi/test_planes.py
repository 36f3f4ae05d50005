"""Slides with several focal planes or optical paths, counted on one of them, which is said."""

# ruff: noqa: ANN401 - fixtures of conftest, whose types cannot be imported in importlib mode

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from marrowcount.errors import Refusal, SlideError
from marrowcount.slides.tiles import Tile
from marrowcount_adapters.wsi.planes import Planes, middle
from marrowcount_adapters.wsi.slide import open_slide

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SIDE = 512


def grey(level: int) -> NDArray[np.uint8]:
    """One plane, told by its grey."""
    return np.full((SIDE, SIDE, 3), level, np.uint8)


def measures(spacing_um: float) -> list[Dataset]:
    shared, group = Dataset(), Dataset()
    group.PixelSpacing, group.SliceThickness = [0.00025, 0.00025], 0.001
    group.SpacingBetweenSlices = spacing_um / 1000
    shared.PixelMeasuresSequence = [group]
    return [shared]


def paths(*identifiers: str) -> list[Dataset]:
    made = []
    for identifier in identifiers:
        path = Dataset()
        path.OpticalPathIdentifier = identifier
        made.append(path)
    return made


def stack(series: Any, greys: list[int], **attributes: Any) -> list[Path]:
    """A TILED_FULL level whose planes follow one another in one instance (PS3.3 C.7.6.17.3)."""
    picture = np.concatenate([grey(level) for level in greys])
    return series.level(picture, encoder="native", TotalPixelMatrixRows=SIDE, **attributes)


def seen(folder: Path) -> tuple[int, tuple[str, ...]]:
    """The grey of what is counted, and what is said of it."""
    slide = open_slide(folder)
    try:
        return int(slide.read(Tile(0, 0))[SIDE // 2, SIDE // 2, 0]), slide.remarks
    finally:
        slide.close()


def test_one_plane_goes_without_saying(series: Any, picture: Any) -> None:
    """Most slides leave no choice."""
    series.level(picture(SIDE, SIDE))
    assert seen(series.folder)[1] == ()


def test_middle_of_a_stack_is_counted(series: Any) -> None:
    """Of three planes in one instance the second, and the result says so."""
    stack(series, [10, 120, 240], TotalPixelMatrixFocalPlanes=3, SharedFunctionalGroupsSequence=measures(1.5))
    counted, remarks = seen(series.folder)
    assert counted == 120
    assert remarks == (
        "focal-planes: the slide has 3 focal planes; only number 2 from the glass upwards, at 1.5 um, was counted",
    )


def test_middle_of_planes_in_instances_of_their_own_is_counted(series: Any) -> None:
    """Whatever their identifiers and their order on the disk."""
    for height, level in ((4.0, 240), (0.0, 10), (2.0, 120)):
        origin = Dataset()
        origin.XOffsetInSlideCoordinateSystem, origin.YOffsetInSlideCoordinateSystem = 20, 40
        origin.ZOffsetInSlideCoordinateSystem = height
        series.level(grey(level), encoder="native", TotalPixelMatrixOriginSequence=[origin])
    counted, remarks = seen(series.folder)
    assert counted == 120
    assert "3 focal planes" in remarks[0]
    assert "number 2 from the glass upwards, at 2 um" in remarks[0]


def test_first_optical_path_is_counted(series: Any) -> None:
    """As the scanner lists them."""
    stack(series, [10, 240], NumberOfOpticalPaths=2, OpticalPathSequence=paths("bright", "other"))
    counted, remarks = seen(series.folder)
    assert counted == 10
    assert remarks == ("optical-paths: the slide has 2 optical paths; only the first was counted",)


def test_stack_with_a_plane_missing_is_incomplete(series: Any) -> None:
    """All planes that the header announces must be there, also those that are not counted."""

    stack(series, [10, 120], TotalPixelMatrixFocalPlanes=3, SharedFunctionalGroupsSequence=measures(1.5))
    with pytest.raises(SlideError) as refusal:
        open_slide(series.folder)
    assert refusal.value.refusal is Refusal.INCOMPLETE


@given(heights=st.lists(st.floats(-100, 100), min_size=1, max_size=9, unique=True))
def test_middle_is_one_of_the_planes_and_as_near_to_the_centre_as_any(heights: list[float]) -> None:
    """Nothing is interpolated, and the order in which planes are listed does not matter."""
    chosen, centre = middle(heights), (min(heights) + max(heights)) / 2
    assert chosen in heights
    assert all(abs(chosen - centre) <= abs(height - centre) for height in heights)
    assert middle(heights[::-1]) == chosen


def test_both_choices_are_said() -> None:
    """Each in a remark of its own, with its code."""
    said = Planes((0.0, 2.0), 0.0, 3).remarks
    assert [remark.partition(":")[0] for remark in said] == ["focal-planes", "optical-paths"]
