from __future__ import annotations

import numpy as np
import pytest

from marrowcount.cytology.cell_types import NDC_CLASSES, CellType
from marrowcount.phantom import PROFILES
from marrowcount.phantom.atlas import Atlas
from marrowcount.phantom.ground import Ground
from marrowcount.phantom.look import Look
from marrowcount.phantom.placement import Placed, place
from marrowcount.slides.geometry import SizePx

TILES = 24
SIZE = SizePx(TILES * 512, TILES * 512)


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    return Atlas(Look.drawn(np.random.default_rng(1)), entropy=1)


@pytest.fixture(scope="module")
def meadow() -> Ground:
    """Ground without a fault."""
    nodes = TILES * 8 + 1
    return Ground(np.zeros((5, nodes, nodes), np.float32), np.ones((TILES, TILES), np.bool_))


def strewn(profile: str, ground: Ground, atlas: Atlas) -> Placed:
    return place(PROFILES[profile], SIZE, ground, atlas, np.random.default_rng(7))


@pytest.mark.parametrize("profile", PROFILES)
def test_a_large_sample_follows_the_profile(profile: str, meadow: Ground, atlas: Atlas) -> None:
    """Over 576 fit tiles every share is within 3 points of the profile's and every class is there."""
    counts = np.bincount(strewn(profile, meadow, atlas).kind, minlength=len(CellType))
    total = sum(counts[cell_type] for cell_type in NDC_CLASSES)
    for cell_type, percent in PROFILES[profile].differential.items():
        assert 100 * counts[cell_type] / total == pytest.approx(percent, abs=3)
    assert (counts > 0).sum() >= len(CellType) - 1


@pytest.mark.parametrize(("profile", "least", "most"), [("normal", 8, 14), ("cml", 8, 16), ("hypocellular", 2, 4)])
def test_tiles_hold_as_many_cells_as_their_marrow(
    profile: str, least: float, most: float, meadow: Ground, atlas: Atlas
) -> None:
    """About ten objects other than platelets lie on a tile, two to four in hypocellular marrow."""
    kinds = strewn(profile, meadow, atlas).kind
    assert least < (kinds != CellType.PLATELET).sum() / TILES**2 < most


def test_every_profile_sums_to_a_hundred_percent() -> None:
    """A differential covers the NDC classes and nothing else; the bystanders are the rest."""
    for profile in PROFILES.values():
        assert sum(profile.differential.values()) == pytest.approx(100)
        assert {*profile.differential, *profile.bystanders} == set(CellType)


def test_cells_touch_but_do_not_hide_each_other(meadow: Ground, atlas: Atlas) -> None:
    """No two centres lie closer than 84 % of the sum of their radii, and some lie closer than the sum."""
    placed = strewn("normal", meadow, atlas)
    some = placed.chosen(np.arange(2500))
    apart = np.hypot(*(some.spot[:, None] - some.spot[None]).transpose(2, 0, 1))
    radii = some.radius[:, None] + some.radius[None]
    np.fill_diagonal(apart, np.inf)
    assert (apart >= 0.84 * radii).all()
    assert (apart < radii).any()


def test_nothing_lies_on_empty_or_clotted_ground(atlas: Atlas) -> None:
    """Where the glass is empty or the smear too thick there are no objects."""
    nodes = TILES * 8 + 1
    for fault in (0, 1):
        severity = np.zeros((5, nodes, nodes), np.float32)
        severity[fault] = 1
        ground = Ground(severity, np.zeros((TILES, TILES), np.bool_))
        assert len(strewn("normal", ground, atlas).kind) == 0
