"""Counted slides as a pool of tiles to label: the tiles on which the count found objects."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from marrowcount.active_learning import PoolTile, TilePool
from marrowcount.errors import DatasetError
from marrowcount.main.result_files import CELLS_ANN, RESULT_FILE
from marrowcount.slides.geometry import SizePx
from marrowcount.slides.tiles import TILE_PX, Tile
from marrowcount_adapters.annotations.rectangles import read_rectangles
from marrowcount_adapters.evaluation_report import read_counted
from marrowcount_adapters.wsi.slide import open_slide

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from marrowcount.ports import Picture
    from marrowcount.result import SlideContext
    from marrowcount_adapters.annotations.rectangles import Rectangles
    from marrowcount_adapters.wsi.slide import WsidicomSlide

__all__ = ["CountedFolders", "CountedSlides", "JoinedPools"]

PSEUDONYM_LENGTH: Final = 16


@dataclass(frozen=True, slots=True)
class CountedFolders:
    """A slide's DICOM files, and what ``marrowcount count`` wrote about it."""

    slide: Path
    result: Path


class CountedSlides(TilePool):
    """The tiles of counted slides; one slide is kept open at a time.

    Raises:
        DatasetError: ``result-missing``, ``result-malformed``, ``not-counted``, ``result-of-another-slide``,
            ``annotations-malformed``, ``annotations-unsupported``, ``label-unreadable``, ``name-repeated``.
        SlideError: a slide cannot be opened.
    """

    def __init__(self, folders: Sequence[CountedFolders]) -> None:
        self._folder_of: dict[str, CountedFolders] = {}
        self._tiles: list[PoolTile] = []
        self._open: tuple[CountedFolders, WsidicomSlide] | None = None
        for one in folders:
            for tile in _tiles_of(one, self._opened(one)):
                if tile.name in self._folder_of:
                    raise DatasetError("name-repeated", f"{one.slide} was given twice")
                self._folder_of[tile.name] = one
                self._tiles.append(tile)

    @property
    def tiles(self) -> Sequence[PoolTile]:
        """Slide by slide."""
        return self._tiles

    def read(self, tile: PoolTile) -> Picture:
        """A tile's pixels.

        Raises:
            SlideError: frames are missing or damaged.
        """
        return self._opened(self._folder_of[tile.name]).read(_place_of(tile))

    def close(self) -> None:
        """Close the slide."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _opened(self, folders: CountedFolders) -> WsidicomSlide:
        if self._open is None or self._open[0] != folders:
            self.close()
            self._open = (folders, open_slide(folders.slide))
        return self._open[1]


class JoinedPools(TilePool):
    """Several pools as one.

    Raises:
        DatasetError: ``name-repeated``: a tile is in two of them.
    """

    def __init__(self, pools: Sequence[TilePool]) -> None:
        self._pool_of: dict[str, TilePool] = {}
        self._tiles = [tile for pool in pools for tile in pool.tiles]
        for pool in pools:
            for tile in pool.tiles:
                if tile.name in self._pool_of:
                    raise DatasetError("name-repeated", f"{tile.name} is in two of the pools; give each once")
                self._pool_of[tile.name] = pool

    @property
    def tiles(self) -> Sequence[PoolTile]:
        """Pool by pool."""
        return self._tiles

    def read(self, tile: PoolTile) -> Picture:
        """From the pool that has it."""
        return self._pool_of[tile.name].read(tile)


def _tiles_of(folders: CountedFolders, slide: WsidicomSlide) -> Iterator[PoolTile]:
    """The tiles that hold an object of the result."""
    annotations = _annotations(folders, slide.context)
    middles = (box.centre for group in annotations.groups for box in group.boxes)
    uid = slide.context.series_uid
    for tile in sorted({Tile(int(y) // TILE_PX, int(x) // TILE_PX) for x, y in middles}):
        yield PoolTile(
            # As the import of annotated slides names its tiles, so that one tile never gets two names.
            name=f"{uid}/{tile.left}-{tile.top}-{TILE_PX}x{TILE_PX}",
            size=SizePx(TILE_PX, TILE_PX),
            patient=_pseudonym(slide.context),
            group=uid,
            place=tile,
            um_per_px=slide.spacing.um_per_px,
        )


def _annotations(folders: CountedFolders, context: SlideContext) -> Rectangles:
    path = folders.result / RESULT_FILE
    result = read_counted(path)
    if not result.counted:
        raise DatasetError("not-counted", f"{path} says that the slide was refused ({result.reason}); leave it out")
    annotations = read_rectangles(folders.result / CELLS_ANN)
    for file, uid in ((RESULT_FILE, result.series_uid), (CELLS_ANN, annotations.slide_series_uid)):
        if uid != context.series_uid:
            raise DatasetError(
                "result-of-another-slide",
                f"{folders.result / file} is about series {uid}, but {folders.slide} holds {context.series_uid}; give "
                "each slide's folder with its own result",
            )
    return annotations


def _pseudonym(context: SlideContext) -> str:
    """As the import of annotated slides makes it, so that a patient has the same one in all data sets."""
    key = f"{context.patient_id_issuer}\x1f{context.patient_id}"
    return hashlib.sha256(key.encode()).hexdigest()[:PSEUDONYM_LENGTH] if context.patient_id else ""


def _place_of(tile: PoolTile) -> Tile:
    if tile.place is None:
        raise ValueError(f"{tile.name} is no tile of a slide")
    return tile.place
