"""The few strokes of which every cell is drawn: outlines, cover, texture, granules.

All pictures are square float32 patches whose middle is the origin; lengths are pixels at 0.25 um. A *depth* is a
signed distance to an outline, positive inside, so that shapes join by maximum, cut by minimum and get soft edges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Colour", "Floats", "Paper", "TextureBank", "cover", "outline", "specks", "strand", "union"]

Floats: TypeAlias = "NDArray[np.floating]"
Colour: TypeAlias = tuple[float, float, float]
"""RGB, 0 to 255."""

BANK_PX = 512
"""Side of the periodic noise textures."""


class TextureBank:
    """Periodic Gaussian noise of several grain sizes, made once and cut out at random places."""

    def __init__(self, rng: np.random.Generator, grains: tuple[float, ...] = (0.6, 1.0, 1.6, 2.4, 4.0, 8.0)) -> None:
        self._grains = np.array(grains)
        self._textures = [self._texture(rng, grain) for grain in grains]

    @staticmethod
    def _texture(rng: np.random.Generator, grain: float) -> Floats:
        noise = ndimage.gaussian_filter(rng.standard_normal((BANK_PX, BANK_PX)), grain, mode="wrap")
        texture: Floats = (noise / noise.std()).astype(np.float32)
        return texture

    def cut(self, side: int, grain: float, rng: np.random.Generator) -> Floats:
        """A (side, side) piece of unit variance of the grain (sigma in px) nearest to the one asked for."""
        texture = self._textures[int(np.abs(self._grains - grain).argmin())]
        top, left = (int(value) for value in rng.integers(0, BANK_PX, 2))
        rows = np.arange(top, top + side) % BANK_PX
        columns = np.arange(left, left + side) % BANK_PX
        return texture[np.ix_(rows, columns)]


@dataclass(frozen=True, slots=True)
class Paper:
    """An empty patch: coordinates of the pixel centres from its middle, each (side, side)."""

    side: int
    x: Floats
    y: Floats

    @classmethod
    def of(cls, radius: float) -> Paper:
        """A patch on which a shape of that radius has room."""
        side = 2 * int(np.ceil(radius)) + 1
        steps = np.arange(side, dtype=np.float32) - side // 2
        x, y = np.meshgrid(steps, steps)
        return cls(side, x, y)


def cover(depth: Floats, soft: float = 1.0) -> Floats:
    """Share of each pixel that the shape covers, 0 to 1, with an edge about ``soft`` px wide."""
    ramp: Floats = np.clip(depth / (2 * soft) + 0.5, 0, 1)
    smooth: Floats = ramp * ramp * (3 - 2 * ramp)
    return smooth


def outline(
    paper: Paper,
    radius: float,
    rng: np.random.Generator,
    *,
    centre: tuple[float, float] = (0.0, 0.0),
    aspect: float = 1.0,
    wobble: float = 0.05,
) -> Floats:
    """Depth of a roundish body: an ellipse whose radius wavers by a random Fourier series of the angle."""
    tilt, stretch = rng.uniform(0, math.pi), math.sqrt(aspect)
    dx, dy = paper.x - centre[0], paper.y - centre[1]
    along = (dx * math.cos(tilt) + dy * math.sin(tilt)) / stretch
    across = (dy * math.cos(tilt) - dx * math.sin(tilt)) * stretch
    distance = np.sqrt(along * along + across * across)
    turn = (along + 1j * across) / np.maximum(distance, 1e-3)
    waver, power = np.zeros_like(distance), turn
    for order in range(2, 7):
        power = power * turn
        size, phase = rng.normal(0, 1.6 / order), rng.uniform(0, 2 * math.pi)
        waver += power.real * (size * math.cos(phase)) - power.imag * (size * math.sin(phase))
    return radius * (1 + wobble * waver) - distance


def union(paper: Paper, centres: NDArray[np.float64], radii: NDArray[np.float64]) -> Floats:
    """Depth of overlapping discs; centres (n, 2), radii (n,)."""
    depth = np.full((paper.side, paper.side), -1e6, np.float32)
    for (x, y), radius in zip(centres.tolist(), radii.tolist(), strict=True):
        dx, dy = paper.x[:1] - x, paper.y[:, :1] - y
        np.maximum(depth, radius - np.sqrt(dx * dx + dy * dy), out=depth)
    return depth


def strand(paper: Paper, points: NDArray[np.float64], half_width: float) -> Floats:
    """Depth of a thread of that half width through the points, (n, 2)."""
    depth = np.full((paper.side, paper.side), -1e6, np.float32)
    for (x0, y0), (x1, y1) in pairwise(points.tolist()):
        length = max((x1 - x0) ** 2 + (y1 - y0) ** 2, 1e-6)
        dx, dy = paper.x[:1] - x0, paper.y[:, :1] - y0
        share = np.clip(dx * ((x1 - x0) / length) + dy * ((y1 - y0) / length), 0, 1)
        dx, dy = dx - share * (x1 - x0), dy - share * (y1 - y0)
        np.maximum(depth, half_width - np.sqrt(dx * dx + dy * dy), out=depth)
    return depth


def specks(side: int, density: float, radius: float, rng: np.random.Generator) -> Floats:
    """Cover of granules of one size strewn over a patch, 0 to 1.

    Args:
        side: of the patch in px.
        density: granules per 100 square px.
        radius: of a granule in px.
        rng: where they lie.
    """
    hits = rng.random((side, side), dtype=np.float32) < density / 100
    spread = ndimage.gaussian_filter(hits.astype(np.float32), radius)
    peak = 1 / (2 * np.pi * radius * radius)
    granules: Floats = np.clip(spread / peak * 1.6 - 0.35, 0, 1)
    return granules
