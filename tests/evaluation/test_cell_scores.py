"""Detection scores on examples worked by hand."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowcount.cytology.cell_types import PAPER_SCORED_CLASSES, CellType
from marrowcount.evaluation import ClassScores, JudgedTile, TrueObject, best_f1_threshold, score_cells
from marrowcount.evaluation.cells import average_precision, log_average_miss_rate
from marrowcount.evaluation.matching import ClassMatches
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox

BLAST = CellType.BLAST


def curve(right: list[bool], true_objects: int, tiles: int = 1) -> ClassMatches:
    probabilities = np.linspace(0.9, 0.1, len(right))
    hits = np.array(right, dtype=bool)
    return ClassMatches(probabilities, hits, hits * 0.8, true_objects, tiles)


def test_eleven_point_average_precision_by_hand() -> None:
    """Right, wrong, right of 4 objects: precision 1 up to recall 1/4, 2/3 up to 1/2, 0 beyond.

    Recalls 0, 0.1, 0.2 see 1; 0.3, 0.4, 0.5 see 2/3; the other five see 0: (3 + 2) / 11.
    """
    assert average_precision(curve([True, False, True], 4)) == pytest.approx(5 / 11)


def test_perfect_and_empty_average_precision() -> None:
    """All found and nothing else is 1; nothing found is 0; nothing to find does not exist."""
    assert average_precision(curve([True, True], 2)) == 1
    assert average_precision(curve([], 2)) == 0
    assert math.isnan(average_precision(curve([False], 0)))


def test_recall_on_the_grid_counts() -> None:
    """3 of 10 found reaches the recall 0.3: four points of 11."""
    assert average_precision(curve([True] * 3, 10)) == pytest.approx(4 / 11)


def test_log_average_miss_rate_by_hand() -> None:
    """Right, wrong, right, wrong of 4 objects over 10 tiles: false positives a tile 0, 0.1, 0.1, 0.2.

    The nine rates are 0.01, 0.0178, 0.0316, 0.0562, 0.1, 0.178, 0.316, 0.562, 1: below 0.1 three quarters are missed,
    from there on half.
    """
    expected = (0.75**4 * 0.5**5) ** (1 / 9)
    assert log_average_miss_rate(curve([True, False, True, False], 4, tiles=10)) == pytest.approx(expected)


def test_miss_rate_before_the_first_detection_is_one() -> None:
    """Where the first detection is already one false positive a tile, all is missed at the eight lower rates."""
    assert log_average_miss_rate(curve([False, True], 2, tiles=1)) == pytest.approx(0.5 ** (1 / 9))


def tile(truth: list[tuple[CellType, int]], found: list[tuple[CellType, int, float]]) -> JudgedTile:
    return JudgedTile(
        tuple(TrueObject(kind, PixelBox(x, 0, x + 10, 10)) for kind, x in truth),
        tuple(Detection(kind, PixelBox(x, 0, x + 10, 10), p) for kind, x, p in found),
    )


def test_precision_recall_f1_at_a_threshold_by_hand() -> None:
    """3 blasts; above 0.5 two found and one invented; a third found below it: P 2/3, R 2/3, F1 2/3, overlap 1."""
    judged = tile(
        [(BLAST, 0), (BLAST, 100), (BLAST, 200)],
        [(BLAST, 0, 0.9), (BLAST, 100, 0.8), (BLAST, 300, 0.7), (BLAST, 200, 0.2)],
    )
    scores = score_cells([judged], 0.5).by_class[BLAST]
    assert (scores.true_objects, scores.found_objects) == (3, 3)
    assert scores.precision == scores.recall == scores.f1 == pytest.approx(2 / 3)
    assert scores.mean_overlap == 1
    assert scores.average_precision == pytest.approx((7 * 1 + 4 * 3 / 4) / 11)


def test_means_leave_out_classes_without_objects_but_not_missed_ones() -> None:
    """One class found, one missed, fourteen absent: the mean is over two."""
    judged = tile([(BLAST, 0), (CellType.LYMPHOCYTE, 100), (CellType.MAST_CELL, 200)], [(BLAST, 0, 0.9)])
    scores = score_cells([judged], 0.5)
    assert scores.mean("f1") == pytest.approx(0.5)
    assert scores.mean("precision") == pytest.approx(0.5)
    assert scores.mean("f1", CellType) == pytest.approx(1 / 3)
    assert math.isnan(score_cells([], 0.5).mean("f1"))


def test_mean_is_over_the_sixteen_classes_of_the_paper() -> None:
    """Every class present and only the three unscored ones found: the mean stays 0."""
    unscored = [kind for kind in CellType if kind not in PAPER_SCORED_CLASSES]
    judged = tile([(kind, 20 * kind) for kind in CellType], [(kind, 20 * kind, 0.9) for kind in unscored])
    assert score_cells([judged], 0.5).mean("recall") == 0
    assert score_cells([judged], 0.5).mean("recall", unscored) == 1


def test_best_threshold_lies_between_false_and_true_objects() -> None:
    """All true objects above 0.6 and all false ones below 0.4: the threshold parts them."""
    judged = [
        tile([(BLAST, 0)], [(BLAST, 0, 0.7), (BLAST, 100, 0.35)]),
        tile([(CellType.LYMPHOCYTE, 0)], [(CellType.LYMPHOCYTE, 0, 0.65), (BLAST, 200, 0.3)]),
    ]
    assert 0.35 < best_f1_threshold(judged) <= 0.65


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.booleans(), max_size=30), st.integers(1, 40), st.integers(1, 9))
def test_scores_stay_between_zero_and_one(right: list[bool], true_objects: int, tiles: int) -> None:
    """Average precision and log-average miss rate are shares, whatever the curve."""
    matches = curve(right, max(true_objects, sum(right)), tiles)
    assert 0 <= average_precision(matches) <= 1
    assert 0 <= log_average_miss_rate(matches) <= 1


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.booleans(), min_size=1, max_size=20), st.integers(1, 30))
def test_one_more_false_object_never_helps(right: list[bool], true_objects: int) -> None:
    """A wrong detection at the top lowers average precision or leaves it, and raises the miss rate or leaves it."""
    truths = max(true_objects, sum(right))
    better, worse = curve(right, truths), curve([False, *right], truths)
    assert average_precision(worse) <= average_precision(better) + 1e-12
    assert log_average_miss_rate(worse) >= log_average_miss_rate(better) - 1e-12


def test_figures_are_named_as_in_the_method() -> None:
    """Section 7 asks for these, for each class."""
    assert {field.name for field in fields(ClassScores)} >= {
        "precision",
        "recall",
        "f1",
        "average_precision",
        "log_average_miss_rate",
        "mean_overlap",
    }
