from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from marrowcount.cytology.cell_types import NDC_CLASSES
from marrowcount.phantom import PROFILES, PhantomSlide
from marrowcount.slides.geometry import SizePx
from marrowcount.slides.tiles import TILE_PX, Tile, grid_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Phantoms = Callable[[str, int], PhantomSlide]

SMALL = SizePx(2048, 2048)


def mosaic(slide: PhantomSlide) -> NDArray[np.int64]:
    rows, columns = slide.size.height // TILE_PX, slide.size.width // TILE_PX
    return np.concatenate(
        [np.concatenate([slide.read(Tile(row, column)) for column in range(columns)], axis=1) for row in range(rows)]
    ).astype(np.int64)


def test_the_same_seed_is_the_same_slide_whatever_the_order_of_reading() -> None:
    """Same profile, seed and size give the same truth and the same bytes, in any order of calls."""
    one, other = PhantomSlide("mds", 3, SMALL), PhantomSlide("mds", 3, SMALL)
    assert one.objects == other.objects
    assert one.tiles == other.tiles
    forth = {place.tile: one.read(place.tile).tobytes() for place in one.tiles}
    back = {place.tile: other.read(place.tile).tobytes() for place in reversed(other.tiles)}
    assert forth == back


def test_seeds_and_profiles_differ(phantom: Phantoms) -> None:
    """Another seed or profile is another slide."""
    assert phantom("normal", 1).objects != phantom("normal", 2).objects
    assert phantom("normal", 1).objects != phantom("aml", 1).objects


def test_a_tile_is_512_px_of_rgb(phantom: Phantoms) -> None:
    """read() gives (512, 512, 3) uint8 that the caller owns."""
    slide = phantom("normal", 1)
    picture = slide.read(Tile(0, 0))
    assert picture.shape == (TILE_PX, TILE_PX, 3)
    assert picture.dtype == np.uint8
    picture[:] = 0
    assert slide.read(Tile(0, 0)).any()


@pytest.mark.parametrize("axis", [0, 1])
def test_tiles_join_without_seams(phantom: Phantoms, axis: int) -> None:
    """The step across a tile border is no greater than the steps within tiles."""
    steps = np.abs(np.diff(mosaic(phantom("cml", 1)), axis=axis)).mean(axis=(1 - axis, 2))
    borders = np.arange(TILE_PX, len(steps), TILE_PX) - 1
    within = np.delete(steps, borders)
    assert steps[borders].max() < within.max()
    assert steps[borders].mean() < 1.15 * within.mean()


