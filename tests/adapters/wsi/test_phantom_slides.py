"""Slides written as scanners write them, read back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from marrowcount.errors import SlideError
from marrowcount.phantom import PhantomSlide
from marrowcount.slides.geometry import SizePx
from marrowcount.slides.tiles import grid_of
from marrowcount_adapters.wsi.slide import open_slide
from marrowcount_adapters.wsm_writer import write_phantom

if TYPE_CHECKING:
    from collections.abc import Sequence

PHANTOM = PhantomSlide("normal", 3, SizePx(2048, 2560))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    return write_phantom(PHANTOM, tmp_path_factory.mktemp("phantom"))


def test_what_was_written_is_read(files: Sequence[Path]) -> None:
    """Every tile of a written phantom comes back at its place, within what JPEG loses."""
    with open_slide(files[0].parent) as slide:
        assert slide.size == PHANTOM.size
        assert slide.spacing.um_per_px == pytest.approx(0.25)
        for tile in grid_of(slide.size):
            difference = np.abs(slide.read(tile).astype(int) - PHANTOM.read(tile))
            assert difference.mean() < 4


def test_the_overview_shows_the_written_slide(files: Sequence[Path]) -> None:
    """The overview's pixels are the means of the ground that they span."""
    with open_slide(files) as slide:
        overview, scale = slide.overview()
        factor = round(scale)
        assert overview.shape == (2560 // factor, 2048 // factor, 3)
        side = 512 // factor
        for tile in grid_of(slide.size):
            shown = overview[tile.row * side : (tile.row + 1) * side, tile.column * side : (tile.column + 1) * side]
            assert np.abs(shown.mean(axis=(0, 1)) - PHANTOM.read(tile).mean(axis=(0, 1))).max() < 3


def test_tiles_may_be_read_by_several_threads(files: Sequence[Path]) -> None:
    """Threads get the same pixels as one reader alone."""
    with open_slide(files) as slide, ThreadPoolExecutor(4) as pool:
        tiles = [*grid_of(slide.size)] * 4
        alone = {tile: slide.read(tile) for tile in set(tiles)}
        for tile, picture in zip(tiles, pool.map(slide.read, tiles), strict=True):
            assert np.array_equal(picture, alone[tile])


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted where /proc is")
def test_no_file_stays_open(files: Sequence[Path], tmp_path: Path) -> None:
    """A closed slide holds no file, whether it was read or refused half way."""
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(files[0].read_bytes()[:-20_000])
    before = open_files()
    for _ in range(5):
        with open_slide(files) as slide:
            slide.read(grid_of(slide.size)[0])
            slide.overview()
        with pytest.raises(SlideError, match="damaged"):
            open_slide(cut)
    assert open_files() == before
