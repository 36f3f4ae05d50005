"""The small picture of the whole slide: which level it comes from and what it shows."""

# ruff: noqa: ANN401 - fixtures of conftest, whose types cannot be imported in importlib mode

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import encapsulate

from marrowcount.errors import Refusal, SlideError
from marrowcount_adapters.wsi.overview import overview_plan
from marrowcount_adapters.wsi.series import slide_levels
from marrowcount_adapters.wsi.slide import open_slide


@pytest.mark.parametrize(
    ("scales", "chosen", "factor"),
    [
        ((1,), 1, 16),
        ((1, 2), 2, 8),
        ((1, 4), 4, 4),
        ((1, 2, 4, 8, 16, 32), 16, 1),
        ((1, 4, 32), 32, 1),
        ((1, 8, 64), 8, 1),
        ((1, 4, 64), 4, 4),
    ],
)
def test_the_level_nearest_to_a_sixteenth_is_used(
    series: Any, picture: Any, scales: tuple[int, ...], chosen: int, factor: int
) -> None:
    """A level at 8 to 32 base pixels a pixel is shown as it is; else the coarsest finer one is reduced."""
    series.pyramid(picture(1024, 1024), scales, frame=64, encoder="native")
    plan = overview_plan(slide_levels(series.folder))
    assert plan.level.size.width == 1024 // chosen
    assert plan.factor == factor
    assert plan.scale == chosen * factor


@pytest.mark.parametrize("scales", [(1,), (1, 4), (1, 4, 16)])
def test_the_overview_shows_the_base(series: Any, picture: Any, scales: tuple[int, ...]) -> None:
    """Each pixel of the overview has the colour of the base there, wherever it was taken from."""
    pixels = picture(2560, 2304)
    series.pyramid(pixels, scales, encoder="native")
    with open_slide(series.folder) as slide:
        overview, scale = slide.overview()
    assert scale == 16
    assert overview.shape == (144, 160, 3)
    means = pixels.reshape(144, 16, 160, 16, 3).mean(axis=(1, 3))
    assert np.abs(overview - means).max() <= 8


def test_ground_that_fills_no_pixel_is_left_out(series: Any, picture: Any) -> None:
    """At the right and lower edge up to 15 base pixels are not shown; the scale stays true."""
    series.level(picture(1039, 1025), encoder="native")
    with open_slide(series.folder) as slide:
        overview, scale = slide.overview()
    assert overview.shape == (64, 64, 3)
    assert scale == 16


@pytest.mark.parametrize("field", ["frame_of_reference_uid"])
def test_a_level_of_another_pyramid_is_not_used(series: Any, picture: Any, field: str) -> None:
    """A second scanned area in the series has its own frame of reference and is not this slide's overview."""
    series.level(picture(1024, 1024), encoder="native")
    setattr(series, field, "2.25.99")
    series.level(picture(64, 64), frame=64, encoder="native", spacing=(0.004, 0.004))
    assert overview_plan(slide_levels(series.folder)).factor == 16


def test_a_level_of_another_shape_is_not_used(series: Any, picture: Any) -> None:
    """A level that is not as long and wide as the base shows other ground."""
    series.level(picture(1024, 1024), encoder="native")
    series.level(picture(64, 32), frame=64, encoder="native", spacing=(0.004, 0.004))
    assert overview_plan(slide_levels(series.folder)).factor == 16


def test_colours_that_were_never_converted_are_refused(series: Any) -> None:
    """JPEG 2000 frames that hold luma and chroma but call themselves RGB would poison the models silently."""
    glass = np.full((512, 512, 3), (236, 236, 238), np.uint8)
    (path,) = series.level(glass, frame=512, encoder="jpeg2000")
    file = io.BytesIO()
    luma_chroma = np.array(Image.fromarray(glass).convert("YCbCr"))
    Image.fromarray(luma_chroma).save(file, "JPEG2000", mct=0, no_jp2=True)
    dataset = dcmread(path)
    dataset.PhotometricInterpretation = "RGB"
    dataset.PixelData = encapsulate([file.getvalue() + b"\0" * (file.tell() % 2)])
    dataset.save_as(path)
    with open_slide(path) as slide, pytest.raises(SlideError) as caught:
        slide.overview()
    assert caught.value.refusal is Refusal.UNSUPPORTED_SYNTAX


def test_glass_of_any_usual_tint_is_taken(series: Any) -> None:
    """Backgrounds from warm to bluish are colours."""
    for number, tint in enumerate([(245, 238, 220), (228, 232, 244), (250, 235, 240), (190, 190, 190)]):
        series.series_uid = f"2.25.{number + 1}"
        paths = series.level(np.full((512, 512, 3), tint, np.uint8), encoder="native")
        with open_slide(paths) as slide:
            overview, _ = slide.overview()
        assert (overview == tint).all()
