"""The colour of empty ground, and how dense things on it are."""

from __future__ import annotations

import numpy as np
import pytest

from drawn_smears import GLASS, single_cell
from marrowcount_adapters.composites.glass import glass_of, optical_density


@pytest.mark.parametrize("dimmed", [1.0, 0.6])
def test_the_glass_is_found_under_cells_whatever_the_light(dimmed: float) -> None:
    """The commonest bright colour is the ground, in a bright picture and in a dim one."""
    picture = (single_cell(np.random.default_rng(1)) * dimmed).astype(np.uint8)
    assert np.abs(glass_of(picture) - np.array(GLASS) * dimmed).max() < 3


def test_ground_takes_no_light_away_and_half_the_light_is_its_logarithm() -> None:
    """Density is the natural logarithm of the light lost, never below 0."""
    picture = np.array([[[200, 200, 200], [100, 200, 210]]], np.uint8)
    density = optical_density(picture, np.array([200, 200, 200], np.float32))
    assert density[0, 0].tolist() == [0, 0, 0]
    assert density[0, 1] == pytest.approx([np.log(2), 0, 0], abs=1e-6)
