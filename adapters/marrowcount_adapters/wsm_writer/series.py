"""A series of levels, thumbnail, label and overview from any source of tiles."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from marrowcount.errors import StorageError
from marrowcount.slides.geometry import SizePx
from marrowcount.slides.tiles import TILE_PX, Tile
from marrowcount_adapters.wsm_writer.frames import FrameFile
from marrowcount_adapters.wsm_writer.instances import Flavor, Instance, instance_dataset
from marrowcount_adapters.wsm_writer.pictures import label_picture, overview_picture
from marrowcount_adapters.wsm_writer.pyramid import FACTOR, Level, PreparedTile, compressed, prepared

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from marrowcount.ports import Picture
    from marrowcount_adapters.wsm_writer.header import SlideHeader

__all__ = ["TileSource", "write_series"]

SMALLEST_PX: Final = 1024
"""The last level has no longer side."""

THREADS: Final = 2
"""Tiles drawn and compressed at a time."""

MACRO_SPACING_MM: Final = 0.05
"""Of the label and overview, as a scanner's second camera takes them."""


class TileSource(Protocol):
    """Anything that has a size and gives 512 px tiles of it."""

    @property
    def size(self) -> SizePx:
        """Total pixel matrix of the base level."""
        ...

    def read(self, tile: Tile) -> Picture:
        """The tile's pixels, (512, 512, 3) RGB; asked for in raster order, by several threads, edge tiles included.

        What lies beyond the total pixel matrix is made white whatever the source gives.
        """
        ...


def write_series(
    source: TileSource,
    header: SlideHeader,
    folder: Path,
    *,
    progress: Callable[[float], None] | None = None,
    extended_offsets: bool | None = None,
) -> Sequence[Path]:
    """Write a slide as a scanner does: all levels, thumbnail, label, overview.

    Memory holds one row of tiles and a band of each level, whatever the size of the slide.

    Args:
        source: of the tiles.
        header: what the instances say about the slide.
        folder: made where it is not there yet.
        progress: hears the share done, 0 to 1.
        extended_offsets: whether the levels get the extended instead of the basic offset table; by default where
            32-bit offsets may not do.

    Returns:
        The files, base level first.

    Raises:
        StorageError: the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _written(source, header, folder, progress or _unheard, extended=extended_offsets)
    except OSError as error:
        message = f"the slide could not be written: {error.strerror}; look at the folder's rights and the disk's room"
        raise StorageError("cannot-write", message) from error


def _unheard(_: float) -> None:
    """Nobody listens to the progress."""


def _written(
    source: TileSource,
    header: SlideHeader,
    folder: Path,
    progress: Callable[[float], None],
    *,
    extended: bool | None,
) -> Sequence[Path]:
    instances = _level_instances(source.size, header)
    paths = [folder / f"{instance.name}.dcm" for instance in instances]
    with ExitStack() as stack:
        levels: list[Level] = []
        for path, instance in zip(reversed(paths), reversed(instances), strict=True):
            dataset = partial(instance_dataset, header, instance, source.size)
            file = FrameFile(path, dataset, instance.frames, TILE_PX * TILE_PX * 3, extended=extended)
            levels.append(Level(instance.matrix, stack.enter_context(file), levels[-1] if levels else None))
        _pump(source, levels[-1], progress)
    return [*paths, *_write_singles(header, folder, instances, source.size, levels[0].miniature)]


def _level_instances(size: SizePx, header: SlideHeader) -> list[Instance]:
    """The levels, the base first, each a factor 4 smaller, until one fits 1024 px."""
    steps = 0
    while max(size.width, size.height) > SMALLEST_PX * FACTOR**steps:
        steps += 1
    return [
        Instance(
            name=f"level-{step}",
            number=step + 1,
            flavor=Flavor.VOLUME,
            factor=FACTOR**step,
            matrix=SizePx(math.ceil(size.width / FACTOR**step), math.ceil(size.height / FACTOR**step)),
            frame=SizePx(TILE_PX, TILE_PX),
            spacing_mm=round(header.spacing_mm * FACTOR**step, 9),
        )
        for step in range(steps + 1)
    ]


def _pump(source: TileSource, base: Level, progress: Callable[[float], None]) -> None:
    """Draw, compress and write all tiles, a row at a time."""

    def tile_at(row: int, column: int) -> PreparedTile:
        return prepared(source.read(Tile(row, column)), row, column, base.matrix)

    with ThreadPoolExecutor(THREADS) as pool:
        for row in range(base.rows):
            base.add_row(pool.map(partial(tile_at, row), range(base.columns)))
            progress((row + 1) / base.rows)


def _write_singles(
    header: SlideHeader, folder: Path, levels: Sequence[Instance], imaged: SizePx, miniature: Picture
) -> list[Path]:
    """Thumbnail, label and overview, a single frame each."""
    last = levels[-1]
    pictures = (
        (Flavor.THUMBNAIL, miniature, last.factor * FACTOR, round(last.spacing_mm * FACTOR, 9)),
        (Flavor.LABEL, label_picture(header), 1, MACRO_SPACING_MM),
        (Flavor.OVERVIEW, overview_picture(header, miniature), 1, MACRO_SPACING_MM),
    )
    paths: list[Path] = []
    for number, (flavor, picture, factor, spacing_mm) in enumerate(pictures, len(levels) + 1):
        size = SizePx(picture.shape[1], picture.shape[0])
        instance = Instance(flavor.lower(), number, flavor, factor, size, size, spacing_mm)
        paths.append(folder / f"{instance.name}.dcm")
        with FrameFile(paths[-1], partial(instance_dataset, header, instance, imaged), 1, picture.size) as file:
            file.append(compressed(picture))
    return paths
