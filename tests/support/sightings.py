"""What a screenshot shows of a marked slide: where the slide lies, and whether boxes are drawn where cells are."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from scipy import ndimage

from marked_slide import GROUND, MARK_PX, MARKS
from marrowcount.cytology.palette import PALETTE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from marrowcount.cytology.cell_types import CellType
    from marrowcount.ports import Picture
    from marrowcount.slides.detections import Detection

__all__ = ["OnScreen", "pixels_of", "placed", "share_drawn"]

MARK_TOLERANCE = 70
"""Of a mark's colour, by channel: JPEG keeps colours within 20."""

COLOUR_TOLERANCE = 24
"""Of a mixture of a class's colour and the ground, by channel; any two classes differ by more."""

LEAST_COVER = 0.5

WORST_FIT_PX = 0.5


@dataclass(frozen=True)
class OnScreen:
    """How pixels of the base level come to lie on the screen.

    Attributes:
        matrix: (2, 3), takes (x, y, 1) of the slide to x and y of the screen.
    """

    matrix: NDArray[np.float64]

    def __call__(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places of the slide, (n, 2), on the screen."""
        return places @ self.matrix[:, :2].T + self.matrix[:, 2]

    @property
    def scale(self) -> float:
        """Pixels of the screen for one of the base level."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))

    @property
    def turn(self) -> tuple[int, ...]:
        """Which way the slide's x and y axes run on the screen: ``(1, 0, 0, 1)`` to the right and down."""
        return tuple(int(way) for way in np.round(self.matrix[:, :2] / self.scale).T.ravel())


def pixels_of(screenshot: bytes) -> Picture:
    """(height, width, 3), RGB."""
    return np.asarray(Image.open(BytesIO(screenshot)).convert("RGB"))


def placed(screen: Picture) -> OnScreen | None:
    """By the slide's marks and nothing that a viewer says; None where they do not all lie as on one slide."""
    seen = [_centre(screen, colour) for colour in MARKS]
    if any(centre is None for centre in seen):
        return None
    middles = np.array([(left + MARK_PX / 2, top + MARK_PX / 2, 1) for left, top in MARKS.values()])
    solution, *_ = np.linalg.lstsq(middles, np.array(seen), rcond=None)
    if np.abs(middles @ solution - np.array(seen)).max() > WORST_FIT_PX:
        return None
    return OnScreen(solution.T)


def _centre(screen: Picture, colour: tuple[int, ...]) -> NDArray[np.float64] | None:
    """Middle of the largest spot of that colour, (x, y)."""
    spots, count = ndimage.label(_near(screen, colour, MARK_TOLERANCE))
    if not count:
        return None
    rows, columns = np.nonzero(spots == np.argmax(np.bincount(spots.ravel())[1:]) + 1)
    return np.array([columns.mean() + 0.5, rows.mean() + 0.5])


def _near(screen: Picture, colour: Sequence[int], tolerance: int) -> NDArray[np.bool_]:
    return np.asarray(np.abs(screen.astype(int) - np.array(colour)).max(axis=2) <= tolerance)


def share_drawn(
    screen: Picture,
    cells: Sequence[Detection],
    placement: OnScreen,
    shift: tuple[float, float] = (0, 0),
    colours: Mapping[CellType, str] = PALETTE,
) -> float:
    """Share of the middles of box edges that have their class's colour within a pixel.

    Args:
        screen: what is seen.
        cells: the truth.
        placement: of the slide on the screen.
        shift: pixels of the screen by which the truth is shifted to the right and down.
        colours: ``#RRGGBB`` in which each class is drawn.
    """
    edges = _edges(cells, placement, colours)
    right = [_drawn(screen, place + np.array(shift), colour) for place, colour in edges]
    return float(np.mean(right))


def _edges(
    cells: Sequence[Detection], placement: OnScreen, colours: Mapping[CellType, str]
) -> list[tuple[NDArray[np.float64], tuple[int, ...]]]:
    found = []
    for cell in cells:
        box, colour = cell.box, tuple(bytes.fromhex(colours[cell.cell_type][1:]))
        (x, y) = box.centre
        middles = np.array([(x, box.top), (box.right, y), (x, box.bottom), (box.left, y)])
        found += [(place, colour) for place in placement(middles)]
    return found


def _drawn(screen: Picture, place: NDArray[np.float64], colour: tuple[int, ...]) -> bool:
    column, row = np.floor(place).astype(int)
    around = screen[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
    return bool(around.size and _painted(around, colour).any())


def _painted(pixels: Picture, colour: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where a line of that colour covers the ground by half at least: at the slide's edge viewers cut lines in two."""
    from_ground, wanted = pixels.astype(float) - GROUND, np.array(colour, dtype=float) - GROUND
    cover = from_ground @ wanted / (wanted @ wanted)
    other = np.abs(from_ground - cover[..., None] * wanted).max(axis=2)
    return np.asarray((cover >= LEAST_COVER) & (other <= COLOUR_TOLERANCE))
