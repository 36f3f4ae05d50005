"""Single cells: which class a model gives to a cell whose place is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from marrowcount.cytology.cell_types import CellType
from marrowcount.evaluation.agreement import NOTHING, PlacedPairs, placed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from marrowcount.evaluation.matching import JudgedTile, TrueObject
    from marrowcount.slides.detections import Detection
    from marrowcount.slides.geometry import PixelBox

__all__ = ["Classification", "ClassifiedClass", "classify", "pairs_by_middle"]


@dataclass(frozen=True, slots=True)
class ClassifiedClass:
    """One class; precision is NaN where no cell was given the class."""

    cells: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Classification:
    """Classes of cells whose places are known; only classes that are present.

    Attributes:
        accuracy: share of the cells given their class; a cell that was not found is given none.
        macro_f1: mean of the present classes' F1, each class counting the same.
    """

    by_class: Mapping[CellType, ClassifiedClass]
    accuracy: float
    macro_f1: float


def pairs_by_middle(tiles: Iterable[JudgedTile], threshold: float = 0.0) -> PlacedPairs:
    """The class of each labelled object beside that of the most probable find that covers the middle of its box.

    So that a picture of one cell, whose "box" is the whole picture, can be scored like a drawn box.
    """
    return placed([(int(one.cell_type), _given(tile, one, threshold)) for one in tile.truth] for tile in tiles)


def classify(matrix: NDArray[np.int64]) -> Classification:
    """Score a table of true class (rows) by given class (columns), (20, 20)."""
    present = [cell_type for cell_type in CellType if matrix[cell_type].sum()]
    by_class = {cell_type: _scores(matrix[:NOTHING], cell_type) for cell_type in present}
    cells = int(matrix[:NOTHING].sum())
    right = sum(int(matrix[cell_type, cell_type]) for cell_type in present)
    macro_f1 = sum(score.f1 for score in by_class.values()) / len(present) if present else math.nan
    return Classification(by_class, right / cells if cells else math.nan, macro_f1)


def _given(tile: JudgedTile, true: TrueObject, threshold: float) -> int:
    covering = [o for o in tile.found if o.probability >= threshold and _covers(o.box, true.box.centre)]
    best: Detection | None = max(covering, key=lambda o: o.probability, default=None)
    return NOTHING if best is None else int(best.cell_type)


def _covers(box: PixelBox, point: tuple[float, float]) -> bool:
    x, y = point
    return box.left <= x < box.right and box.top <= y < box.bottom


def _scores(matrix: NDArray[np.int64], cell_type: CellType) -> ClassifiedClass:
    hits, true, given = matrix[cell_type, cell_type], matrix[cell_type].sum(), matrix[:, cell_type].sum()
    return ClassifiedClass(
        int(true), float(hits / given) if given else math.nan, float(hits / true), float(2 * hits / (true + given))
    )
