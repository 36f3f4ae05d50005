"""A slide unlike those that the models were trained on is noticed by plain figures, not by the network itself."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from marrowcount.phantom import PhantomSlide
from marrowcount.slides.familiarity import Feature, Range, features_of, medians, ranges_of, strangers
from marrowcount.slides.geometry import SizePx

Pictures = list[NDArray[np.uint8]]


@pytest.fixture(scope="module")
def tiles() -> Pictures:
    slides = [PhantomSlide("normal", seed, SizePx(3072, 3072)) for seed in (1, 2, 3)]
    return [slide.read(place.tile) for slide in slides for place in slide.tiles if place.roi]


def told(pictures: Pictures, objects: int = 10) -> set[Feature]:
    """In which figures the pictures differ from the fixture's slides."""
    return {one.feature for one in strangers([features_of(picture, objects) for picture in pictures], SEEN)}


SEEN: dict[Feature, Range] = {}


@pytest.fixture(autouse=True, scope="module")
def _seen(tiles: Pictures) -> None:
    SEEN.update(ranges_of([features_of(tile, objects) for tile in tiles for objects in (4, 25)]))


def test_slides_like_those_of_training_pass(tiles: Pictures) -> None:
    """What the ranges were made of lies within them."""
    assert told(tiles) == set()


def test_another_light_is_noticed(tiles: Pictures) -> None:
    """A lamp at half its power."""
    assert Feature.LIGHT in told([tile // 2 for tile in tiles])


def test_another_stain_is_noticed(tiles: Pictures) -> None:
    """Red for blue, as in a section stained with eosin alone."""
    assert {Feature.STAIN, Feature.BLUE} & told([tile[..., ::-1].copy() for tile in tiles])


def test_lost_focus_is_noticed(tiles: Pictures) -> None:
    """A blur of 1 um."""
    assert told([np.asarray(cv2.GaussianBlur(tile, (0, 0), 4), np.uint8) for tile in tiles]) >= {Feature.FOCUS}


def test_an_odd_number_of_cells_is_noticed(tiles: Pictures) -> None:
    """A model that finds cells everywhere, or hardly any."""
    assert told(tiles, objects=200) == {Feature.CELLS} == told(tiles, objects=0)


def test_what_cannot_be_told_is_left_out() -> None:
    """A blank picture has no stain; nothing is invented for it."""
    assert set(features_of(np.full((512, 512, 3), 240, np.uint8), 0)) == {Feature.LIGHT, Feature.FOCUS, Feature.CELLS}


@pytest.mark.parametrize(("value", "distance"), [(0.0, 1.0), (1.0, 0.0), (2.0, 1.0), (5.0, 4.0), (-1.0, 2.0)])
def test_distance_is_in_halves_of_the_range(value: float, distance: float) -> None:
    """1 at its edges, whichever side."""
    assert Range(0, 2).distance(value) == distance


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
def test_median_of_training_is_familiar(values: list[float]) -> None:
    """Whatever training saw, its own median is inside, and the farthest stranger comes first."""
    appearances = [{Feature.CELLS: value, Feature.LIGHT: 0.0} for value in values]
    seen = ranges_of(appearances)
    low, high = seen[Feature.CELLS].low, seen[Feature.CELLS].high
    assert low <= medians(appearances)[Feature.CELLS] + 1e-6
    assert medians(appearances)[Feature.CELLS] <= high + 1e-6
    found = strangers([{Feature.CELLS: high + (high - low) + 1, Feature.LIGHT: 1e9}], seen)
    assert [one.feature for one in found][:1] == [Feature.LIGHT]


def test_message_says_the_figure_and_what_was_seen() -> None:
    """A person can judge without the program at hand."""
    (one,) = strangers([{Feature.FOCUS: 0.5}], {Feature.FOCUS: Range(0.1, 0.2)})
    assert str(one) == "focus-unfamiliar: 0.5, training saw 0.1 to 0.2"
