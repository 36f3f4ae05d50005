"""Other stains: dyes made stronger or weaker in optical density."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount_adapters.training.stain import density_of, picture_of, restained, stain_change

LEVELS = np.stack(np.meshgrid(*(np.arange(0, 256, 15, dtype=np.uint8),) * 3, indexing="ij"), -1).reshape(-1, 18, 3)


def test_density_and_back_is_exact() -> None:
    """Every one of the 256 levels survives."""
    levels = np.arange(256, dtype=np.uint8)[:, None, None].repeat(3, axis=2)
    assert np.array_equal(picture_of(density_of(levels)), levels)


@given(st.integers(0, 2**32))
def test_no_strength_no_change(seed: int) -> None:
    """At amount 0 every colour stays, whatever the dice say."""
    assert np.array_equal(restained(LEVELS, 0.0, np.random.default_rng(seed)), LEVELS)


@given(st.integers(0, 2**32), st.floats(0, 3))
def test_range_is_kept(seed: int, amount: float) -> None:
    """Uint8 in, uint8 out, nothing wraps round: black stays dark and white stays light."""
    after = restained(LEVELS, amount, np.random.default_rng(seed))
    assert after.shape == LEVELS.shape
    assert after.dtype == np.uint8
    dark, light = restained(np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8), amount, np.random.default_rng(seed))[0]
    assert dark.max() < light.min()


def test_white_ground_is_left_but_for_a_thin_film() -> None:
    """Glass holds no dye: factors cannot change it, and the film is a few levels."""
    white = np.full((4, 4, 3), 255, np.uint8)
    assert min(restained(white, 1.0, np.random.default_rng(seed)).min() for seed in range(50)) > 225


def test_a_dye_made_stronger_darkens_what_it_stains() -> None:
    """A nucleus under more methylene blue has a higher density, as Beer and Lambert say."""
    rng = np.random.default_rng(3)
    changes = [stain_change(1.0, rng)[:, :3] for _ in range(40)]
    blue = np.array([0.83, 0.51, 0.20])
    strengths = [np.linalg.norm(change @ blue) / np.linalg.norm(blue) for change in changes]
    assert min(strengths) < 0.85
    assert max(strengths) > 1.15


def test_the_same_dice_give_the_same_stain() -> None:
    """Runs can be repeated."""
    assert np.array_equal(*(stain_change(1.0, np.random.default_rng(9)) for _ in range(2)))


@pytest.mark.parametrize("amount", [0.5, 1.0, 2.0])
def test_amount_scales_the_change(amount: float) -> None:
    """Twice the amount changes colours further, on average over stains."""

    def change(strength: float) -> float:
        stains = [restained(LEVELS, strength, np.random.default_rng(seed)) for seed in range(20)]
        return float(np.mean([np.abs(stain.astype(int) - LEVELS).mean() for stain in stains]))

    assert change(amount) > 1.3 * change(amount / 2)
