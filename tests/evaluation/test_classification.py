"""Classes of cells whose places are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from judged_tiles import box
from marrowcount.cytology.cell_types import CellType
from marrowcount.evaluation import JudgedTile, TrueObject, classify, pairs_by_middle
from marrowcount.evaluation.agreement import NOTHING
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox

BLAST, LYMPHOCYTE, MONOCYTE = CellType.BLAST, CellType.LYMPHOCYTE, CellType.MONOCYTE


def test_the_most_probable_find_on_the_middle_gives_the_class() -> None:
    """A picture of one cell, labelled as a whole: what lies beside its middle, however probable, is another cell."""
    whole = TrueObject(BLAST, PixelBox(0, 0, 100, 100))
    found = (
        Detection(LYMPHOCYTE, PixelBox(0, 0, 30, 30), 0.99),
        Detection(BLAST, PixelBox(30, 30, 80, 80), 0.8),
        Detection(MONOCYTE, PixelBox(40, 40, 70, 70), 0.6),
    )
    for threshold, given in ((0.5, BLAST), (0.9, NOTHING)):
        assert pairs_by_middle([JudgedTile((whole,), found)], threshold).found.tolist() == [given]


def test_scores_by_hand() -> None:
    """3 blasts: 2 right, 1 not found; 2 lymphocytes: 1 right, 1 as blast; nothing else is present.

    Blast: P 2/3, R 2/3, F1 2/3. Lymphocyte: P 1, R 1/2, F1 2/3. Accuracy 3/5.
    """
    matrix = np.zeros((NOTHING + 1, NOTHING + 1), np.int64)
    matrix[BLAST, [BLAST, NOTHING]] = 2, 1
    matrix[LYMPHOCYTE, [BLAST, LYMPHOCYTE]] = 1, 1
    scores = classify(matrix)
    assert set(scores.by_class) == {BLAST, LYMPHOCYTE}
    blast, lymphocyte = scores.by_class[BLAST], scores.by_class[LYMPHOCYTE]
    assert (blast.cells, blast.precision, blast.recall) == (3, pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert (lymphocyte.precision, lymphocyte.recall, lymphocyte.f1) == (1, 0.5, pytest.approx(2 / 3))
    assert (scores.macro_f1, scores.accuracy) == (pytest.approx(2 / 3), 3 / 5)


def test_every_class_present_counts_the_same() -> None:
    """99 blasts right and the one monocyte missed: macro F1 is a half."""
    truth = [*(TrueObject(BLAST, box(50 * i)) for i in range(99)), TrueObject(MONOCYTE, box(9000))]
    tile = JudgedTile(tuple(truth), tuple(Detection(BLAST, one.box, 0.9) for one in truth[:-1]))
    scores = classify(pairs_by_middle([tile]).matrix())
    assert (scores.macro_f1, scores.accuracy) == (pytest.approx(0.5), 0.99)
    assert math.isnan(scores.by_class[MONOCYTE].precision)


def test_nothing_labelled_says_nothing() -> None:
    """Neither figure exists."""
    scores = classify(pairs_by_middle([JudgedTile((), (Detection(BLAST, box(0), 0.9),))]).matrix())
    assert math.isnan(scores.macro_f1)
    assert math.isnan(scores.accuracy)
