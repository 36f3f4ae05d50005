"""What an expert made of the model's pre-labels, object by object."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from marrowcount.datasets import LabelledBox, class_name
from marrowcount.slides.suppression import overlaps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from marrowcount.cytology.cell_types import CellType
    from marrowcount.slides.detections import Detection
    from marrowcount.slides.geometry import PixelBox

__all__ = ["Action", "Correction", "Prelabel", "corrections_of", "counts_of", "said_of"]

SAME_OBJECT: Final = 0.25
"""Intersection over union from which a corrected box is a pre-label's; an expert may redraw it generously."""

ROUNDING_PX: Final = 1.5
"""Labelling tools keep whole pixels: edges that differ by no more were not moved by anybody."""

SAME_CLASS: Final = 0.1
"""Of two boxes on one place, that of the pre-label's class is taken for the pre-label."""


class Action(StrEnum):
    """What was done with an object."""

    CONFIRMED = "confirmed"
    MOVED = "moved"
    """Box redrawn, class confirmed."""
    RELABELLED = "relabelled"
    """Class changed, and perhaps the box."""
    ADDED = "added"
    """Missed by the model."""
    DELETED = "deleted"
    """No object."""


@dataclass(frozen=True, slots=True)
class Prelabel:
    """A pre-label as the model found it, and its box as it stands in the label file, in whole pixels perhaps."""

    found: Detection
    written: PixelBox


@dataclass(frozen=True, slots=True)
class Correction:
    """One object before and after.

    Attributes:
        action: what was done.
        before: what the model found; None where it was added.
        after: as it is labelled now; None where it was deleted.
    """

    action: Action
    before: Detection | None
    after: LabelledBox | None

    @property
    def wrongly_classified(self) -> bool:
        """Whether the model missed it or took it for another class; such objects go back into training with weight."""
        return self.action in {Action.RELABELLED, Action.ADDED}


def corrections_of(
    prelabels: Sequence[Prelabel], corrected: Sequence[tuple[PixelBox, CellType | None]], author: str, model: str
) -> tuple[Correction, ...]:
    """Compare a picture's boxes with its pre-labels; one box belongs to one pre-label, all overlaps together largest.

    A confirmed object keeps the box that the model found, without the rounding of label files.

    Args:
        prelabels: of the picture.
        corrected: boxes and classes as the expert left them; None for a nucleated cell of unstated class.
        author: the expert.
        model: name and version, which goes into the author of what was only confirmed.

    Returns:
        those of the pre-labels in their order, then what was added, in its order.
    """
    partners = _partners(prelabels, corrected)
    ours = [_of_prelabel(one, partners.get(place), corrected, author, model) for place, one in enumerate(prelabels)]
    taken = set(partners.values())
    added = (one for place, one in enumerate(corrected) if place not in taken)
    return (*ours, *(Correction(Action.ADDED, None, LabelledBox(box, kind, author)) for box, kind in added))


def counts_of(corrections: Iterable[Correction]) -> Mapping[Action, int]:
    """How many objects there are of each action, all actions being named."""
    counts = Counter(one.action for one in corrections)
    return {action: counts[action] for action in Action}


def said_of(counts: Mapping[Action, int]) -> str:
    """The counts in words; ``all confirmed`` where nothing was changed."""
    changed = [f"{counts[action]} {action}" for action in Action if action is not Action.CONFIRMED and counts[action]]
    confirmed = counts[Action.CONFIRMED]
    return ", ".join([f"{confirmed} {Action.CONFIRMED}", *changed]) if changed else f"all confirmed ({confirmed})"


def _partners(prelabels: Sequence[Prelabel], corrected: Sequence[tuple[PixelBox, CellType | None]]) -> dict[int, int]:
    """For each pre-label that is still there, the place of its box."""
    shared = overlaps(_edges(one.written for one in prelabels), _edges(box for box, _ in corrected))
    alike = [[one.found.cell_type is kind for _, kind in corrected] for one in prelabels]
    worth = np.where(
        shared >= SAME_OBJECT, shared + SAME_CLASS * np.array(alike, np.float64).reshape(shared.shape), 0.0
    )
    pairs = zip(*linear_sum_assignment(worth, maximize=True), strict=True)
    return {int(ours): int(theirs) for ours, theirs in pairs if worth[ours, theirs] > 0}


def _of_prelabel(
    one: Prelabel,
    place: int | None,
    corrected: Sequence[tuple[PixelBox, CellType | None]],
    author: str,
    model: str,
) -> Correction:
    if place is None:
        return Correction(Action.DELETED, one.found, None)
    box, kind = corrected[place]
    moved = _moved(one.written, box)
    by = f"{model}, confirmed by {author}" if kind is one.found.cell_type and not moved else author
    after = LabelledBox(box if moved else one.found.box, kind, by)
    return Correction(_action(one.found.cell_type, kind, moved=moved), one.found, after)


def _action(before: CellType, after: CellType | None, *, moved: bool) -> Action:
    if class_name(before) != class_name(after):
        return Action.RELABELLED
    return Action.MOVED if moved else Action.CONFIRMED


def _moved(before: PixelBox, after: PixelBox) -> bool:
    pairs = zip(_sides(before), _sides(after), strict=True)
    return max(abs(one - other) for one, other in pairs) > ROUNDING_PX


def _sides(box: PixelBox) -> tuple[float, float, float, float]:
    return box.left, box.top, box.right, box.bottom


def _edges(boxes: Iterable[PixelBox]) -> NDArray[np.float64]:
    return np.array([_sides(box) for box in boxes], np.float64).reshape(-1, 4)
