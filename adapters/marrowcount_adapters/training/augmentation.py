"""Changes to tiles that leave their truth standing: turns, mosaic, cutmix, stain and light, blur, noise, JPEG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import cv2
import numpy as np

from marrowcount.datasets.labels import UNSEARCHED
from marrowcount.slides.tiles import TILE_PX
from marrowcount_adapters.training.stain import restained

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from marrowcount.ports import Picture

__all__ = [
    "Labelled",
    "Look",
    "cut",
    "cutmix",
    "four",
    "leaning",
    "mosaic",
    "photographed",
    "turned",
    "turned_grid",
    "turned_picture",
]

Labelled: TypeAlias = "tuple[Picture, NDArray[np.float32]]"
"""A picture (rows, columns, 3) and its objects (k, 5): class, left, top, right, bottom in pixels."""

_TO_YIQ: Final = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
_FROM_YIQ: Final = np.linalg.inv(_TO_YIQ)

MOSAIC_EDGE: Final = 128
"""The four parts of a mosaic meet at least this far from the edge, in pixels."""
CUTMIX_SIDES: Final = (96, 320)
"""Sides of the part that cutmix puts in, in pixels."""
LIGHT: Final = 90
"""Percentile of a picture's levels that is taken for its empty ground."""


@dataclass(frozen=True, slots=True)
class Look:
    """How far a photograph of the same ground may differ.

    Attributes:
        stain: of the dyes' strengths and colours; 0 for none, 1 for what laboratories differ by.
        colour: of hue, saturation, contrast, brightness and white balance; likewise.
        blurred, noisy, compressed: shares of the pictures that are.
    """

    stain: float = 1.0
    colour: float = 1.0
    blurred: float = 0.2
    noisy: float = 0.2
    compressed: float = 0.4


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


def leaning(tile: Labelled, degrees: float, scale: float) -> Labelled:
    """A square picture turned about its middle by a few degrees and scaled; what comes into view is empty ground.

    Boxes are taken for those of upright ellipses, which most cells nearly are: the hull of a turned rectangle would
    be too large for them.
    """
    picture, objects = tile
    side = picture.shape[0]
    matrix = np.asarray(cv2.getRotationMatrix2D((side / 2, side / 2), degrees, scale), np.float64)
    # cv2 counts from pixel centres, boxes from pixel corners.
    of_pixels = matrix.copy()
    of_pixels[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5
    ground = tuple(float(level) for level in np.percentile(picture[::8, ::8], LIGHT, axis=(0, 1)))
    turned_ = cv2.warpAffine(np.ascontiguousarray(picture), of_pixels, (side, side), borderValue=ground)
    return np.asarray(turned_, np.uint8), _cut_objects(_leaning_objects(objects, matrix, side), side, side)


def mosaic(tiles: Sequence[Labelled], rng: np.random.Generator) -> Labelled:
    """Parts of four tiles put together at a random point; scale is untouched, since size tells cells apart."""
    x, y = (int(v) for v in rng.integers(MOSAIC_EDGE, TILE_PX - MOSAIC_EDGE, 2))
    picture = np.empty((TILE_PX, TILE_PX, 3), np.uint8)
    objects: list[NDArray[np.float32]] = []
    corners = [(0, 0, x, y), (x, 0, TILE_PX, y), (0, y, x, TILE_PX), (x, y, TILE_PX, TILE_PX)]
    for (left, top, right, bottom), tile in zip(corners, tiles, strict=True):
        part, inside = _random_part(tile, right - left, bottom - top, rng)
        picture[top:bottom, left:right] = part
        objects.append(inside + np.array([0, left, top, left, top], np.float32))
    return picture, np.concatenate(objects)


def cutmix(tile: Labelled, other: Labelled, rng: np.random.Generator) -> Labelled:
    """A tile with a part of another in it (Yun 2019); of objects on the edge, the one whose centre shows is there."""
    width, height = (int(v) for v in rng.integers(*CUTMIX_SIDES, 2))
    left, top = int(rng.integers(TILE_PX - width + 1)), int(rng.integers(TILE_PX - height + 1))
    part, inside = _random_part(other, width, height, rng)
    picture = np.array(tile[0])
    picture[top : top + height, left : left + width] = part
    middles = (tile[1][:, 1:3] + tile[1][:, 3:5]) / 2
    hidden = np.all((middles >= (left, top)) & (middles < (left + width, top + height)), axis=1)
    kept = tile[1][~hidden | (tile[1][:, 0] == UNSEARCHED)]
    return picture, np.concatenate([kept, inside + np.array([0, left, top, left, top], np.float32)])


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
    return picture[top : top + height, left : left + width], _cut_objects(moved, width, height)


def photographed(picture: Picture, rng: np.random.Generator, look: Look) -> Picture:
    """The picture under another stain, light, focus, camera and compression."""
    picture = restained(picture, look.stain, rng) if look.stain else picture
    if look.colour:
        changed = cv2.transform(np.ascontiguousarray(picture), _colour_change(look.colour, rng))
        picture = changed.astype(np.uint8, copy=False)
    if rng.random() < look.blurred:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.4, 1.2))).astype(np.uint8, copy=False)
    if rng.random() < look.noisy:
        picture = _noisy(picture, float(rng.uniform(1.0, 6.0)), rng)
    if rng.random() < look.compressed:
        picture = compressed(picture, int(rng.integers(70, 96)))
    return picture


