"""Made-up tiles with truth and finds: some right, some displaced, of another class, missed or invented."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from marrowcount.cytology.cell_types import CellType
from marrowcount.evaluation import JudgedTile, TrueObject
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["KINDS", "box", "random_tiles"]

KINDS = (CellType.BLAST, CellType.LYMPHOCYTE, CellType.ERYTHROBLAST, CellType.PLATELET)
STEP = 64
"""True objects stand on a grid of this step, so that none overlaps another."""


def box(left: float, top: float = 0, side: float = 10) -> PixelBox:
    return PixelBox(left, top, left + side, top + side)


def random_tiles(seed: int, tiles: int = 40, kinds: Sequence[CellType] = KINDS, units: int = 8) -> list[JudgedTile]:
    rng = np.random.default_rng(seed)
    return [_tile(rng, kinds, f"p{number % units}") for number in range(tiles)]


def _tile(rng: np.random.Generator, kinds: Sequence[CellType], unit: str) -> JudgedTile:
    places = [box(STEP * x + 8, STEP * y + 8, 40) for x in range(7) for y in range(7)]
    rng.shuffle(places)  # type: ignore[arg-type]
    truth = [TrueObject(_one_of(rng, kinds), place) for place in places[: int(rng.integers(2, 9))]]
    found = [_find(rng, one, kinds) for one in truth for _ in range(int(rng.choice([0, 1, 1, 1, 2])))]
    invented = [
        Detection(_one_of(rng, kinds), place, rng.uniform(0.01, 0.8)) for place in places[9 : rng.integers(9, 14)]
    ]
    return JudgedTile(tuple(truth), tuple(found + invented), unit=unit)


def _one_of(rng: np.random.Generator, kinds: Sequence[CellType]) -> CellType:
    return kinds[int(rng.integers(len(kinds)))]


def _find(rng: np.random.Generator, true: TrueObject, kinds: Sequence[CellType]) -> Detection:
    """Displaced by up to a half of its side; one in five of another class."""
    x, y = rng.uniform(-12, 12, 2)
    kind = _one_of(rng, kinds) if rng.random() < 0.2 else true.cell_type
    return Detection(kind, true.box.moved(x, y), float(rng.uniform(0.05, 1.0)))
