"""Confusion matrix and Cohen's kappa."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from marrowcount.cytology.cell_types import CellType
from marrowcount.evaluation import JudgedTile, TrueObject, cohen_kappa, confusion_matrix
from marrowcount.evaluation.agreement import NOTHING, row_percentages
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox

BLAST, LYMPHOCYTE = CellType.BLAST, CellType.LYMPHOCYTE


def test_place_decides_and_class_is_compared() -> None:
    """One right, one confused, one missed, one invented, one below the threshold."""
    box = [PixelBox(50 * i, 0, 50 * i + 20, 20) for i in range(5)]
    tile = JudgedTile(
        (TrueObject(BLAST, box[0]), TrueObject(BLAST, box[1]), TrueObject(LYMPHOCYTE, box[2])),
        (
            Detection(BLAST, box[0], 0.9),
            Detection(LYMPHOCYTE, box[1], 0.8),
            Detection(BLAST, box[3], 0.7),
            Detection(BLAST, box[4], 0.1),
        ),
    )
    matrix = confusion_matrix([tile], threshold=0.5)
    expected = {(BLAST, BLAST): 1, (BLAST, LYMPHOCYTE): 1, (LYMPHOCYTE, NOTHING): 1, (NOTHING, BLAST): 1}
    assert {(int(i), int(j)): int(matrix[i, j]) for i, j in np.argwhere(matrix)} == {
        (int(i), int(j)): count for (i, j), count in expected.items()
    }


def test_best_overlap_matches_first() -> None:
    """Two detections on one object: the one that lies better is its match, the other is invented."""
    tile = JudgedTile(
        (TrueObject(BLAST, PixelBox(0, 0, 20, 20)),),
        (Detection(LYMPHOCYTE, PixelBox(4, 0, 24, 20), 0.9), Detection(BLAST, PixelBox(1, 0, 21, 20), 0.6)),
    )
    matrix = confusion_matrix([tile])
    assert matrix[BLAST, BLAST] == 1
    assert matrix[NOTHING, LYMPHOCYTE] == 1
    assert matrix.sum() == 2


def test_rows_are_percentages_of_the_true_class() -> None:
    """Rows sum to 100; an empty row stays 0."""
    percentages = row_percentages(np.array([[3, 1], [0, 0]]))
    assert percentages.tolist() == [[75.0, 25.0], [0.0, 0.0]]


def test_kappa_by_hand() -> None:
    """Cohen's classic table: observed 0.7, by chance 0.5, kappa 0.4."""
    assert cohen_kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)


def test_kappa_without_two_classes_does_not_exist() -> None:
    """Chance agrees always with one class; nothing counted says nothing."""
    assert math.isnan(cohen_kappa(np.array([[7, 0], [0, 0]])))
    assert math.isnan(cohen_kappa(np.zeros((3, 3), dtype=np.int64)))


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=8, max_size=60))
def test_kappa_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    """The same figure as an independent implementation."""
    first, second = zip(*((0, 0), (1, 1), *pairs), strict=True)
    matrix = np.zeros((4, 4), dtype=np.int64)
    np.add.at(matrix, (first, second), 1)
    assert cohen_kappa(matrix) == pytest.approx(cohen_kappa_score(first, second))
