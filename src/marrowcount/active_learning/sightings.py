"""What a cell model says of a picture seen from several sides: the same objects, seen more or less alike.

An object's class shares are the mean of what the views say. A view that finds it as class c with probability p says
"c" with p and "no object" with 1 - p; a view that does not find it says "no object". The probabilities are taken as
they are, for the chance that there is an object of the class.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.active_learning.turns import TURNS, brought_back, turned
from marrowcount.cytology.cell_types import CellType
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import SizePx
from marrowcount.slides.suppression import overlaps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from marrowcount.ports import Picture

__all__ = ["SAME_OBJECT", "SeenObject", "gathered", "look"]

SAME_OBJECT: Final = 0.5
"""Intersection over union from which finds of two views are one object (as a match in Tayebi 2022)."""


@dataclass(frozen=True, slots=True)
class SeenObject:
    """One object and each view's word on it.

    Attributes:
        votes: what each view found there, boxes in pixels of the picture as it is; None where it found nothing. The
            first view is the picture as it is.
    """

    votes: tuple[Detection | None, ...]

    @property
    def shares(self) -> NDArray[np.float64]:
        """The class shares, (19,); what is missing to 1 is the share of "no object"."""
        shares = np.zeros(len(CellType))
        for vote in self.votes:
            if vote is not None:
                shares[vote.cell_type] += vote.probability / len(self.votes)
        return shares

    def counted(self, threshold: float) -> Detection | None:
        """What a count would take it for, which sees the picture as it is; None: for nothing."""
        first = self.votes[0]
        return first if first is not None and first.probability >= threshold else None

    @property
    def disagreement(self) -> tuple[float, float]:
        """Mean distance of two views, parted into that about its class and that about its presence; 0 to 1 together.

        The distance of two views is the total variation between what they say: the larger probability where they name
        different classes, the difference of the probabilities where they name the same one, and the probability itself
        where only one of them sees an object.
        """
        pairs = [_distance(a, b) for a, b in combinations(self.votes, 2)]
        count = max(1, len(pairs))
        return sum(of_class for of_class, _ in pairs) / count, sum(of_presence for _, of_presence in pairs) / count


def look(picture: Picture, find: Callable[[Picture], Sequence[Detection]], views: int) -> tuple[SeenObject, ...]:
    """The objects on a picture, as a model sees them from so many sides.

    Args:
        picture: (rows, columns, 3), RGB.
        find: the model; boxes in pixels of the picture that it is given.
        views: 1 to 4, each of which costs one run of the model.
    """
    size = SizePx(picture.shape[1], picture.shape[0])
    return gathered([_seen_from(picture, find, turn, size) for turn in TURNS[:views]])


def gathered(views: Sequence[Sequence[Detection]]) -> tuple[SeenObject, ...]:
    """Finds of several views, boxes in the same pixels, as objects; that of the surest find first.

    A find belongs to the object whose surest box it overlaps most, by half at least, of those that have no find of its
    view yet.
    """
    finds = sorted(((view, find) for view, found in enumerate(views) for find in found), key=_falling)
    shared = _overlaps([find for _, find in finds])
    leads: list[int] = []
    votes: list[list[Detection | None]] = []
    for number, (view, find) in enumerate(finds):
        free = [place for place, of in enumerate(votes) if of[view] is None]
        overlap = shared[number, [leads[place] for place in free]]
        if overlap.max(initial=0.0) >= SAME_OBJECT:
            votes[free[int(overlap.argmax())]][view] = find
        else:
            leads.append(number)
            votes.append([find if other == view else None for other in range(len(views))])
    return tuple(SeenObject(tuple(of)) for of in votes)


def _seen_from(
    picture: Picture, find: Callable[[Picture], Sequence[Detection]], turn: int, size: SizePx
) -> list[Detection]:
    found = find(np.ascontiguousarray(turned(picture, turn)))
    return [Detection(one.cell_type, brought_back(one.box, turn, size), one.probability) for one in found]


def _falling(one: tuple[int, Detection]) -> float:
    return -one[1].probability


def _overlaps(finds: Sequence[Detection]) -> NDArray[np.float64]:
    edges = [(one.box.left, one.box.top, one.box.right, one.box.bottom) for one in finds]
    boxes = np.array(edges, np.float64).reshape(-1, 4)
    return overlaps(boxes, boxes)


def _distance(a: Detection | None, b: Detection | None) -> tuple[float, float]:
    """About the class, about the presence."""
    chances = [0.0 if vote is None else vote.probability for vote in (a, b)]
    if a is not None and b is not None and a.cell_type is not b.cell_type:
        return max(chances), 0.0
    return 0.0, max(chances) - min(chances)
