"""Copies are found however they were turned; cells that merely look alike are not taken for copies."""

from __future__ import annotations

import numpy as np
import pytest

from drawn_smears import irregular_cell
from marrowcount_adapters.composites.boxed import ORIENTATIONS, turned
from marrowcount_adapters.composites.likeness import fingerprint, kin, lookalikes, patch_at

LEAST = 0.72


@pytest.fixture
def picture() -> np.ndarray:
    return irregular_cell(np.random.default_rng(1))


@pytest.mark.parametrize("orientation", range(ORIENTATIONS))
def test_a_copy_is_found_in_every_orientation(picture: np.ndarray, orientation: int) -> None:
    """Mirrored or turned by quarters, in other light, and moved by a few pixels."""
    copy, _ = turned((picture, ()), orientation)
    dimmed = (copy * 0.8 + 10).astype(np.uint8)
    prints = [fingerprint("a", patch_at(picture, 120, 120, 0.1)), fingerprint("b", patch_at(dimmed, 123, 118, 0.1))]
    assert [found[:2] for found in lookalikes(prints, LEAST)] == [("a", "b")]


def test_other_cells_of_the_same_look_are_no_copies() -> None:
    """Cells of one size and colour differ in outline and chromatin, which is what is compared."""
    rng = np.random.default_rng(2)
    prints = [fingerprint(str(number), patch_at(irregular_cell(rng), 120, 120, 0.1)) for number in range(12)]
    assert list(lookalikes(prints, LEAST)) == []


def test_one_owner_is_no_copy_of_itself(picture: np.ndarray) -> None:
    """Copies of the same original, known by name, need not be found."""
    one = fingerprint("a", picture)
    assert list(lookalikes([one, one], LEAST)) == []
    assert list(lookalikes([], LEAST)) == []


def test_a_patch_over_the_edge_is_mirrored(picture: np.ndarray) -> None:
    """At a corner as in the middle a patch has its full size."""
    for place in ((0, 0), (240, 240), (120, 239)):
        assert patch_at(picture, *place, 0.1).shape == (160, 160, 3)


def test_kin_of_kin_are_kin() -> None:
    """A copy of a copy is a copy."""
    found = kin("abcde", [("a", "b"), ("d", "c"), ("b", "c")])
    assert found["a"] == found["d"] == frozenset("abcd")
    assert found["e"] == frozenset("e")
