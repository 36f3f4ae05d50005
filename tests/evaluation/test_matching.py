"""Which detection is which true object."""

from __future__ import annotations

import numpy as np

from marrowcount.cytology.cell_types import CellType
from marrowcount.evaluation import JudgedTile, TrueObject
from marrowcount.evaluation.matching import matches_of_class
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox

BLAST, LYMPHOCYTE = CellType.BLAST, CellType.LYMPHOCYTE


def box(left: float, top: float = 0, side: float = 10) -> PixelBox:
    return PixelBox(left, top, left + side, top + side)


def test_second_detection_of_one_object_is_wrong() -> None:
    """Of two detections of the same object only the more probable one is right."""
    tile = JudgedTile((TrueObject(BLAST, box(0)),), (Detection(BLAST, box(1), 0.6), Detection(BLAST, box(0), 0.9)))
    matches = matches_of_class([tile], BLAST)
    assert matches.probabilities.tolist() == [0.9, 0.6]
    assert matches.right.tolist() == [True, False]
    assert matches.overlap.tolist() == [1.0, 0.0]


def test_overlap_below_a_half_is_wrong() -> None:
    """10 x 10 boxes 4 apart share 60 of 140 square pixels: 0.43; 3 apart share 70 of 130: 0.54."""
    tile = JudgedTile(
        (TrueObject(BLAST, box(0)), TrueObject(BLAST, box(100))),
        (Detection(BLAST, box(4), 0.9), Detection(BLAST, box(103), 0.8)),
    )
    matches = matches_of_class([tile], BLAST)
    assert matches.right.tolist() == [False, True]
    np.testing.assert_allclose(matches.overlap, [0.0, 70 / 130])


def test_class_decides() -> None:
    """A lymphocyte in a blast's place is no blast found, and counts against the lymphocytes."""
    tile = JudgedTile((TrueObject(BLAST, box(0)),), (Detection(LYMPHOCYTE, box(0), 0.9),))
    assert matches_of_class([tile], BLAST).right.size == 0
    assert matches_of_class([tile], BLAST).true_objects == 1
    assert matches_of_class([tile], LYMPHOCYTE).right.tolist() == [False]


def test_places_on_other_tiles_do_not_match() -> None:
    """A detection is matched on its own tile only."""
    tiles = [
        JudgedTile((TrueObject(BLAST, box(0)),), ()),
        JudgedTile((), (Detection(BLAST, box(0), 0.9),)),
    ]
    matches = matches_of_class(tiles, BLAST)
    assert matches.right.tolist() == [False]
    assert (matches.true_objects, matches.tiles) == (1, 2)


def test_order_over_tiles_is_by_probability() -> None:
    """The curve walks down the probabilities of all tiles together."""
    tiles = [
        JudgedTile((TrueObject(BLAST, box(0)),), (Detection(BLAST, box(0), 0.3),)),
        JudgedTile((), (Detection(BLAST, box(0), 0.7),)),
    ]
    matches = matches_of_class(tiles, BLAST)
    assert matches.probabilities.tolist() == [0.7, 0.3]
    assert matches.right.tolist() == [False, True]
    assert matches.from_probability(0.5).right.tolist() == [False]
