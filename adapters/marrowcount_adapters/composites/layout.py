"""Whole pictures on 512 px tiles of 0.25 um/px: several beside each other, or one alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from marrowcount.slides.tiles import TILE_PX
from marrowcount_adapters.composites.glass import glass_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from marrowcount.datasets import LabelledBox
    from marrowcount_adapters.composites.boxed import Boxed

__all__ = ["alone", "side_by_side"]

FADE_PX = 10.0


def side_by_side(pieces: Iterable[Boxed]) -> Iterator[Boxed]:
    """Tiles filled in rows with pictures of 0.25 um/px, untouched.

    A picture larger than a tile is cut off at its right and bottom; boxes go with it.
    """
    waiting = sorted((_cropped(piece) for piece in pieces), key=lambda piece: piece[0].shape[:2])
    while waiting:
        tile, used = _filled(waiting)
        yield tile
        waiting = waiting[used:]


def _filled(waiting: list[Boxed]) -> tuple[Boxed, int]:
    tile = np.empty((TILE_PX, TILE_PX, 3), np.uint8)
    tile[:] = glass_of(waiting[0][0]).round()
    objects: list[LabelledBox] = []
    left = top = shelf = 0
    for place, (picture, boxed) in enumerate(waiting):
        rows, columns = picture.shape[:2]
        if left + columns > TILE_PX:
            left, top, shelf = 0, top + shelf, 0
        if top + rows > TILE_PX:
            return (tile, tuple(objects)), place
        tile[top : top + rows, left : left + columns] = picture
        objects += [replace(one, box=one.box.moved(left, top)) for one in boxed]
        left, shelf = left + columns, max(shelf, rows)
    return (tile, tuple(objects)), len(waiting)


def _cropped(piece: Boxed) -> Boxed:
    picture, objects = piece
    if max(picture.shape[:2]) <= TILE_PX:
        return piece
    cropped = picture[:TILE_PX, :TILE_PX]
    rows, columns = cropped.shape[:2]
    inside = tuple(one for one in objects if one.box.centre[0] < columns and one.box.centre[1] < rows)
    return cropped, inside


def alone(piece: Boxed, margin_px: int) -> Boxed:
    """A picture, untouched, in the middle of a tile of its own ground.

    Around it lies its own mirrored margin, so that red cells at its edge become whole, which fades into the colour of
    its glass.

    Args:
        piece: at 0.25 um/px, at most as large as a tile.
        margin_px: of it at most that much is mirrored: what lies between the cell and the nearest edge.
    """
    picture, objects = piece
    rows, columns = picture.shape[:2]
    top, left = (TILE_PX - rows) // 2, (TILE_PX - columns) // 2
    margin = max(0, min(margin_px, top, left))
    mirrored = np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), mode="symmetric").astype(np.float32)
    distance = np.pad(np.zeros((rows, columns), np.float32), margin, mode="linear_ramp", end_values=margin)
    share = np.clip((margin - distance) / max(1.0, min(FADE_PX, margin)), 0, 1)[..., None]
    glass = glass_of(picture)
    tile = np.empty((TILE_PX, TILE_PX, 3), np.float32)
    tile[:] = glass
    window = np.s_[top - margin : top + rows + margin, left - margin : left + columns + margin]
    tile[window] += (mirrored - glass) * share
    tile = np.asarray(cv2.GaussianBlur(tile, (0, 0), 0.4), np.float32)
    tile[top : top + rows, left : left + columns] = picture
    return tile.round().astype(np.uint8), tuple(replace(one, box=one.box.moved(left, top)) for one in objects)
