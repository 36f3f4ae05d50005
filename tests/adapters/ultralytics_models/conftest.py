"""Tiles of the phantom, fit and unfit."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from marrowcount.phantom import PhantomSlide
from marrowcount.slides.geometry import SizePx

if TYPE_CHECKING:
    import numpy as np


@pytest.fixture(scope="session")
def tiles() -> list[np.ndarray]:
    slide = PhantomSlide("mds", 424242, SizePx(2560, 2560))
    places = [
        place for kind in (True, False) for place in itertools.islice((p for p in slide.tiles if p.roi is kind), 2)
    ]
    return [slide.read(place.tile) for place in places]
