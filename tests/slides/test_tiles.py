"""The grid of tiles and the order in which they are read."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from marrowcount.slides.geometry import SizePx
from marrowcount.slides.tiles import STRATA_PER_SIDE, TILE_PX, Tile, grid_of, stratified_order

SIZES = st.builds(SizePx, st.integers(0, 12_000), st.integers(0, 12_000))
SEEDS = st.text(max_size=64)


def stratum_of(tile: Tile, size: SizePx) -> tuple[int, int]:
    rows, columns = size.height // TILE_PX, size.width // TILE_PX
    return tile.row * STRATA_PER_SIDE // rows, tile.column * STRATA_PER_SIDE // columns


@given(SIZES)
def test_the_grid_holds_whole_tiles_only(size: SizePx) -> None:
    """Every tile lies wholly inside, none is missing, and they come in raster order."""
    grid = grid_of(size)
    assert len(set(grid)) == len(grid) == (size.width // TILE_PX) * (size.height // TILE_PX)
    assert all(tile.box.clipped(size) == tile.box for tile in grid)
    assert list(grid) == sorted(grid)


@given(SIZES)
def test_tiles_do_not_overlap(size: SizePx) -> None:
    """The ground of all tiles is what they cover one by one."""
    grid = grid_of(size)
    assert len({(tile.left, tile.top) for tile in grid}) == len(grid)
    assert all(tile.left % TILE_PX == tile.top % TILE_PX == 0 for tile in grid)
    assert all(tile.box.area == TILE_PX**2 for tile in grid)


@given(SIZES, SEEDS)
def test_the_order_is_a_permutation(size: SizePx, seed: str) -> None:
    """Each tile is read once."""
    grid = grid_of(size)
    assert sorted(stratified_order(grid, size, seed)) == list(grid)


@given(SIZES, SEEDS)
def test_the_order_is_a_function_of_the_seed(size: SizePx, seed: str) -> None:
    """A repeated count reads the same tiles, in whatever order they were handed in."""
    grid = grid_of(size)
    assert stratified_order(grid, size, seed) == stratified_order(reversed(grid), size, seed)


def test_another_seed_is_another_order() -> None:
    """Two slides of one size are not read alike."""
    size = SizePx(16 * TILE_PX, 16 * TILE_PX)
    assert stratified_order(grid_of(size), size, "1.2.3") != stratified_order(grid_of(size), size, "1.2.4")


@given(st.integers(4, 20), st.integers(4, 20), SEEDS)
def test_all_parts_of_the_slide_come_in_every_round(rows: int, columns: int, seed: str) -> None:
    """The first tiles lie in as many parts as there are, so that no corner decides the count."""
    size = SizePx(columns * TILE_PX, rows * TILE_PX)
    order = stratified_order(grid_of(size), size, seed)
    strata = STRATA_PER_SIDE**2
    assert len({stratum_of(tile, size) for tile in order[:strata]}) == strata


@given(st.integers(1, 20), st.integers(1, 20), SEEDS, st.floats(0, 1))
def test_no_part_runs_ahead(rows: int, columns: int, seed: str, share: float) -> None:
    """At any moment a part with tiles left was visited at most once less than any other."""
    size = SizePx(columns * TILE_PX, rows * TILE_PX)
    order = stratified_order(grid_of(size), size, seed)
    stop = round(share * len(order))
    read = Counter(stratum_of(tile, size) for tile in order[:stop])
    left = {stratum_of(tile, size) for tile in order[stop:]}
    assert all(max(read.values(), default=0) - read[stratum] <= 1 for stratum in left)


def test_some_tiles_of_a_slide_are_ordered_too() -> None:
    """Candidates, not only the whole grid, are visited in turn over the parts where they lie."""
    size = SizePx(8 * TILE_PX, 8 * TILE_PX)
    corner = [Tile(row, column) for row in range(2) for column in range(2)]
    order = stratified_order([*corner, Tile(7, 7)], size, "1.2.3")
    assert sorted(order) == sorted([*corner, Tile(7, 7)])
    assert Tile(7, 7) in order[:2]


def test_no_tile_is_no_order() -> None:
    """A slide without candidates is ordered without ado."""
    assert stratified_order([], SizePx(100, 100), "1.2.3") == ()
