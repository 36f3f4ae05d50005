"""Small slides in numbers: whole pyramids of 2048 px, each a series of its own, drawn once and written often."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from marrowcount.phantom import PhantomSlide
from marrowcount.slides.geometry import SizePx
from marrowcount.slides.tiles import TILE_PX, Tile
from marrowcount_adapters.wsm_writer import phantom_header, write_series

if TYPE_CHECKING:
    from marrowcount.ports import Picture

__all__ = ["write_small_slide"]

SIZE = SizePx(2048, 2048)


@cache
def _drawn() -> tuple[PhantomSlide, Picture]:
    """A phantom, and its fullest field."""
    phantom = PhantomSlide("normal", 7, SIZE)
    fields = [phantom.read(Tile(row, column)) for row in range(4) for column in range(4)]
    return phantom, min(fields, key=lambda field: float(field.mean()))


@dataclass(frozen=True)
class _Repeated:
    """A slide that shows the same field everywhere."""

    picture: Picture
    size: SizePx = SIZE

    def read(self, tile: Tile) -> Picture:
        del tile
        return self.picture


def write_small_slide(number: int, folder: Path) -> list[Path]:
    """The files of slide number so-and-so, base level first; the same number gives the same bytes."""
    phantom, picture = _drawn()
    assert picture.shape == (TILE_PX, TILE_PX, 3)
    header = phantom_header(phantom)
    own = replace(header, identity=f"small/{number}", container_identifier=f"SMALL-{number:05d}")
    return list(write_series(_Repeated(picture), own, folder))
