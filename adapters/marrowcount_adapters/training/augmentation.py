"""Changes to tiles that leave their truth standing: turns, flips, mosaic, stain and light, blur, noise, JPEG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import cv2
import numpy as np

from marrowcount.slides.tiles import TILE_PX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from marrowcount.ports import Picture

__all__ = ["Labelled", "cut", "four", "mosaic", "photographed", "turned", "turned_grid", "turned_picture"]

Labelled: TypeAlias = "tuple[Picture, NDArray[np.float32]]"
"""A picture (rows, columns, 3) and its objects (k, 5): class, left, top, right, bottom in pixels."""

_TO_YIQ: Final = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
_FROM_YIQ: Final = np.linalg.inv(_TO_YIQ)
BLURRED_SHARE: Final = 0.2
NOISY_SHARE: Final = 0.2
COMPRESSED_SHARE: Final = 0.4

MOSAIC_EDGE: Final = 128
"""The four parts of a mosaic meet at least this far from the edge, in pixels."""


def turned(tile: Labelled, rng: np.random.Generator) -> Labelled:
    """One of the eight flips and quarter turns of a square picture."""
    picture, objects = tile
    kind = int(rng.integers(8))
    return turned_picture(picture, kind), _turned_objects(objects, kind, picture.shape[0])


def turned_picture(picture: Picture, kind: int) -> Picture:
    """The kind-th of the eight flips and quarter turns: transposed (1), mirrored (2), upside down (4)."""
    picture = picture.transpose(1, 0, 2) if kind & 1 else picture
    picture = picture[:, ::-1] if kind & 2 else picture
    return picture[::-1] if kind & 4 else picture


def turned_grid(grid: NDArray[np.floating], kind: int) -> NDArray[np.floating]:
    """Figures of the places of a picture, (rows, columns), turned as :func:`turned_picture` turns the picture."""
    grid = grid.T if kind & 1 else grid
    grid = grid[:, ::-1] if kind & 2 else grid
    return grid[::-1] if kind & 4 else grid


def mosaic(tiles: Sequence[Labelled], rng: np.random.Generator) -> Labelled:
    """Parts of four tiles put together at a random point; scale is untouched, since size tells cells apart."""
    x, y = (int(v) for v in rng.integers(MOSAIC_EDGE, TILE_PX - MOSAIC_EDGE, 2))
    picture = np.empty((TILE_PX, TILE_PX, 3), np.uint8)
    objects: list[NDArray[np.float32]] = []
    corners = [(0, 0, x, y), (x, 0, TILE_PX, y), (0, y, x, TILE_PX), (x, y, TILE_PX, TILE_PX)]
    for (left, top, right, bottom), tile in zip(corners, tiles, strict=True):
        width, height = right - left, bottom - top
        from_left, from_top = rng.integers(TILE_PX - width + 1), rng.integers(TILE_PX - height + 1)
        part, inside = cut(tile, int(from_left), int(from_top), width, height)
        picture[top:bottom, left:right] = part
        objects.append(inside + np.array([0, left, top, left, top], np.float32))
    return picture, np.concatenate(objects)


def four(tiles: Sequence[Labelled]) -> Labelled:
    """Four pictures of one size as a square of twice the side."""
    side = tiles[0][0].shape[0]
    picture = np.empty((2 * side, 2 * side, 3), np.uint8)
    objects: list[NDArray[np.float32]] = []
    for (left, top), (part, inside) in zip([(0, 0), (side, 0), (0, side), (side, side)], tiles, strict=True):
        picture[top : top + side, left : left + side] = part
        objects.append(inside + np.array([0, left, top, left, top], np.float32))
    return picture, np.concatenate(objects)


def cut(tile: Labelled, left: int, top: int, width: int, height: int) -> Labelled:
    """A part of a tile; an object stays where its centre lies in the part, as on the grid of a slide."""
    picture, objects = tile
    moved = objects - np.array([0, left, top, left, top], np.float32)
    middle_x, middle_y = (moved[:, 1] + moved[:, 3]) / 2, (moved[:, 2] + moved[:, 4]) / 2
    inside = moved[(middle_x >= 0) & (middle_x < width) & (middle_y >= 0) & (middle_y < height)]
    inside[:, 1::2], inside[:, 2::2] = np.clip(inside[:, 1::2], 0, width), np.clip(inside[:, 2::2], 0, height)
    return picture[top : top + height, left : left + width], inside


def photographed(picture: Picture, rng: np.random.Generator, *, blurred_share: float = BLURRED_SHARE) -> Picture:
    """The picture under another stain, light, focus, camera and compression; how often out of focus can be set."""
    picture = cv2.transform(np.ascontiguousarray(picture), _colour_change(rng)).astype(np.uint8, copy=False)
    if rng.random() < blurred_share:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.4, 1.2))).astype(np.uint8, copy=False)
    if rng.random() < NOISY_SHARE:
        picture = _noisy(picture, float(rng.uniform(1.0, 6.0)), rng)
    if rng.random() < COMPRESSED_SHARE:
        picture = compressed(picture, int(rng.integers(70, 96)))
    return picture


def compressed(picture: Picture, quality: int) -> Picture:
    """Through JPEG and back, chroma halved in both directions, as slides are stored."""
    encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB)
    return np.asarray(decoded, dtype=np.uint8)


def _turned_objects(objects: NDArray[np.float32], kind: int, side: int) -> NDArray[np.float32]:
    label, left, top, right, bottom = objects.T
    if kind & 1:
        left, top, right, bottom = top, left, bottom, right
    if kind & 2:
        left, right = side - right, side - left
    if kind & 4:
        top, bottom = side - bottom, side - top
    return np.stack([label, left, top, right, bottom], axis=1)


def _colour_change(rng: np.random.Generator) -> NDArray[np.float64]:
    """Hue, saturation, contrast, brightness and white balance as one affine map of RGB, (3, 4)."""
    angle, saturation = rng.normal(0, 0.12), rng.uniform(0.75, 1.25)
    turn = saturation * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    in_yiq = np.eye(3)
    in_yiq[1:, 1:] = turn
    gain, light = rng.uniform(0.85, 1.15), rng.uniform(-12, 12)
    matrix = np.diag(rng.uniform(0.95, 1.05, 3)) @ (gain * _FROM_YIQ @ in_yiq @ _TO_YIQ)
    # Contrast turns about a light background, which would otherwise be clipped away.
    offset = np.full(3, 200 * (1 - gain) + light)
    return np.concatenate([matrix, offset[:, None]], axis=1)


def _noisy(picture: Picture, deviation: float, rng: np.random.Generator) -> Picture:
    noise = rng.standard_normal(picture.shape, np.float32) * np.float32(deviation)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)
