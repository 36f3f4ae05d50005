"""Smear ground put together anew: red cells and platelets of real photographs strewn on empty glass."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import LabelledBox
from marrowcount.slides.geometry import SizePx
from marrowcount_adapters.composites.boxed import ORIENTATIONS
from marrowcount_adapters.composites.windows import overlap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from marrowcount_adapters.composites.clumps import Clump, SmearGround

__all__ = ["Strewn", "strewn"]

COVERED: Final = (0.08, 0.55)
"""Share of the ground under red cells, from thin to dense smears."""
PLATELETS: Final = (0.0, 0.2)
"""Share of platelets among what is strewn."""
PHOTOGRAPHS: Final = 10
"""That give their red cells to one ground."""
MOST_OVERLAP: Final = 0.15
TRIES: Final = 400
UNEVENNESS: Final = 0.02
COARSE: Final = 4
LEAST_SEEN: Final = 0.5
"""Of a platelet's box at the edge, for it to be an object."""


@dataclass
class Strewn:
    """Ground in the making, at 0.125 um/px.

    Attributes:
        picture: (rows, columns, 3), RGB, 0 to 255.
        glass: colour of the empty ground.
        objects: its platelets.
        occupied: (rows, columns), where something lies.
    """

    picture: NDArray[np.float32]
    glass: NDArray[np.float32]
    objects: list[LabelledBox] = field(default_factory=list[LabelledBox])
    occupied: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.occupied = np.zeros(self.picture.shape[:2], np.bool_)

    def lay(self, clump: Clump, left: int, top: int) -> int:
        """Lay a clump where it hardly overlaps others; the pixels it takes, 0 where it found no room."""
        rows, columns = self.occupied.shape
        here, there = overlap((rows, columns), clump.mask.shape, left, top)
        mask = clump.mask[there]
        if not mask.any() or self.occupied[here][mask].mean() > MOST_OVERLAP:
            return 0
        self.picture[here] *= clump.light[there]
        self.occupied[here] |= mask
        whole = [box.moved(left, top) for box in clump.platelets]
        seen = [(box.clipped(SizePx(columns, rows)), box.area) for box in whole]
        self.objects += [LabelledBox(box, CellType.PLATELET) for box, area in seen if box.area > LEAST_SEEN * area]
        return int(mask.sum())


def strewn(grounds: Sequence[SmearGround], side_px: int, rng: np.random.Generator) -> Strewn:
    """A square of ground.

    All clumps come from photographs of one camera; each lets through the light that it let through on its own glass.
    """
    chosen = _of_one_camera(grounds, rng)
    glass = (chosen[0].glass * rng.uniform(0.97, 1.03, 3)).astype(np.float32)
    ground = Strewn(glass * _uneven(side_px, rng)[..., None], glass)
    red, platelets = _sorted([clump for one in chosen for clump in one.clumps])
    share = rng.uniform(*PLATELETS) if red and platelets else float(not red)
    room = rng.uniform(*COVERED) * side_px**2
    for _ in range(TRIES):
        if room <= 0:
            break
        some = platelets if rng.random() < share else red
        clump = some[int(rng.integers(len(some)))].oriented(int(rng.integers(ORIENTATIONS)))
        rows, columns = clump.mask.shape
        left, top = rng.integers(-columns // 2, side_px - columns // 2), rng.integers(-rows // 2, side_px - rows // 2)
        room -= ground.lay(clump, int(left), int(top))
    return ground


def _sorted(clumps: Sequence[Clump]) -> tuple[list[Clump], list[Clump]]:
    """Red cells, and what holds platelets."""
    return [one for one in clumps if not one.platelets], [one for one in clumps if one.platelets]


def _of_one_camera(grounds: Sequence[SmearGround], rng: np.random.Generator) -> list[SmearGround]:
    """A photograph and those of the same camera whose glass is most like its own."""
    by_camera: dict[SizePx, list[SmearGround]] = defaultdict(list)
    for ground in grounds:
        by_camera[ground.camera].append(ground)
    cameras = sorted(by_camera, key=lambda size: (size.width, size.height))
    some = by_camera[cameras[int(rng.integers(len(cameras)))]]
    first = some[int(rng.integers(len(some)))]
    return sorted(some, key=lambda ground: float(np.abs(ground.glass - first.glass).sum()))[:PHOTOGRAPHS]


def _uneven(side_px: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Light that varies a little over the field."""
    coarse = rng.normal(0, UNEVENNESS, (COARSE, COARSE)).astype(np.float32)
    return np.asarray(1 + cv2.resize(coarse, (side_px, side_px), interpolation=cv2.INTER_CUBIC), np.float32)
