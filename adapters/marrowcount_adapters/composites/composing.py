"""Tiles put together: single cells pasted on smear ground or on phantom tiles."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from marrowcount.datasets import LabelledBox
from marrowcount.slides.geometry import PixelBox
from marrowcount.slides.tiles import TILE_PX
from marrowcount_adapters.composites.glass import glass_of
from marrowcount_adapters.composites.ground import strewn
from marrowcount_adapters.composites.pasting import paste, restained, turned
from marrowcount_adapters.composites.scanner import scanned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from marrowcount.cytology.cell_types import CellType
    from marrowcount_adapters.composites.cutting import CutOut
    from marrowcount_adapters.composites.ground import SmearGround
    from marrowcount_adapters.composites.layout import Piece

__all__ = ["Composer", "ReadyCell"]

FINE: Final = 2
"""The canvas is twice as fine as the tile."""
CELLS: Final = (6, 16)
ON_PHANTOM: Final = (4, 10)
"""Fewer where there are cells already."""
SCALES: Final = (0.92, 1.08)
APART: Final = 0.95
CLOSE: Final = 0.72
CLOSE_SHARE: Final = 0.15
"""Of the cells are allowed to press against another; the others touch at most."""
TRIES: Final = 40
HIDDEN_SHARE: Final = 0.5
"""What is hidden by more than this is no object any longer."""

Circle = tuple[float, float, float]
"""Middle and radius in pixels of the canvas."""


@dataclass(frozen=True, slots=True)
class ReadyCell:
    """A cell to paste: of which class, from which picture and original."""

    cut: CutOut
    cell_type: CellType | None
    kind: str
    group: str


@dataclass
class _Canvas:
    """A tile in the making, twice as fine."""

    picture: NDArray[np.float32]
    glass: NDArray[np.float32]
    objects: list[LabelledBox]
    circles: list[Circle] = field(default_factory=list)


@dataclass(frozen=True)
class Composer:
    """Makes tiles.

    Attributes:
        cells: to paste; classes are drawn evenly, then kinds of one class, then originals.
        grounds: photographs' red cells.
        phantom: tiles of 0.25 um/px with all their objects.
    """

    cells: Sequence[ReadyCell]
    grounds: Sequence[SmearGround]
    phantom: Sequence[Piece]

    def on_smear(self, rng: np.random.Generator) -> Piece:
        """Cells on red cells of real photographs."""
        picture, platelets, glass = strewn(self.grounds, TILE_PX * FINE, rng)
        canvas = _Canvas(picture, glass, platelets)
        return self._with_cells(canvas, int(rng.integers(*CELLS, endpoint=True)), rng)

    def on_phantom(self, rng: np.random.Generator) -> Piece:
        """Cells among those of a phantom tile, which keep their boxes."""
        picture, objects = self.phantom[int(rng.integers(len(self.phantom)))]
        fine = cv2.resize(picture, None, fx=FINE, fy=FINE, interpolation=cv2.INTER_CUBIC).astype(np.float32)
        known = [replace(one, box=_times(one.box, FINE)) for one in objects]
        canvas = _Canvas(fine, glass_of(picture), known, [_circle(one.box) for one in known])
        return self._with_cells(canvas, int(rng.integers(*ON_PHANTOM, endpoint=True)), rng)

    def _with_cells(self, canvas: _Canvas, count: int, rng: np.random.Generator) -> Piece:
        for _ in range(count):
            _add(canvas, self._drawn(rng), rng)
        small = cv2.resize(canvas.picture, (TILE_PX, TILE_PX), interpolation=cv2.INTER_AREA)
        objects = tuple(replace(one, box=_times(one.box, 1 / FINE)) for one in canvas.objects)
        return scanned(small, rng), objects

    def _drawn(self, rng: np.random.Generator) -> ReadyCell:
        """Evenly by class, by kind within a class, by original within a kind, by copy within an original."""
        some = list(self.cells)
        for key in (lambda c: c.cell_type, lambda c: c.kind, lambda c: c.group):
            apart: dict[object, list[ReadyCell]] = defaultdict(list)
            for cell in some:
                apart[key(cell)].append(cell)
            some = list(apart.values())[int(rng.integers(len(apart)))]
        return some[int(rng.integers(len(some)))]


def _add(canvas: _Canvas, cell: ReadyCell, rng: np.random.Generator) -> None:
    """Paste a cell where there is room; none where there is not."""
    cut = turned(cell.cut, rng.uniform(0, 360), rng.uniform(*SCALES), mirrored=bool(rng.integers(2)))
    rows, columns = cut.alpha.shape
    radius = float(np.sqrt((cut.alpha > 0.5).sum() / np.pi))
    place = _free_place(canvas, radius, rng)
    if place is None:
        return
    left, top = round(place[0] - columns / 2), round(place[1] - rows / 2)
    pasted = paste(canvas.picture, restained(cut, canvas.glass, rng), left, top)
    if pasted is None:
        return
    canvas.objects[:] = [one for one in canvas.objects if not _hidden(one.box, pasted.opaque)]
    canvas.objects.append(LabelledBox(pasted.box, cell.cell_type))
    canvas.circles.append((*place, radius))


def _free_place(canvas: _Canvas, radius: float, rng: np.random.Generator) -> tuple[float, float] | None:
    side = canvas.picture.shape[0]
    apart = CLOSE if rng.random() < CLOSE_SHARE else APART
    for _ in range(TRIES):
        x, y = rng.uniform(0, side, 2).tolist()
        if all(np.hypot(x - cx, y - cy) > apart * (radius + r) for cx, cy, r in canvas.circles):
            return x, y
    return None


def _hidden(box: PixelBox, opaque: NDArray[np.bool_]) -> bool:
    window = opaque[
        round(box.top) : max(round(box.bottom), round(box.top) + 1),
        round(box.left) : max(round(box.right), round(box.left) + 1),
    ]
    return bool(window.size) and float(window.mean()) > HIDDEN_SHARE


def _circle(box: PixelBox) -> Circle:
    return (*box.centre, (box.width + box.height) / 4)


def _times(box: PixelBox, factor: float) -> PixelBox:
    return PixelBox(box.left * factor, box.top * factor, box.right * factor, box.bottom * factor)
