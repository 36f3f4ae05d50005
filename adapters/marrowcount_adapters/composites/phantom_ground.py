"""Fit tiles of phantom slides, to paste real cells among drawn ones."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Final

from marrowcount.datasets import LabelledBox
from marrowcount.phantom import PROFILES, PhantomSlide
from marrowcount.slides.geometry import SizePx
from marrowcount.slides.tiles import TILE_PX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from marrowcount.slides.tiles import Tile
    from marrowcount_adapters.composites.boxed import Boxed

__all__ = ["phantom_tiles"]

SLIDE_PX: Final = 4096
FIRST_SEED: Final = 300_000
"""Far from the seeds of slides that models are measured on."""


def phantom_tiles(number: int, seed: int, tell: Callable[[], None] = lambda: None) -> tuple[Boxed, ...]:
    """So many tiles with all their objects, of slides of all profiles in turn; ``tell`` hears of each."""
    if not number:
        return ()
    found: list[Boxed] = []
    for slide in _slides(seed):
        for tile in [place.tile for place in slide.tiles if place.roi]:
            found.append(_boxed(slide, tile))
            tell()
            if len(found) == number:
                return tuple(found)
    return tuple(found)


def _slides(seed: int) -> Iterator[PhantomSlide]:
    profiles = tuple(PROFILES)
    for place in count():
        slide_seed = FIRST_SEED + 1000 * seed + place
        yield PhantomSlide(profiles[place % len(profiles)], slide_seed, SizePx(SLIDE_PX, SLIDE_PX))


def _boxed(slide: PhantomSlide, tile: Tile) -> Boxed:
    size = SizePx(TILE_PX, TILE_PX)
    truth = [LabelledBox(one.box, one.cell_type) for one in slide.objects_in(tile)]
    local = (replace(one, box=one.box.moved(-tile.left, -tile.top).clipped(size)) for one in truth)
    return slide.read(tile), tuple(local)
