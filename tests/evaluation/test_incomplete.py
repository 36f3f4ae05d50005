"""Pictures on which not everything was drawn, or not with its class, do not punish finds that may be right."""

from __future__ import annotations

import numpy as np
import pytest

from judged_tiles import box
from marrowcount.cytology.cell_types import CellType
from marrowcount.evaluation import JudgedTile, TrueObject, confusion_matrix, matches_of_nucleated, score_cells
from marrowcount.evaluation.agreement import NOTHING
from marrowcount.evaluation.matching import matches_of_class, placed_matches
from marrowcount.slides.detections import Detection

BLAST, LYMPHOCYTE, PLATELET, DEBRIS = CellType.BLAST, CellType.LYMPHOCYTE, CellType.PLATELET, CellType.DEBRIS
PLATELETS = frozenset({PLATELET})


def test_finds_of_undrawn_kinds_are_not_counted() -> None:
    """Only platelets were drawn: an invented platelet is wrong, an invented blast or debris is not counted."""
    found = (Detection(PLATELET, box(0), 0.9), Detection(BLAST, box(50), 0.8), Detection(DEBRIS, box(90), 0.7))
    tile = JudgedTile((), found, drawn=PLATELETS)
    counts = {kind: matches_of_class([tile], kind).right.tolist() for kind in (PLATELET, BLAST, DEBRIS)}
    assert counts == {PLATELET: [False], BLAST: [], DEBRIS: []}
    matrix = confusion_matrix([tile])
    assert (matrix.sum(), matrix[NOTHING, PLATELET]) == (1, 1)


def test_finds_of_undrawn_kinds_that_are_right_count() -> None:
    """A blast that somebody drew is found, though others may have been left out."""
    tile = JudgedTile((TrueObject(BLAST, box(0)),), (Detection(BLAST, box(0), 0.9),), drawn=frozenset())
    assert score_cells([tile], 0.5).by_class[BLAST].recall == 1


def test_a_complete_tile_punishes_every_invention() -> None:
    """Without a word on what was drawn, all 19 kinds were."""
    tile = JudgedTile((), (Detection(DEBRIS, box(0), 0.9),))
    assert matches_of_class([tile], DEBRIS).right.tolist() == [False]


def test_a_class_found_on_a_cell_of_unstated_class_is_neither_right_nor_wrong() -> None:
    """A blast on a "WBC" may be one; a platelet on it is wrong; a blast beside it is wrong on a complete tile."""
    found = (Detection(BLAST, box(0), 0.9), Detection(PLATELET, box(100), 0.8), Detection(BLAST, box(300), 0.7))
    tile = JudgedTile((), found, unclassed=(box(1), box(101)))
    assert matches_of_class([tile], BLAST).probabilities.tolist() == [0.7]
    assert matches_of_class([tile], PLATELET).right.tolist() == [False]


def test_cells_of_unstated_class_are_no_confusion() -> None:
    """Neither a row nor a false find; what else was found on one is left out with it."""
    tile = JudgedTile((), (Detection(BLAST, box(0), 0.9),), unclassed=(box(1), box(101)))
    assert confusion_matrix([tile]).sum() == 0


def test_nucleated_cells_are_matched_whatever_their_class() -> None:
    """Classed and unclassed cells are to be found; a wrong class is right here; a platelet is no nucleated cell."""
    tile = JudgedTile(
        (TrueObject(BLAST, box(0)), TrueObject(PLATELET, box(50))),
        (
            Detection(LYMPHOCYTE, box(0), 0.9),
            Detection(BLAST, box(101), 0.8),
            Detection(PLATELET, box(200), 0.7),
            Detection(BLAST, box(300), 0.6),
        ),
        unclassed=(box(100), box(200)),
    )
    matches = matches_of_nucleated([tile])
    assert matches.right.tolist() == [True, True, False]
    np.testing.assert_allclose(matches.overlap, [1, 9 / 11, 0])
    assert matches.true_objects == 3


@pytest.mark.parametrize(("nucleated_drawn", "counted"), [(True, [False]), (False, [])])
def test_an_invented_nucleated_cell_is_wrong_where_all_were_drawn(
    *, nucleated_drawn: bool, counted: list[bool]
) -> None:
    """Every nucleated cell boxed without a class: a find beside them is wrong by place, but not of its class."""
    tile = JudgedTile((), (Detection(BLAST, box(0), 0.9),), drawn=PLATELETS, nucleated_drawn=nucleated_drawn)
    assert matches_of_nucleated([tile]).right.tolist() == counted
    assert matches_of_class([tile], BLAST).right.size == 0


def test_tiles_drawn_again_count_again() -> None:
    """A tile taken twice counts as two, one taken no time as none; nothing is matched again."""
    tiles = [
        JudgedTile((TrueObject(BLAST, box(0)),), (Detection(BLAST, box(0), 0.6),)),
        JudgedTile((TrueObject(BLAST, box(0)),), (Detection(BLAST, box(50), 0.9),)),
        JudgedTile((TrueObject(BLAST, box(0)),), ()),
    ]
    matched = placed_matches(tiles, (BLAST,))
    drawn = matched.drawn(np.array([2, 1, 0]))
    assert (drawn.probabilities.tolist(), drawn.right.tolist()) == ([0.9, 0.6, 0.6], [False, True, True])
    assert (drawn.true_objects, drawn.tiles) == (3, 3)
    assert matched.drawn(np.ones(3, np.int64)).probabilities.tolist() == matched.matches.probabilities.tolist()