def test_a_cell_on_a_border_is_drawn_in_both_tiles(phantom: Phantoms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taking an object away changes every tile that its box reaches into by more than 3 px."""
    slide = phantom("cml", 1)
    monkeypatch.setattr(type(slide._red), "strew", lambda *_: None)
    before = mosaic(slide)
    number = next(n for n, thing in enumerate(slide.objects) if _straddles(thing.box.left, thing.box.right))
    near = {tile: [n for n in numbers if n != number] for tile, numbers in slide._near_tile.items()}
    monkeypatch.setattr(slide, "_near_tile", near)
    changed = np.abs(mosaic(slide) - before).max(axis=2) > 0
    box = slide.objects[number].box
    border = int(box.right) // TILE_PX * TILE_PX
    rows = slice(int(box.top), int(box.bottom))
    assert changed[rows, border - 4 : border].any()
    assert changed[rows, border : border + 4].any()


def _straddles(left: float, right: float) -> bool:
    border = right // TILE_PX * TILE_PX
    return left < border - 8 and right > border + 8 and border < 2048


def test_boxes_fit_what_is_drawn(phantom: Phantoms, monkeypatch: pytest.MonkeyPatch) -> None:
    """What taking an object away changes lies within its box and 4 px (blur), and reaches within 3 px of each side."""
    slide = phantom("normal", 1)
    monkeypatch.setattr(type(slide._red), "strew", lambda *_: None)
    alone = [n for n in range(len(slide.objects)) if _is_alone(slide, n)][:60]
    assert len(alone) > 20
    before = mosaic(slide)
    near = {tile: [n for n in numbers if n not in alone] for tile, numbers in slide._near_tile.items()}
    monkeypatch.setattr(slide, "_near_tile", near)
    change = np.abs(mosaic(slide) - before).max(axis=2)
    for number in alone:
        box = slide.objects[number].box
        top, left = int(box.top) - 12, int(box.left) - 12
        window = change[max(0, top) : int(box.bottom) + 12, max(0, left) : int(box.right) + 12]
        rows, columns = np.nonzero(window > 12)
        spans = (columns.min() + max(0, left), rows.min() + max(0, top), columns.max() + 1, rows.max() + 1)
        seen = (spans[0], spans[1], spans[2] + max(0, left), spans[3] + max(0, top))
        assert seen == pytest.approx((box.left, box.top, box.right, box.bottom), abs=4)


def _is_alone(slide: PhantomSlide, number: int) -> bool:
    """A sharp object on a fit tile with no other within 14 px."""
    box = slide.objects[number].box
    x, y = (int(value) // TILE_PX for value in box.centre)
    fit = {(place.tile.row, place.tile.column) for place in slide.tiles if place.roi}
    wide = box.moved(-14, -14)
    apart = all(
        other is slide.objects[number]
        or other.box.right < box.left - 14
        or other.box.left > box.right + 14
        or other.box.bottom < box.top - 14
        or other.box.top > box.bottom + 14
        for other in slide.objects
    )
    return (y, x) in fit and apart and wide.left >= 0 and wide.top >= 0 and slide._placed.degree[number] == 0


@pytest.mark.parametrize("profile", PROFILES)
def test_the_truth_hangs_together(phantom: Phantoms, profile: str) -> None:
    """Objects lie on the slide, each belongs to one tile, 10 to 20 % of tiles are fit and none of these is bare."""
    slide = phantom(profile, 1)
    assert all(
        box.left >= 0 and box.top >= 0 and box.right <= 2560 and box.bottom <= 2300
        for box in (thing.box for thing in slide.objects)
    )
    everywhere = [Tile(row, column) for row in range(5) for column in range(5)]
    assert sum(len(slide.objects_in(tile)) for tile in everywhere) == len(slide.objects)
    assert tuple(place.tile for place in slide.tiles) == grid_of(slide.size)
    fit = [place.tile for place in slide.tiles if place.roi]
    assert 0.10 <= len(fit) / len(slide.tiles) <= 0.20
    assert all(slide.objects_in(tile) for tile in fit)


def test_objects_belong_to_the_tile_of_their_centre(phantom: Phantoms) -> None:
    """objects_in() goes by the centre of the box."""
    slide = phantom("aml", 1)
    for place in slide.tiles:
        for thing in slide.objects_in(place.tile):
            x, y = thing.box.centre
            assert (int(y // TILE_PX), int(x // TILE_PX)) == (place.tile.row, place.tile.column)


def test_the_ndc_counts_fit_tiles_only(phantom: Phantoms) -> None:
    """The NDC is the percentage over the NDC classes of the objects on ROI tiles."""
    slide = phantom("aml", 1)
    counted = [thing.cell_type for place in slide.tiles if place.roi for thing in slide.objects_in(place.tile)]
    total = sum(cell_type in NDC_CLASSES for cell_type in counted)
    assert tuple(slide.ndc) == NDC_CLASSES
    assert sum(slide.ndc.values()) == pytest.approx(100)
    for cell_type, percent in slide.ndc.items():
        assert percent == pytest.approx(100 * counted.count(cell_type) / total)


@pytest.mark.parametrize(
    ("profile", "seed", "size", "word"),
    [
        ("flu", 1, SMALL, "flu"),
        ("normal", -1, SMALL, "negative"),
        ("normal", 1, SizePx(2047, 4096), "2047"),
        ("normal", 1, SizePx(4096, 100), "100"),
    ],
)
def test_what_cannot_be_drawn_is_refused(profile: str, seed: int, size: SizePx, word: str) -> None:
    """An unknown profile, a negative seed or a side under 2048 px is a ValueError that names it."""
    with pytest.raises(ValueError, match=word):
        PhantomSlide(profile, seed, size)
