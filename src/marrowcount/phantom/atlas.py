"""The specimens of a slide: drawn once, pasted often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from scipy import ndimage

from marrowcount.cytology.cell_types import CellType
from marrowcount.phantom.cells import Drawing, draw, draw_red_cell
from marrowcount.phantom.primitives import TextureBank

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from marrowcount.phantom.look import Look

__all__ = ["BLUR_PX", "ORIENTATIONS", "RED_CELLS", "Atlas", "Picture", "Sprite", "paste", "specimens_of"]

Picture: TypeAlias = "NDArray[np.uint8]"
"""(rows, columns, 3), RGB."""

BLUR_PX: Final = (0.0, 2.0, 3.4, 5.5)
"""Further blur (sigma) of each degree of being out of focus; degree 0 is sharp."""

ORIENTATIONS: Final = 8
"""Quarter turns and mirror images."""

RED_CELLS: Final = 48
SPECIMENS: Final = 32
FEW_SPECIMENS: Final = 10
"""For cells so large that drawing one takes as long as drawing ten others."""

OPAQUE: Final = 256

EDGE: Final = 0.3
"""A pixel belongs to the object, for its box, from this cover on."""


@dataclass(frozen=True, slots=True)
class Sprite:
    """A specimen ready for pasting; the middle pixel is its anchor.

    Attributes:
        colour: cover times colour, (side, side, 3) uint8.
        keep: what the ground keeps of itself, (side, side, 1) uint16, 0 to 256.
        reach: left, top, right, bottom edge of its box, counted from the anchor pixel's upper left corner.
    """

    colour: Picture
    keep: NDArray[np.uint16]
    reach: tuple[int, int, int, int]

    def turned(self, orientation: int) -> Sprite:
        """One of the eight orientations: bit 2 transposes, then bit 0 mirrors x and bit 1 mirrors y."""
        colour, keep = self.colour, self.keep
        left, top, right, bottom = self.reach
        if orientation & 4:
            colour, keep = colour.swapaxes(0, 1), keep.swapaxes(0, 1)
            left, top, right, bottom = top, left, bottom, right
        if orientation & 1:
            colour, keep, left, right = colour[:, ::-1], keep[:, ::-1], 1 - right, 1 - left
        if orientation & 2:
            colour, keep, top, bottom = colour[::-1], keep[::-1], 1 - bottom, 1 - top
        return Sprite(np.ascontiguousarray(colour), np.ascontiguousarray(keep), (left, top, right, bottom))


def specimens_of(cell_type: CellType) -> int:
    """How many different specimens of a class a slide has."""
    large = (CellType.MEGAKARYOCYTE, CellType.MEGAKARYOCYTE_NUCLEUS, CellType.HISTIOCYTE)
    return FEW_SPECIMENS if cell_type in large else SPECIMENS


RED_CELL: Final = -1
"""Stands for a red cell where others have their class."""


class Atlas:
    """All sprites of a slide, each drawn when it is first asked for; what is drawn does not depend on the order."""

    def __init__(self, look: Look, entropy: int) -> None:
        self._look = look
        self._entropy = entropy
        self._bank = TextureBank(np.random.default_rng([entropy, 1]))
        self._drawings: dict[tuple[int, int], Drawing] = {}
        self._sprites: dict[tuple[int, int, int, int], Sprite] = {}

    def cell(self, kind: int, number: int, orientation: int, degree: int) -> Sprite:
        """A specimen of a class, or of :data:`RED_CELL`; ``degree`` indexes :data:`BLUR_PX`."""
        key = (kind, number, orientation, degree)
        sprite = self._sprites.get(key)
        if sprite is None:
            sprite = self._form(*key)
            self._sprites[key] = sprite
        return sprite

    def red_cell(self, number: int, orientation: int, degree: int) -> Sprite:
        """A red cell."""
        return self.cell(RED_CELL, number, orientation, degree)

    def _form(self, kind: int, number: int, orientation: int, degree: int) -> Sprite:
        if orientation:
            return self.cell(kind, number, 0, degree).turned(orientation)
        return _sprite(self._drawing(kind, number), self._look, degree)

    def _drawing(self, kind: int, number: int) -> Drawing:
        drawing = self._drawings.get((kind, number))
        if drawing is None:
            drawing = self._drawn(kind, number)
            self._drawings[kind, number] = drawing
        return drawing

    def _drawn(self, kind: int, number: int) -> Drawing:
        if kind == RED_CELL:
            return draw_red_cell(self._bank, np.random.default_rng([self._entropy, 3, number]))
        return draw(CellType(kind), number, self._bank, np.random.default_rng([self._entropy, 2, kind, number]))


def _sprite(drawing: Drawing, look: Look, degree: int) -> Sprite:
    sigma = float(np.hypot(look.blur_px, BLUR_PX[degree]))
    pad = 1 + int(np.ceil(2.5 * sigma))
    alpha = np.pad(drawing.alpha, pad)
    colour = np.pad(look.applied(drawing.rgb) * drawing.alpha[..., None], ((pad, pad), (pad, pad), (0, 0)))
    reach = _reach(alpha)
    alpha = ndimage.gaussian_filter(alpha, sigma)
    colour = ndimage.gaussian_filter(colour, (sigma, sigma, 0))
    keep = np.round((1 - alpha) * OPAQUE).astype(np.uint16)[..., None]
    return _cropped(Sprite(np.minimum(colour, 255).astype(np.uint8), keep, reach))


def _reach(alpha: NDArray[np.float32]) -> tuple[int, int, int, int]:
    inside = alpha >= EDGE
    columns, rows = np.nonzero(inside.any(axis=0))[0], np.nonzero(inside.any(axis=1))[0]
    middle = len(alpha) // 2
    return (
        int(columns[0]) - middle,
        int(rows[0]) - middle,
        int(columns[-1]) + 1 - middle,
        int(rows[-1]) + 1 - middle,
    )


def _cropped(sprite: Sprite) -> Sprite:
    """The sprite without its empty border, the anchor still in the middle."""
    rows, columns = np.nonzero(sprite.keep[..., 0] < OPAQUE - 1)
    middle = len(sprite.keep) // 2
    radius = int(max(np.abs(rows - middle).max(), np.abs(columns - middle).max()))
    part = slice(middle - radius, middle + radius + 1)
    return Sprite(sprite.colour[part, part].copy(), sprite.keep[part, part].copy(), sprite.reach)


def paste(canvas: Picture, sprite: Sprite, x: int, y: int) -> None:
    """Lay a sprite on the canvas, its anchor at pixel (x, y); what lies outside is cut off."""
    half = len(sprite.keep) // 2
    left, top = x - half, y - half
    row, column = max(0, -top), max(0, -left)
    last_row = min(len(sprite.keep), canvas.shape[0] - top)
    last_column = min(len(sprite.keep), canvas.shape[1] - left)
    if row >= last_row or column >= last_column:
        return
    part = slice(row, last_row), slice(column, last_column)
    ground = canvas[top + row : top + last_row, left + column : left + last_column]
    mixed = ground * sprite.keep[part]
    mixed >>= 8
    mixed += sprite.colour[part]
    ground[...] = mixed
