"""Which detection is which true object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.cytology.cell_types import NUCLEATED_CLASSES, CellType
from marrowcount.slides.suppression import overlaps

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from marrowcount.slides.detections import Detection
    from marrowcount.slides.geometry import PixelBox

__all__ = [
    "MATCH_IOU",
    "ClassMatches",
    "JudgedTile",
    "PlacedMatches",
    "TrueObject",
    "box_array",
    "boxes_of",
    "matches_of_class",
    "matches_of_nucleated",
    "placed_matches",
]

MATCH_IOU: Final = 0.5
"""Overlap from which a detection is a true object (Tayebi 2022: mAP@0.5)."""


@dataclass(frozen=True, slots=True)
class TrueObject:
    """One object as an expert, or the phantom, drew it; the box in pixels of its tile."""

    cell_type: CellType
    box: PixelBox


@dataclass(frozen=True, slots=True)
class JudgedTile:
    """A tile's, or a whole picture's, truth beside what a model found on it.

    Attributes:
        truth: the objects whose class is known.
        found: what the model found, boxes in the same pixels.
        unclassed: nucleated cells whose class nobody stated; a class found there is neither right nor wrong.
        drawn: the kinds of which every object was drawn, and with its class; None for all 19. A find of another kind
            may be an object that nobody drew, and is not held against the model.
        nucleated_drawn: whether every nucleated cell was drawn, even if without its class, so that a find of one where
            there is none is wrong, whatever its class.
        unit: what it is drawn together with for intervals: patient, or original picture; empty where it stands alone.
    """

    truth: tuple[TrueObject, ...]
    found: tuple[Detection, ...]
    unclassed: tuple[PixelBox, ...] = ()
    drawn: frozenset[CellType] | None = None
    nucleated_drawn: bool = False
    unit: str = ""

    def may_be_undrawn(self, found: Detection) -> bool:
        """Whether a find where nothing was drawn may be an object nevertheless."""
        return self.drawn is not None and found.cell_type not in self.drawn


@dataclass(frozen=True, slots=True)
class ClassMatches:
    """All detections of one class over all tiles, most probable first.

    Attributes:
        probabilities: shape (n,), falling.
        right: which detections are a true object of the class, shape (n,).
        overlap: intersection over union with that object, 0 where wrong, shape (n,).
        true_objects: how many there were to be found.
        tiles: on how many tiles.
    """

    probabilities: NDArray[np.float64]
    right: NDArray[np.bool_]
    overlap: NDArray[np.float64]
    true_objects: int
    tiles: int

    def from_probability(self, threshold: float) -> ClassMatches:
        """Only the detections at or above a probability."""
        n = int((self.probabilities >= threshold).sum())
        return ClassMatches(self.probabilities[:n], self.right[:n], self.overlap[:n], self.true_objects, self.tiles)


@dataclass(frozen=True, slots=True)
class PlacedMatches:
    """Matches that remember their tile, so that tiles can be drawn again without matching again.

    Attributes:
        matches: of all tiles, each once.
        tile: number of the tile of each detection, shape (n,).
        true_on_tile: objects to be found on each tile, shape (tiles,).
    """

    matches: ClassMatches
    tile: NDArray[np.intp]
    true_on_tile: NDArray[np.int64]

    def drawn(self, times: NDArray[np.int64]) -> ClassMatches:
        """The matches if each tile had been there that often, shape (tiles,)."""
        one, often = self.matches, times[self.tile]
        return ClassMatches(
            np.repeat(one.probabilities, often),
            np.repeat(one.right, often),
            np.repeat(one.overlap, often),
            int(times @ self.true_on_tile),
            int(times.sum()),
        )


def boxes_of(objects: Iterable[TrueObject | Detection]) -> NDArray[np.float64]:
    """Left, top, right, bottom of each object's box, (n, 4)."""
    return box_array(o.box for o in objects)


def box_array(boxes: Iterable[PixelBox]) -> NDArray[np.float64]:
    """Left, top, right, bottom of each box, (n, 4)."""
    edges = [(box.left, box.top, box.right, box.bottom) for box in boxes]
    return np.array(edges, dtype=np.float64).reshape(-1, 4)


