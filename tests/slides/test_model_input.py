"""From a tile's pixels to a network's input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from marrowcount.slides.model_input import checked_tile, halved


def test_half_is_the_mean_rounded_half_up() -> None:
    """(0 + 0 + 1 + 1) / 4 is 0.5 and becomes 1; (255 x 4) / 4 stays 255."""
    picture = np.array([[0, 0, 255, 255], [1, 1, 255, 255]], np.uint8)[..., None].repeat(3, axis=2)
    assert halved(picture)[0, :, 0].tolist() == [1, 255]


@given(arrays(np.uint8, (6, 4, 3), elements=st.integers(0, 255)))
def test_half_of_the_doubled_is_the_picture(picture: np.ndarray) -> None:
    """Repeating each pixel twice is undone exactly: stores of halves can be judged as tiles."""
    assert np.array_equal(halved(picture.repeat(2, axis=0).repeat(2, axis=1)), picture)


@pytest.mark.parametrize(
    "picture", [np.zeros((512, 512), np.uint8), np.zeros((512, 512, 3), np.float32), np.zeros((511, 512, 3), np.uint8)]
)
def test_only_an_rgb_tile_is_a_tile(picture: np.ndarray) -> None:
    """Another size, depth or number of channels is refused."""
    with pytest.raises(ValueError, match="512"):
        checked_tile(picture)