def compressed(picture: Picture, quality: int) -> Picture:
    """Through JPEG and back, chroma halved in both directions, as slides are stored."""
    encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB)
    return np.asarray(decoded, dtype=np.uint8)


def _random_part(tile: Labelled, width: int, height: int, rng: np.random.Generator) -> Labelled:
    left, top = int(rng.integers(TILE_PX - width + 1)), int(rng.integers(TILE_PX - height + 1))
    return cut(tile, left, top, width, height)


def _cut_objects(objects: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """What is in a picture of that size, clipped to it; ground that nobody searched stays wherever it reaches in."""
    middle_x, middle_y = (objects[:, 1] + objects[:, 3]) / 2, (objects[:, 2] + objects[:, 4]) / 2
    inside = (middle_x >= 0) & (middle_x < width) & (middle_y >= 0) & (middle_y < height)
    clipped = objects.copy()
    clipped[:, 1::2], clipped[:, 2::2] = np.clip(objects[:, 1::2], 0, width), np.clip(objects[:, 2::2], 0, height)
    seen = (clipped[:, 3] > clipped[:, 1]) & (clipped[:, 4] > clipped[:, 2])
    kept: NDArray[np.float32] = clipped[seen & (inside | (objects[:, 0] == UNSEARCHED))]
    return kept


def _turned_objects(objects: NDArray[np.float32], kind: int, side: int) -> NDArray[np.float32]:
    label, left, top, right, bottom = objects.T
    if kind & 1:
        left, top, right, bottom = top, left, bottom, right
    if kind & 2:
        left, right = side - right, side - left
    if kind & 4:
        top, bottom = side - bottom, side - top
    return np.stack([label, left, top, right, bottom], axis=1)


def _leaning_objects(objects: NDArray[np.float32], matrix: NDArray[np.float64], side: int) -> NDArray[np.float32]:
    middles, halves = (objects[:, 1:3] + objects[:, 3:5]) / 2, (objects[:, 3:5] - objects[:, 1:3]) / 2
    middles = middles @ matrix[:, :2].T + matrix[:, 2]
    halves = np.sqrt((halves**2) @ (matrix[:, :2] ** 2).T)
    moved = np.concatenate([objects[:, :1], middles - halves, middles + halves], axis=1).astype(np.float32)
    # Whoever did not search part of a picture is not asked which part it is now.
    moved[objects[:, 0] == UNSEARCHED, 1:] = 0, 0, side, side
    return moved


def _colour_change(amount: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Hue, saturation, contrast, brightness and white balance as one affine map of RGB, (3, 4)."""
    angle, saturation = amount * rng.normal(0, 0.12), 1 + amount * rng.uniform(-0.25, 0.25)
    turn = saturation * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    in_yiq = np.eye(3)
    in_yiq[1:, 1:] = turn
    gain, light = 1 + amount * rng.uniform(-0.15, 0.15), amount * rng.uniform(-12, 12)
    balance = 1 + amount * rng.uniform(-0.05, 0.05, 3)
    matrix = np.diag(balance) @ (gain * _FROM_YIQ @ in_yiq @ _TO_YIQ)
    # Contrast turns about a light background, which would otherwise be clipped away.
    offset = np.full(3, 200 * (1 - gain) + light)
    return np.concatenate([matrix, offset[:, None]], axis=1)


def _noisy(picture: Picture, deviation: float, rng: np.random.Generator) -> Picture:
    noise = rng.standard_normal(picture.shape, np.float32) * np.float32(deviation)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)
