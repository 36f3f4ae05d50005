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


class Atlas:
    """All sprites of a slide; the drawings are made at once, their turned and blurred forms when first asked for."""

    def __init__(self, look: Look, entropy: int) -> None:
        self._look = look
        bank = TextureBank(np.random.default_rng([entropy, 1]))
        self._cells = {
            cell_type: [
                draw(cell_type, number, bank, np.random.default_rng([entropy, 2, int(cell_type), number]))
                for number in range(specimens_of(cell_type))
            ]
            for cell_type in CellType
        }
        self._red = [draw_red_cell(bank, np.random.default_rng([entropy, 3, number])) for number in range(RED_CELLS)]
        self._sprites: dict[tuple[int, int, int, int], Sprite] = {}

    def cell(self, cell_type: int, number: int, orientation: int, degree: int) -> Sprite:
        """A specimen of a class; ``degree`` indexes :data:`BLUR_PX`."""
        return self._form((cell_type, number, orientation, degree), self._cells[CellType(cell_type)][number])

    def red_cell(self, number: int, orientation: int, degree: int) -> Sprite:
        """A red cell."""
        return self._form((-1, number, orientation, degree), self._red[number])

    def _form(self, key: tuple[int, int, int, int], drawing: Drawing) -> Sprite:
        sprite = self._sprites.get(key)
        if sprite is None:
            kind, number, orientation, degree = key
            if orientation:
                sprite = self._form((kind, number, 0, degree), drawing).turned(orientation)
            else:
                sprite = _sprite(drawing, self._look, degree)
            self._sprites[key] = sprite
        return sprite


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
