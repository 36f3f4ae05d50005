"""What is on a slide beside its objects: glass, red cells, thick ground, stain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import ndimage

from marrowcount.cytology.cell_types import CellType
from marrowcount.phantom.atlas import ORIENTATIONS, RED_CELLS, Atlas, Picture, Sprite, paste, specimens_of
from marrowcount.phantom.ground import Fault, Ground
from marrowcount.phantom.placement import TOO_THICK, Placed, degrees_of_blur
from marrowcount.phantom.primitives import Floats, cover
from marrowcount.slides.tiles import TILE_PX, Tile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from marrowcount.phantom.look import Look

__all__ = ["RedCells", "Scenery"]

TEXTURE_PX: Final = 2 * TILE_PX
"""Side of the periodic textures; ground repeats after it."""

COARSE_PX: Final = 8.0

PITCH_PX: Final = 33
"""Red cells lie on a shaken lattice of this pitch; a red cell is 30 px wide."""

PERIODS: Final = (251, 239)
"""Rows and columns after which the lattice's random numbers repeat (some 8,000 px)."""

RED_REACH_PX: Final = 52
"""A red cell's half width, its shift and its roll."""

FAT_PITCH_PX: Final = 150
FAT_PERIODS: Final = (61, 59)
FAT_REACH_PX: Final = 110


@dataclass(frozen=True, slots=True)
class Scenery:
    """Periodic textures of one slide, each (1024, 1024, 3).

    Attributes:
        glass: empty glass with the scanner's noise.
        clot: thick ground: crowded, overlapping cells and fat.
        tint: what overstaining and debris take away, 0 to 255 for nothing kept to all kept.
        fat: holes in thick ground.
    """

    glass: Picture
    clot: Picture
    tint: Picture
    fat: Fat

    @classmethod
    def drawn(cls, look: Look, atlas: Atlas, rng: np.random.Generator) -> Scenery:
        """The textures of a slide with that look."""
        mottled = _smooth(rng, 60)[..., None] * 0.8 + rng.normal(0, look.grain, (TEXTURE_PX, TEXTURE_PX, 3))
        glass = np.clip(look.glass + mottled, 0, 255).astype(np.uint8)
        return cls(glass, _clot(glass, look, atlas, rng), _tint(rng), Fat.drawn(rng))

    def canvas(self, tile: Tile) -> Picture:
        """A fresh tile of empty glass."""
        return _window(self.glass, tile).copy()

    def thicken(self, canvas: Picture, ground: Ground, tile: Tile) -> None:
        """Cover the thick places with clot."""
        severity = ground.over(Fault.THICK, tile)
        if severity is not None:
            _blend(canvas, _window(self.clot, tile), np.clip((severity - 0.25) / 0.5, 0, 1))
            for x, y, radius in self.fat.on(tile, ground):
                _drop(canvas, self.glass, x - tile.left, y - tile.top, radius)

    def stain(self, canvas: Picture, ground: Ground, tile: Tile) -> None:
        """Overstain, and strew precipitate."""
        severity = ground.over(Fault.STAINED, tile)
        if severity is not None:
            darker = ((canvas.astype(np.uint16) * _window(self.tint, tile)) >> 8).astype(np.uint8)
            _blend(canvas, darker, severity)


def _drop(canvas: Picture, glass: Picture, x: float, y: float, radius: float) -> None:
    """Wash a round hole into the canvas."""
    rows = slice(max(0, int(y - radius) - 2), max(0, min(TILE_PX, int(y + radius) + 3)))
    columns = slice(max(0, int(x - radius) - 2), max(0, min(TILE_PX, int(x + radius) + 3)))
    part = canvas[rows, columns]
    if part.size:
        down, across = np.ogrid[rows, columns]
        share = cover((radius - np.hypot(down - y, across - x)).astype(np.float32), 2.0)
        _blend(part, glass[rows, columns], share)


def _window(texture: Picture, tile: Tile) -> Picture:
    top, left = tile.top % TEXTURE_PX, tile.left % TEXTURE_PX
    return texture[top : top + TILE_PX, left : left + TILE_PX]


def _blend(canvas: Picture, other: Picture, share: Floats) -> None:
    weight = (share * 256).astype(np.uint16)[..., None]
    canvas[...] = (canvas * (256 - weight) + other * weight) >> 8


