"""A slide opened for counting: the port ``Slide`` on a series of DICOM files."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Self

from marrowcount.errors import Refusal, SlideError
from marrowcount.ports import Slide
from marrowcount.slides.suitability import glass_colour
from marrowcount.slides.tiles import TILE_PX
from marrowcount_adapters.wsi.checks import (
    AllowedResolution,
    require_attributes,
    require_complete,
    require_decodable,
    require_resolution,
    require_tile,
)
from marrowcount_adapters.wsi.header import read_context, read_header
from marrowcount_adapters.wsi.overview import overview_plan, reduced
from marrowcount_adapters.wsi.pixels import LevelPixels
from marrowcount_adapters.wsi.placement import placement_of
from marrowcount_adapters.wsi.planes import middle, with_middle_plane_first
from marrowcount_adapters.wsi.series import slide_levels, told_of
from marrowcount_adapters.wsi.values import sound_values

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from marrowcount.ports import Picture
    from marrowcount.result import SlideContext
    from marrowcount.slides.geometry import SizePx, SpacingMm
    from marrowcount.slides.placement import Placement
    from marrowcount.slides.tiles import Tile
    from marrowcount_adapters.wsi.series import Level

__all__ = ["WsidicomSlide", "open_slide"]

CHROMA_ZERO: Final = 128
CHROMA_NEAR: Final = 12
CHROMA_BRIGHT: Final = 180


class WsidicomSlide(Slide):
    """An opened slide; read tiles, then close it (or use it in a ``with``). Several threads may read at once."""

    def __init__(
        self,
        levels: Sequence[Level],
        spacing: SpacingMm,
        context: SlideContext,
        stack_um: tuple[float, ...] = (),
        placement: Placement | None = None,
    ) -> None:
        """Open the base level.

        Args:
            levels: the base level first.
            spacing: of the base level.
            context: of the slide.
            stack_um: heights of the base level's focal planes where they are instances of their own.
            placement: of the base level on the glass, where its header tells.

        Raises:
            SlideError: ``DAMAGED``, ``UNSUPPORTED_SYNTAX``.
            StorageError: ``unreadable``.
        """
        self._levels = tuple(levels)
        self._base = self._levels[0]
        self._spacing = spacing
        self._context = context
        self._pixels = LevelPixels(self._base)
        self._stack_um = stack_um
        self._placement = placement

    @property
    def context(self) -> SlideContext:
        """Who and what it belongs to."""
        return self._context

    @property
    def size(self) -> SizePx:
        """Total pixel matrix of the base level."""
        return self._base.size

    @property
    def spacing(self) -> SpacingMm:
        """Pixel spacing of the base level."""
        return self._spacing

    @property
    def placement(self) -> Placement | None:
        """How the base level lies on the glass; None where its header does not tell."""
        return self._placement

    @property
    def remarks(self) -> tuple[str, ...]:
        """Which focal plane and optical path is counted, where there are several."""
        planes = self._pixels.planes
        if self._stack_um:
            planes = replace(planes, focal_um=self._stack_um, counted_um=middle(self._stack_um))
        return planes.remarks

    @property
    def base_paths(self) -> tuple[Path, ...]:
        """The files of the base level, for the encoders; several for a concatenation."""
        return self._base.paths

    def read(self, tile: Tile) -> Picture:
        """The tile's pixels, (512, 512, 3).

        Raises:
            ValueError: the tile does not lie wholly inside the matrix.
            SlideError: ``DAMAGED``: the frames are missing or damaged.
            StorageError: ``unreadable``.
        """
        inside = 0 <= tile.left <= self.size.width - TILE_PX and 0 <= tile.top <= self.size.height - TILE_PX
        if not inside:
            msg = f"tile row {tile.row}, column {tile.column} is not wholly inside the slide"
            raise ValueError(msg)
        return self._pixels.read(tile.left, tile.top, TILE_PX, TILE_PX)

    def read_area(self, left: int, top: int, size: SizePx) -> Picture:
        """The pixels of any rectangle inside the matrix, (height, width, 3).

        Raises:
            ValueError: the rectangle does not lie wholly inside the matrix.
            SlideError: ``DAMAGED``: the frames are missing or damaged.
            StorageError: ``unreadable``.
        """
        if not (0 <= left <= self.size.width - size.width and 0 <= top <= self.size.height - size.height):
            msg = f"{size.width} x {size.height} px at x {left}, y {top} are not wholly inside the slide"
            raise ValueError(msg)
        return self._pixels.read(left, top, size.width, size.height)

    def overview(self) -> tuple[Picture, float]:
        """A small picture of the whole base level and how many base pixels one of its pixels spans.

        Raises:
            SlideError: ``DAMAGED``, or ``UNSUPPORTED_SYNTAX`` where the colours were not decoded.
            StorageError: ``unreadable``.
        """
        plan = overview_plan(self._levels)
        if plan.level is self._base:
            picture = reduced(self._pixels, self.size, plan.factor)
        else:
            with closing(LevelPixels(plan.level)) as pixels:
                picture = reduced(pixels, plan.level.size, plan.factor)
        _require_colours(picture)
        return picture, plan.scale

    def close(self) -> None:
        """Let go of the files."""
        self._pixels.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def open_slide(source: Path | Sequence[Path], allowed: AllowedResolution | None = None) -> WsidicomSlide:
    """Open the one slide in a folder, or among files, after checking that it can be counted.

    Args:
        source: a folder (searched with its subfolders), one file, or the files of one slide.
        allowed: the resolutions that the models were made for; 0.20 to 0.30 um/px when left out.

    Raises:
        SlideError: any :class:`Refusal` but the last two; the message names files by their last part alone.
        StorageError: ``unreadable``: the files cannot be read now.
    """
    levels, stack_um = with_middle_plane_first(slide_levels(source))
    base = levels[0]
    with told_of(base.paths[0]):
        header, context = read_header(base.paths[0]), read_context(base.paths[0])
        with sound_values():
            require_attributes(header)
            require_decodable(header)
    spacing = require_resolution(base.facts.spacing, allowed or AllowedResolution())
    with told_of(base.paths[0]), sound_values():
        placement = placement_of(header, spacing)
    require_tile(base)
    require_complete(levels)
    return WsidicomSlide(levels, spacing, context, stack_um, placement)


def _require_colours(picture: Picture) -> None:
    """Refuse luma and chroma shown as red, green and blue: glass then has green and blue at the zero of chroma."""
    red, green, blue = glass_colour(picture)
    if red > CHROMA_BRIGHT and max(abs(green - CHROMA_ZERO), abs(blue - CHROMA_ZERO)) < CHROMA_NEAR:
        raise SlideError(
            Refusal.UNSUPPORTED_SYNTAX,
            "The pixels come out as luma and chroma, not as colours: the header names another photometric "
            "interpretation than the frames have.",
        )
