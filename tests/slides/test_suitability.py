"""The cheap look at the overview loses no ground that is fit, and leaves out what clearly is not."""

from __future__ import annotations

import numpy as np
import pytest

from marrowcount.phantom import PhantomSlide
from marrowcount.slides.geometry import SizePx
from marrowcount.slides.suitability import SuitabilityLimits, candidate_tiles, glass_colour
from marrowcount.slides.tiles import Tile, grid_of

GLASS = (238, 236, 240)
RED_CELL = (225, 190, 180)
NUCLEUS = (96, 60, 140)


def ground(rows: int, columns: int, colour: tuple[int, int, int] = GLASS) -> np.ndarray:
    """An overview of that many tiles, 32 px each."""
    return np.full((rows * 32, columns * 32, 3), colour, np.uint8)


def size_of(rows: int, columns: int) -> SizePx:
    return SizePx(columns * 512, rows * 512)


def with_cells(overview: np.ndarray, tile: Tile, colour: tuple[int, int, int], share: float) -> None:
    """Cells of 3 px, spread evenly until they cover that share of the tile."""
    part = overview[tile.row * 32 : tile.row * 32 + 32, tile.column * 32 : tile.column * 32 + 32]
    places = np.random.default_rng(3).permutation(100)[: round(share * 1024 / 9)]
    for place in places:
        y, x = place // 10 * 3, place % 10 * 3
        part[y : y + 3, x : x + 3] = colour


def test_monolayer_is_kept_and_the_rest_left_out() -> None:
    """Spread cells stay; bare glass and ground without a gap between cells go."""
    overview = ground(1, 5)
    with_cells(overview, Tile(0, 0), RED_CELL, 0.4)
    with_cells(overview, Tile(0, 1), NUCLEUS, 0.03)
    overview[:, 64:96] = NUCLEUS
    with_cells(overview, Tile(0, 4), NUCLEUS, 0.45)
    assert candidate_tiles(overview, 16.0, size_of(1, 5)) == (Tile(0, 0), Tile(0, 1), Tile(0, 4))


@pytest.mark.parametrize("lamp", [(1.0, 1.0, 1.0), (0.75, 0.75, 0.75), (1.0, 0.95, 0.85), (0.85, 0.9, 1.0)])
def test_the_lamp_does_not_decide(lamp: tuple[float, float, float]) -> None:
    """A darker or tinted light changes glass and cells alike, and so nothing."""
    overview = ground(4, 4)
    with_cells(overview, Tile(1, 1), RED_CELL, 0.3)
    with_cells(overview, Tile(2, 3), NUCLEUS, 0.1)
    lit = (overview * np.array(lamp)).astype(np.uint8)
    assert candidate_tiles(lit, 16.0, size_of(4, 4)) == (Tile(1, 1), Tile(2, 3))


@pytest.mark.parametrize("scale", [8.0, 15.97, 16.0, 21.3, 32.0])
def test_a_tile_is_found_at_any_scale(scale: float) -> None:
    """Where a tile lies on the overview follows from the scale, be it a whole number or not."""
    overview = np.full((round(4096 / scale), round(4096 / scale), 3), GLASS, np.uint8)
    top, left, side = round(5 * 512 / scale), round(2 * 512 / scale), round(512 / scale)
    overview[top + side // 3 : top + side // 2, left + side // 3 : left + side // 2] = NUCLEUS
    assert candidate_tiles(overview, scale, SizePx(4096, 4096)) == (Tile(5, 2),)


def test_unscanned_ground_is_not_taken_for_the_glass() -> None:
    """Frames that were never scanned are shown white; bare glass beside them is still empty."""
    overview = ground(2, 4, (255, 255, 255))
    overview[:, 64:] = GLASS
    with_cells(overview, Tile(1, 3), RED_CELL, 0.3)
    assert candidate_tiles(overview, 16.0, size_of(2, 4)) == (Tile(1, 3),)
    assert glass_colour(overview) == pytest.approx(GLASS)


def test_a_white_slide_has_white_glass() -> None:
    """A scanner that burns the glass out leaves cells to be found."""
    overview = ground(2, 2, (255, 255, 255))
    with_cells(overview, Tile(0, 1), RED_CELL, 0.04)
    assert candidate_tiles(overview, 16.0, size_of(2, 2)) == (Tile(0, 1),)


def test_ground_beyond_the_overview_is_taken_from_its_edge() -> None:
    """Up to one pixel of the last tiles may be missing from an overview whose sides were rounded down."""
    overview = ground(3, 3)[:-1, :-1]
    assert candidate_tiles(overview, 16.0, size_of(3, 3), SuitabilityLimits(least_covered=0)) == grid_of(size_of(3, 3))


def test_limits_are_settings() -> None:
    """What counts as clearly empty or thick can be changed."""
    overview = ground(1, 2)
    overview[:, :32] = NUCLEUS
    assert candidate_tiles(overview, 16.0, size_of(1, 2)) == ()
    assert candidate_tiles(overview, 16.0, size_of(1, 2), SuitabilityLimits(thick_density=1)) == (Tile(0, 0),)
    everything = SuitabilityLimits(least_covered=0, thick_density=1)
    assert candidate_tiles(overview, 16.0, size_of(1, 2), everything) == (Tile(0, 0), Tile(0, 1))


def overview_of(slide: PhantomSlide) -> np.ndarray:
    """Each pixel the mean of 16 x 16, as a pyramid's level has it."""
    shown = np.empty((slide.size.height // 16, slide.size.width // 16, 3), np.uint8)
    for place in slide.tiles:
        top, left = place.tile.top // 16, place.tile.left // 16
        means = slide.read(place.tile).reshape(32, 16, 32, 16, 3).mean(axis=(1, 3))
        shown[top : top + 32, left : left + 32] = means
    return shown


@pytest.mark.parametrize(("profile", "seed"), [("normal", 0), ("aml", 1), ("hypocellular", 2)])
def test_no_fit_tile_of_a_phantom_is_lost(profile: str, seed: int) -> None:
    """Of tiles known to be fit at least 98 of 100 stay, whatever the marrow and the stain; of the rest some go."""
    slide = PhantomSlide(profile, seed, SizePx(4096, 4096))
    fit = {place.tile for place in slide.tiles if place.roi}
    kept = set(candidate_tiles(overview_of(slide), 16.0, slide.size))
    assert len(fit & kept) >= 0.98 * len(fit)
    assert len(kept) < len(slide.tiles)


def test_black_ground_is_left_out() -> None:
    """What a scanner fills with black where it did not scan is never asked about, on a slide or alone."""
    size = SizePx(2048, 2048)
    assert candidate_tiles(np.zeros((128, 128, 3), np.uint8), 16.0, size) == ()
    half = np.full((128, 128, 3), 235, np.uint8)
    half[::3, ::4] = (180, 150, 190)
    half[:, 64:] = 0
    kept = candidate_tiles(half, 16.0, size)
    assert kept
    assert all(tile.column < 2 for tile in kept)