def _smooth(rng: np.random.Generator, grain: float) -> Floats:
    """Periodic noise of unit variance; of coarse grain it is made small and enlarged, which is 16 times quicker."""
    factor = 4 if grain >= COARSE_PX else 1
    white = rng.standard_normal((TEXTURE_PX // factor,) * 2, dtype=np.float32)
    noise: Floats = ndimage.gaussian_filter(white, grain / factor, mode="wrap")
    if factor > 1:
        noise = ndimage.zoom(noise, factor, order=1, mode="grid-wrap", grid_mode=True)
    smooth: Floats = noise / noise.std()
    return smooth


def _clot(glass: Picture, look: Look, atlas: Atlas, rng: np.random.Generator) -> Picture:
    """Cells upon cells in a haze of plasma, with holes where fat was washed out."""
    canvas = glass.copy()
    for _ in range(1500):
        sprite = atlas.red_cell(int(rng.integers(RED_CELLS)), int(rng.integers(ORIENTATIONS)), 1)
        _paste_round(canvas, sprite, rng)
    haze = look.applied(np.array([176, 140, 190], np.float32)) / look.glass
    dense = cover(_smooth(rng, 30) * 3 + 2, 3.0)[..., None]
    canvas = (canvas * (1 - dense * (1 - haze))).astype(np.uint8)
    kinds = (CellType.ERYTHROBLAST, CellType.MYELOCYTE, CellType.LYMPHOCYTE, CellType.NEUTROPHIL, CellType.BLAST)
    for step in range(330):
        kind = kinds[int(rng.integers(len(kinds)))]
        sprite = atlas.cell(kind, int(rng.integers(specimens_of(kind))), int(rng.integers(ORIENTATIONS)), 1 + step % 2)
        _paste_round(canvas, sprite, rng)
    veil = look.applied(np.array([206, 180, 212], np.float32)) / look.glass
    return (canvas * veil).astype(np.uint8)


def _paste_round(canvas: Picture, sprite: Sprite, rng: np.random.Generator) -> None:
    """Paste somewhere, round the edges of the periodic canvas."""
    x, y = (int(value) for value in rng.integers(0, TEXTURE_PX, 2))
    half = len(sprite.keep) // 2
    for dx in _copies(x, half):
        for dy in _copies(y, half):
            paste(canvas, sprite, x + dx, y + dy)


def _copies(place: int, half: int) -> tuple[int, ...]:
    """Shifts by which a sprite shows on the periodic canvas."""
    if place < half:
        return (0, TEXTURE_PX)
    return (0, -TEXTURE_PX) if place + half >= TEXTURE_PX else (0,)


def _tint(rng: np.random.Generator) -> Picture:
    """Blue-violet overstaining with specks and strands of precipitate."""
    strands = cover(np.abs(_smooth(rng, 6)) * -10 + 0.8, 1.5) * 0.5
    hits = rng.random((TEXTURE_PX, TEXTURE_PX)) < 0.004 * cover(_smooth(rng, 20) * 2 - 0.6)
    grains = np.clip(ndimage.gaussian_filter(hits.astype(np.float32), 1.2, mode="wrap") * 10, 0, 0.85)
    kept = np.array([0.70, 0.58, 0.80], np.float32) * (1 - np.maximum(strands, grains))[..., None]
    tint: Picture = (kept * 255).astype(np.uint8)
    return tint


@dataclass(frozen=True, slots=True)
class Fat:
    """Fat vacuoles on a shaken lattice whose random numbers repeat after some 9,000 px.

    Attributes:
        shift: x and y, (61, 59, 2), in px.
        radius: in px, 0 for none, (61, 59).
    """

    shift: Floats
    radius: Floats

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Fat:
        """The vacuoles of one slide."""
        radius = rng.gamma(6.0, 9.0, FAT_PERIODS).clip(20, FAT_REACH_PX)
        radius *= rng.random(FAT_PERIODS) < rng.uniform(0.2, 0.7)
        return cls(rng.uniform(-60, 60, (*FAT_PERIODS, 2)).astype(np.float32), radius.astype(np.float32))

    def on(self, tile: Tile, ground: Ground) -> list[tuple[float, float, float]]:
        """Middle (x, y) and radius of the vacuoles that reach into a tile."""
        i, j = _sites(tile, FAT_PITCH_PX, FAT_REACH_PX + 60)
        row, column = i % FAT_PERIODS[0], j % FAT_PERIODS[1]
        x = j * FAT_PITCH_PX + self.shift[row, column, 0]
        y = i * FAT_PITCH_PX + self.shift[row, column, 1]
        radius = self.radius[row, column]
        here = (radius > 0) & (ground.at(Fault.THICK, x.astype(np.int64), y.astype(np.int64)) > TOO_THICK)
        return [(float(a), float(b), float(r)) for a, b, r in zip(x[here], y[here], radius[here], strict=True)]


@dataclass(frozen=True, slots=True)
class RedCells:
    """Random numbers of the red cells' lattice, each (251, 239), used round and round.

    Attributes:
        chance: a site is taken where this is below the density.
        shift: x and y, (251, 239, 2), in px.
        number: which specimen.
        orientation: how it is turned.
        density: share of sites taken on monolayer.
        lean: x and y from one coin of a roll to the next, in px.
    """

    chance: Floats
    shift: NDArray[np.int64]
    number: NDArray[np.int64]
    orientation: NDArray[np.int64]
    density: float
    lean: tuple[int, int]

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> RedCells:
        """The lattice of one slide."""
        return cls(
            rng.random(PERIODS, dtype=np.float32),
            rng.integers(-14, 15, (*PERIODS, 2)),
            rng.integers(0, RED_CELLS, PERIODS),
            rng.integers(0, ORIENTATIONS, PERIODS),
            float(rng.uniform(0.25, 0.6)),
            (9, int(rng.integers(-6, 7))),
        )

    def strew(self, canvas: Picture, tile: Tile, ground: Ground, atlas: Atlas, near: Placed) -> None:
        """Draw the red cells of a tile: none under cells, none on empty glass, rolls where they agglutinate."""
        i, j = _sites(tile, PITCH_PX, RED_REACH_PX)
        x, y = j * PITCH_PX, i * PITCH_PX
        i, j = i % PERIODS[0], j % PERIODS[1]
        x, y = x + self.shift[i, j, 0], y + self.shift[i, j, 1]
        rolled = ground.at(Fault.AGGLUTINATED, x, y)
        density = self.density + (0.85 - self.density) * rolled
        density = density * (1 - ground.at(Fault.EMPTY, x, y)) * (ground.at(Fault.THICK, x, y) < TOO_THICK)
        taken = (self.chance[i, j] < density) & _free(x, y, near)
        degree = degrees_of_blur(ground, np.stack([x, y], axis=1))
        coins = 1 + np.round(rolled * 2).astype(np.int64)
        table = np.stack([x, y, self.number[i, j], self.orientation[i, j], degree, coins], axis=1)[taken]
        for left, top, number, turn, blur, count in table.tolist():
            sprite = atlas.red_cell(number, turn, blur)
            for coin in range(count):
                paste(canvas, sprite, left - tile.left + coin * self.lean[0], top - tile.top + coin * self.lean[1])


def _sites(tile: Tile, pitch: int, reach: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of lattice sites from which something of that reach can touch the tile, in raster order."""
    rows, columns = (
        np.arange((start - reach) // pitch, (start + TILE_PX + reach) // pitch + 2) for start in (tile.top, tile.left)
    )
    grid = np.meshgrid(rows, columns, indexing="ij")
    return grid[0].ravel(), grid[1].ravel()


def _free(x: NDArray[np.int64], y: NDArray[np.int64], near: Placed) -> NDArray[np.bool_]:
    """Which sites no object presses upon."""
    if not len(near.kind):
        return np.ones(len(x), np.bool_)
    boxes = near.boxes
    middle_x, middle_y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    half_x, half_y = (boxes[:, 2] - boxes[:, 0]) / 2 + 8, (boxes[:, 3] - boxes[:, 1]) / 2 + 8
    away: Floats = ((x[:, None] - middle_x) / half_x) ** 2 + ((y[:, None] - middle_y) / half_y) ** 2
    return np.asarray((away > 1).all(axis=1))
