"""Do two runtimes of one model say the same? Asked before a model is packaged, and of any packaged one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.slides.suppression import overlaps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marrowcount.ports import CellModel, Picture, RoiModel
    from marrowcount.slides.detections import Detection

__all__ = ["MOST_PIXELS", "MOST_PROBABILITY", "Disagreement", "cells_disagreement", "regions_disagreement"]

MOST_PROBABILITY: Final = 2e-3
"""Tolerance between runtimes in single precision, on probabilities: they add up in another order."""
MOST_PIXELS: Final = 0.5
"""Likewise on the edges of boxes, in pixels."""
SURE: Final = 0.05
"""Probability from which an object must have been found by both; near the threshold of either one may miss it."""
SAME_PLACE: Final = 0.9
"""Overlap of two boxes on one object."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """How far apart two runtimes are.

    Attributes:
        probability: largest difference.
        pixels: largest difference of a box's edge.
        missed: objects that only one found.
        compared: objects, or tiles.
    """

    probability: float
    pixels: float
    missed: int
    compared: int

    @property
    def tolerable(self) -> bool:
        """Whether it is no more than single precision explains."""
        return self.probability <= MOST_PROBABILITY and self.pixels <= MOST_PIXELS and not self.missed

    def __str__(self) -> str:
        return (
            f"probabilities differ by {self.probability:.1e} (allowed {MOST_PROBABILITY:.0e}), boxes by "
            f"{self.pixels:.2g} px (allowed {MOST_PIXELS:g}), {self.missed} of {self.compared} found by one alone"
        )


def regions_disagreement(first: RoiModel, second: RoiModel, pictures: Sequence[Picture]) -> Disagreement:
    """Of two ROI models on tiles."""
    one, other = (np.array(model.probabilities(pictures)) for model in (first, second))
    return Disagreement(float(np.abs(one - other).max(initial=0.0)), 0.0, 0, len(pictures))


def cells_disagreement(first: CellModel, second: CellModel, pictures: Sequence[Picture]) -> Disagreement:
    """Of two cell models with the same very low threshold on tiles; the objects of each are looked for at the other."""
    parts = [_on_tile(list(first.detect(picture)), list(second.detect(picture))) for picture in pictures]
    return Disagreement(
        max((part.probability for part in parts), default=0.0),
        max((part.pixels for part in parts), default=0.0),
        sum(part.missed for part in parts),
        sum(part.compared for part in parts),
    )


def _on_tile(one: list[Detection], other: list[Detection]) -> Disagreement:
    probability, pixels, missed = 0.0, 0.0, 0
    sure = [(o, other) for o in one if o.probability >= SURE] + [(o, one) for o in other if o.probability >= SURE]
    for found, among in sure:
        same = _same(found, among)
        if same is None:
            missed += 1
            continue
        probability = max(probability, abs(found.probability - same.probability))
        pixels = max(pixels, float(np.abs(_edges(found) - _edges(same)).max()))
    return Disagreement(probability, pixels, missed, len(sure))


def _same(found: Detection, among: list[Detection]) -> Detection | None:
    alike = [o for o in among if o.cell_type is found.cell_type]
    if not alike:
        return None
    shared = overlaps(_edges(found)[None], np.stack([_edges(o) for o in alike]))[0]
    best = int(shared.argmax())
    return alike[best] if shared[best] >= SAME_PLACE else None


def _edges(found: Detection) -> np.ndarray:
    box = found.box
    return np.array([box.left, box.top, box.right, box.bottom])