def matches_of_class(tiles: Sequence[JudgedTile], cell_type: CellType, iou: float = MATCH_IOU) -> ClassMatches:
    """Match the detections of a class with the true objects of the same class, tile by tile.

    As in PASCAL VOC: the most probable detection first; each claims the true object that it overlaps most, and is
    wrong where that overlap is below ``iou`` or the object is already taken. Wrong detections are left out where
    nobody can say that they are wrong: of a kind that was not drawn on the tile, or on a nucleated cell of unstated
    class (VOC's "difficult" objects).
    """
    return placed_matches(tiles, (cell_type,), iou).matches


def matches_of_nucleated(tiles: Sequence[JudgedTile], iou: float = MATCH_IOU) -> ClassMatches:
    """Match nucleated cells by place, whatever their class; cells of unstated class are among the truth."""
    return placed_matches(tiles, NUCLEATED_CLASSES, iou, with_unclassed=True).matches


def placed_matches(
    tiles: Sequence[JudgedTile], kinds: Iterable[CellType], iou: float = MATCH_IOU, *, with_unclassed: bool = False
) -> PlacedMatches:
    """Match detections of some kinds with true objects of these kinds, one kind or another.

    Args:
        tiles: the tiles.
        kinds: classes that count as one.
        iou: least overlap of a match.
        with_unclassed: whether nucleated cells of unstated class are to be found too.
    """
    wanted = frozenset(kinds)
    parts = [_matches_on_tile(tile, wanted, iou, with_unclassed=with_unclassed) for tile in tiles]
    found = np.array([match for part, _ in parts for match in part], dtype=np.float64).reshape(-1, 2)
    true_on_tile = np.array([truths for _, truths in parts], dtype=np.int64)
    tile = np.repeat(np.arange(len(parts)), [len(part) for part, _ in parts])
    order = np.argsort(-found[:, 0], kind="stable")
    probabilities, overlap = found[order].T
    matches = ClassMatches(probabilities, overlap > 0, overlap, int(true_on_tile.sum()), len(tiles))
    return PlacedMatches(matches, tile[order], true_on_tile)


def _matches_on_tile(
    tile: JudgedTile, kinds: frozenset[CellType], iou: float, *, with_unclassed: bool
) -> tuple[list[tuple[float, float]], int]:
    """Probability and overlap (0 where wrong) of each detection that can be judged, and how many true objects."""
    truth = [o.box for o in tile.truth if o.cell_type in kinds] + (list(tile.unclassed) if with_unclassed else [])
    found = sorted((o for o in tile.found if o.cell_type in kinds), key=lambda o: -o.probability)
    if not found:
        return [], len(truth)
    overlap = _claimed(overlaps(boxes_of(found), box_array(truth)), iou)
    unclear = _unclear(tile, found) if with_unclassed else _unclear_class(tile, found, iou)
    judged = [
        (one.probability, share)
        for one, share, excused in zip(found, overlap, unclear, strict=True)
        if share or not excused
    ]
    return judged, len(truth)


def _unclear(tile: JudgedTile, found: Sequence[Detection]) -> list[bool]:
    """Which detections may be nucleated cells that nobody drew."""
    return [not tile.nucleated_drawn and tile.may_be_undrawn(one) for one in found]


def _unclear_class(tile: JudgedTile, found: Sequence[Detection], iou: float) -> list[bool]:
    """Which detections may be right: undrawn kinds, and kinds that a cell of unstated class in their place may have."""
    shared = overlaps(boxes_of(found), box_array(tile.unclassed)).max(axis=1, initial=0.0)
    return [
        tile.may_be_undrawn(one) or (one.cell_type in NUCLEATED_CLASSES and bool(most >= iou))
        for one, most in zip(found, shared, strict=True)
    ]


def _claimed(shared: NDArray[np.float64], iou: float) -> list[float]:
    taken: set[int] = set()
    overlap: list[float] = []
    for row in shared:
        best = int(row.argmax()) if row.size else -1
        right = best >= 0 and row[best] >= iou and best not in taken
        taken |= {best} if right else set()
        overlap.append(float(row[best]) if right else 0.0)
    return overlap
