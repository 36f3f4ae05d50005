"""Candidates made up of objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from marrowcount.active_learning import Candidate, PoolTile
from marrowcount.slides.geometry import SizePx

if TYPE_CHECKING:
    from collections.abc import Callable

    from marrowcount.active_learning import SeenObject
    from marrowcount.slides.tiles import Tile


@pytest.fixture
def candidate() -> Callable[..., Candidate]:
    """Makes candidates whose pictures differ, each of a slide and a patient of its own unless told otherwise."""
    numbers = iter(range(10_000))

    def make(
        *objects: SeenObject,
        patient: str | None = None,
        group: str | None = None,
        place: Tile | None = None,
        likeness: np.ndarray | None = None,
    ) -> Candidate:
        number = next(numbers)
        name = f"tile {number}"
        tile = PoolTile(
            name, SizePx(512, 512), name if patient is None else patient, name if group is None else group, place
        )
        drawn = np.random.default_rng(number).standard_normal((16, 16)).astype(np.float32)
        drawn -= drawn.mean()
        like = drawn / np.linalg.norm(drawn) if likeness is None else likeness
        return Candidate(tile, f"{number:064x}", like, objects)

    return make
