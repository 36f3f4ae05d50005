"""One small phantom and its DICOM series, written once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from marrowcount.phantom import PhantomSlide
from marrowcount.slides.geometry import SizePx
from marrowcount_adapters.wsm_writer import write_phantom

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def slide() -> PhantomSlide:
    return PhantomSlide("normal", 5, SizePx(2300, 2560))


@pytest.fixture(scope="session")
def series(slide: PhantomSlide, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("series")
    write_phantom(slide, folder)
    return folder
