"""Stores of tiles cut from the pictures of a data set: decoded once, brought to 0.25 um/px, cut to 512 px."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from marrowcount.datasets.labels import UNSEARCHED, UNSTATED
from marrowcount.errors import DatasetError
from marrowcount.slides.model_input import halved
from marrowcount.slides.tiles import TILE_PX
from marrowcount_adapters.training.augmentation import LIGHT, cut
from marrowcount_adapters.training.tiles import TileWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from marrowcount.datasets import Dataset, Example
    from marrowcount.ports import Picture, PictureSource
    from marrowcount_adapters.training.augmentation import Labelled

__all__ = ["UM_PER_PX", "cell_store", "region_store"]

UM_PER_PX: Final = 0.25
"""Resolution of the tiles that models judge, in micrometres per pixel (40x)."""
SAME: Final = 0.02
"""Resolutions that differ by less than this share are the same."""
VERSION: Final = 1
"""Of the way of cutting; another one makes other stores."""


def cell_store(source: PictureSource, cache: Path, um_per_px: float | None = None) -> Path:
    """The store of tiles with objects, cut now where it is not in the cache: every example that was boxed.

    Pictures smaller than a tile are laid on empty ground; larger ones are cut into tiles that may overlap, an object
    being on each tile that holds its centre.

    Args:
        source: the data set.
        cache: folder of stores; one is named by what it was cut from, and renamed to that when it is whole.
        um_per_px: resolution of pictures whose example does not say.

    Raises:
        DatasetError: ``resolution-unknown``, and those of reading pictures.
    """
    chosen = [i for i, example in enumerate(source.dataset.examples) if example.objects is not None]
    return _store(source, cache / "cells", um_per_px, chosen, add=_add_cells, side=TILE_PX)


def region_store(source: PictureSource, cache: Path, um_per_px: float | None = None) -> Path:
    """The store of halved tiles that are fit or not: every example of which somebody said so, as :func:`cell_store`.

    Pictures smaller than a tile are mirrored at their edges: empty ground would tell where they come from. All tiles
    of a larger picture have its verdict.
    """
    chosen = [i for i, example in enumerate(source.dataset.examples) if example.fit is not None]
    return _store(source, cache / "regions", um_per_px, chosen, add=_add_regions, side=TILE_PX // 2)


def _store(
    source: PictureSource,
    cache: Path,
    um_per_px: float | None,
    chosen: list[int],
    *,
    add: Callable[[TileWriter, Picture, Example, int, float], None],
    side: int,
) -> Path:
    folder = cache / _key(source.dataset, um_per_px)
    if folder.is_dir():
        return folder
    scales = {i: _scale(source.dataset.examples[i], um_per_px) for i in chosen}
    capacity = sum(_tiles_of(source.dataset.examples[i], scale) for i, scale in scales.items())
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    writer = TileWriter(partial, capacity, side)
    for i, scale in scales.items():
        example = source.dataset.examples[i]
        add(writer, source.read(example), example, i, scale)
    writer.close()
    partial.rename(folder)
    return folder


def _key(dataset: Dataset, um_per_px: float | None) -> str:
    """Of all that the tiles depend on; splits are not among it, so that other splits find the same tiles."""
    lines = [json.dumps([VERSION, um_per_px])]
    for example in dataset.examples:
        boxes = [(o.cell_type, o.box.left, o.box.top, o.box.right, o.box.bottom) for o in example.objects or ()]
        about = [example.digest, example.objects is not None, example.complete, example.fit, example.um_per_px, boxes]
        lines.append(json.dumps(about))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


def _scale(example: Example, um_per_px: float | None) -> float:
    known = example.um_per_px or um_per_px
    if known is None:
        raise DatasetError(
            "resolution-unknown",
            f"{example.name} does not say how many um a pixel spans; state um_per_px for its data set in the "
            "configuration, since the size of a cell is part of what is learnt",
        )
    scale = known / UM_PER_PX
    return 1.0 if abs(scale - 1) < SAME else scale


def _tiles_of(example: Example, scale: float) -> int:
    return math.prod(len(_starts(max(1, round(side * scale)))) for side in (example.size.width, example.size.height))


def _starts(side: int) -> list[int]:
    """Where tiles begin that cover a side of that many pixels evenly."""
    count = max(1, math.ceil(side / TILE_PX))
    return [round(place * (side - TILE_PX) / max(1, count - 1)) for place in range(count)] if count > 1 else [0]


def _add_cells(writer: TileWriter, picture: Picture, example: Example, place: int, scale: float) -> None:
    large = _scaled(picture, scale)
    ground = np.percentile(large[::4, ::4], LIGHT, axis=(0, 1)).astype(np.uint8)
    objects = _rows(example, large.shape[1] / picture.shape[1], large.shape[0] / picture.shape[0])
    for tile in _tiles((_laid_on(large, ground), objects)):
        writer.add(*tile, origin=place)


def _add_regions(writer: TileWriter, picture: Picture, example: Example, place: int, scale: float) -> None:
    large = _mirrored(_scaled(picture, scale))
    for tile, _ in _tiles((large, np.empty((0, 5), np.float32))):
        writer.add(halved(tile), fit=bool(example.fit), origin=place)


def _scaled(picture: Picture, scale: float) -> Picture:
    if scale == 1:
        return picture
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=kind), np.uint8)


def _rows(example: Example, x_scale: float, y_scale: float) -> NDArray[np.float32]:
    """Class, left, top, right, bottom in pixels of the scaled picture; all of it unsearched where it is incomplete."""
    scales = np.array([1, x_scale, y_scale, x_scale, y_scale])
    rows = [
        (UNSTATED if o.cell_type is None else int(o.cell_type), o.box.left, o.box.top, o.box.right, o.box.bottom)
        for o in example.objects or ()
    ]
    if not example.complete:
        rows.append((UNSEARCHED, 0, 0, example.size.width, example.size.height))
    scaled: NDArray[np.float64] = np.array(rows, np.float64).reshape(-1, 5) * scales
    return scaled.astype(np.float32)


def _laid_on(picture: Picture, ground: NDArray[np.uint8]) -> Picture:
    rows, columns = (max(TILE_PX, side) for side in picture.shape[:2])
    if (rows, columns) == picture.shape[:2]:
        return picture
    whole = np.empty((rows, columns, 3), np.uint8)
    whole[:] = ground
    whole[: picture.shape[0], : picture.shape[1]] = picture
    return whole


def _mirrored(picture: Picture) -> Picture:
    more = [(0, max(0, TILE_PX - side)) for side in picture.shape[:2]]
    return np.pad(picture, [*more, (0, 0)], mode="symmetric")


def _tiles(large: Labelled) -> Iterator[Labelled]:
    rows, columns = large[0].shape[:2]
    for top in _starts(rows):
        for left in _starts(columns):
            yield cut(large, left, top, TILE_PX, TILE_PX)
