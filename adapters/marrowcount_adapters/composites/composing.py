"""Tiles put together: single cells pasted on smear ground or on phantom tiles."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from marrowcount.datasets import LabelledBox
from marrowcount.slides.tiles import TILE_PX
from marrowcount_adapters.composites.boxed import ORIENTATIONS, enlarged, turned
from marrowcount_adapters.composites.glass import glass_of
from marrowcount_adapters.composites.ground import strewn
from marrowcount_adapters.composites.pasting import INSIDE, paste, restained, rotated
from marrowcount_adapters.composites.scanner import scanned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from marrowcount.cytology.cell_types import CellType
    from marrowcount.slides.geometry import PixelBox
    from marrowcount_adapters.composites.boxed import Boxed
    from marrowcount_adapters.composites.clumps import SmearGround
    from marrowcount_adapters.composites.cutting import CutOut

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
"""Of the cells that may press against another; the others touch at most."""
TRIES: Final = 40
HIDDEN_SHARE: Final = 0.5
"""What is hidden by more than this is no object any longer."""

Circle = tuple[float, float, float]
"""Middle and radius in pixels of the canvas."""


@dataclass(frozen=True, slots=True)
class ReadyCell:
    """A cell to paste.

    Attributes:
        cut: without its ground.
        cell_type: None where only that it is nucleated is known.
        kind: collection and the class as it is called there.
        group: of all copies of the same original.
    """

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
    circles: list[Circle] = field(default_factory=list[Circle])

    def add(self, cell: ReadyCell, rng: np.random.Generator) -> None:
        """Paste a cell where there is room; nowhere if there is none."""
        cut = rotated(cell.cut, rng.uniform(0, 360), rng.uniform(*SCALES), mirrored=bool(rng.integers(2)))
        rows, columns = cut.alpha.shape
        radius = float(np.sqrt((cut.alpha > INSIDE).sum() / np.pi))
        place = self._free_place(radius, rng)
        if place is None:
            return
        left, top = round(place[0] - columns / 2), round(place[1] - rows / 2)
        pasted = paste(self.picture, restained(cut, self.glass, rng), left, top)
        if pasted is None:
            return
        self.objects[:] = [one for one in self.objects if not _hidden(one.box, pasted.opaque)]
        self.objects.append(LabelledBox(pasted.box, cell.cell_type))
        self.circles.append((*place, radius))

    def _free_place(self, radius: float, rng: np.random.Generator) -> tuple[float, float] | None:
        apart = CLOSE if rng.random() < CLOSE_SHARE else APART
        for _ in range(TRIES):
            x, y = rng.uniform(0, self.picture.shape[0], 2).tolist()
            if all(np.hypot(x - cx, y - cy) > apart * (radius + r) for cx, cy, r in self.circles):
                return x, y
        return None

    def scanned(self, rng: np.random.Generator) -> Boxed:
        """The tile, at 0.25 um/px."""
        small = cv2.resize(self.picture, (TILE_PX, TILE_PX), interpolation=cv2.INTER_AREA)
        objects = tuple(replace(one, box=enlarged(one.box, 1 / FINE)) for one in self.objects)
        return scanned(np.asarray(small, np.float32), rng), objects


@dataclass(frozen=True)
class Composer:
    """Makes tiles.

    Attributes:
        cells: to paste; classes are drawn evenly, then kinds of one class, then originals.
        grounds: photographs' red cells, none without any.
        phantom: tiles of 0.25 um/px with all their objects.
    """

    cells: Sequence[ReadyCell]
    grounds: Sequence[SmearGround]
    phantom: Sequence[Boxed]

    def on_smear(self, rng: np.random.Generator) -> Boxed:
        """Cells on red cells of real photographs."""
        ground = strewn(self.grounds, TILE_PX * FINE, rng)
        canvas = _Canvas(ground.picture, ground.glass, ground.objects)
        return self._with_cells(canvas, CELLS, rng)

    def on_phantom(self, rng: np.random.Generator) -> Boxed:
        """Cells among those of a phantom tile, which keep their boxes."""
        chosen = self.phantom[int(rng.integers(len(self.phantom)))]
        picture, objects = turned(chosen, int(rng.integers(ORIENTATIONS)))
        fine = cv2.resize(picture, None, fx=FINE, fy=FINE, interpolation=cv2.INTER_CUBIC).astype(np.float32)
        known = [replace(one, box=enlarged(one.box, FINE)) for one in objects]
        canvas = _Canvas(fine, glass_of(picture), known, [_circle(one.box) for one in known])
        return self._with_cells(canvas, ON_PHANTOM, rng)

    def _with_cells(self, canvas: _Canvas, numbers: tuple[int, int], rng: np.random.Generator) -> Boxed:
        for _ in range(int(rng.integers(*numbers, endpoint=True))):
            canvas.add(self._drawn(rng), rng)
        return canvas.scanned(rng)

    def _drawn(self, rng: np.random.Generator) -> ReadyCell:
        """Evenly by class, by kind within a class, by original within a kind, by copy within an original."""
        some = list(self.cells)
        for level in (_class_of, _kind_of, _group_of):
            apart: dict[object, list[ReadyCell]] = defaultdict(list)
            for cell in some:
                apart[level(cell)].append(cell)
            some = list(apart.values())[int(rng.integers(len(apart)))]
        return some[int(rng.integers(len(some)))]


def _class_of(cell: ReadyCell) -> CellType | None:
    return cell.cell_type


def _kind_of(cell: ReadyCell) -> str:
    return cell.kind


def _group_of(cell: ReadyCell) -> str:
    return cell.group


def _hidden(box: PixelBox, opaque: NDArray[np.bool_]) -> bool:
    top, left = int(box.top), int(box.left)
    window = opaque[top : max(top + 1, round(box.bottom)), left : max(left + 1, round(box.right))]
    return bool(window.size) and float(window.mean()) > HIDDEN_SHARE


def _circle(box: PixelBox) -> Circle:
    return (*box.centre, (box.width + box.height) / 4)
