"""Phantom slides, made once for all tests of this folder."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from marrowcount.phantom import PhantomSlide
from marrowcount.slides.geometry import SizePx

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="session")
def phantom() -> Callable[[str, int], PhantomSlide]:
    @cache
    def made(profile: str, seed: int) -> PhantomSlide:
        return PhantomSlide(profile, seed, SizePx(2560, 2300))

    return made
