"""Scores of the ROI model."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from marrowcount.evaluation import precise_threshold, roc_auc, score_regions


def test_figures_by_hand() -> None:
    """At 0.5: 2 right and 1 wrong accepted, 1 missed, 4 rightly refused."""
    fit = np.array([True, True, True, False, False, False, False, False])
    probabilities = np.array([0.9, 0.8, 0.3, 0.7, 0.4, 0.2, 0.1, 0.1])
    scores = score_regions(fit, probabilities, 0.5)
    assert scores.accuracy == pytest.approx(6 / 8)
    assert scores.precision == pytest.approx(2 / 3)
    assert scores.recall == pytest.approx(2 / 3)
    assert scores.specificity == pytest.approx(4 / 5)
    assert scores.negative_predictive_value == pytest.approx(4 / 5)
    assert scores.roc_auc == pytest.approx(13 / 15)


def test_threshold_itself_is_accepted() -> None:
    """The manifest says: the probability from which a tile is accepted."""
    assert score_regions(np.array([True, False]), np.array([0.5, 0.4]), 0.5).recall == 1


def test_figures_without_denominator_do_not_exist() -> None:
    """Nothing accepted: no precision. Only unfit tiles: no recall, no AUC."""
    scores = score_regions(np.array([False, False]), np.array([0.1, 0.2]), 0.5)
    assert math.isnan(scores.precision)
    assert math.isnan(scores.recall)
    assert math.isnan(scores.roc_auc)
    assert scores.specificity == 1


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=1, max_size=50))
def test_auc_is_that_of_scikit_learn_ties_and_all(tiles: list[tuple[bool, int]]) -> None:
    """The same area as an independent implementation, also with equal probabilities."""
    fit = np.array([True, False, *(fit for fit, _ in tiles)])
    scores = np.array([5, 5, *(score for _, score in tiles)]) / 9
    assert roc_auc(fit, scores) == pytest.approx(roc_auc_score(fit, scores))


def test_precise_threshold_by_hand() -> None:
    """Down the probabilities the precision is 1, 1, 2/3, 3/4, 3/5: for 0.75 the fourth is the lowest."""
    fit = np.array([True, True, False, True, False])
    probabilities = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    assert precise_threshold(fit, probabilities, 0.75) == 0.6
    assert precise_threshold(fit, probabilities, 0.9) == 0.8


def test_equal_probabilities_are_accepted_together() -> None:
    """A threshold cannot part tiles of the same probability: 0.6 holds one fit and one unfit tile."""
    fit = np.array([True, True, False])
    assert precise_threshold(fit, np.array([0.9, 0.6, 0.6]), 0.9) == 0.9


def test_unreachable_precision_gives_the_highest_probability() -> None:
    """The most careful threshold there is."""
    assert precise_threshold(np.array([False, True]), np.array([0.9, 0.6]), 0.9) == 0.9
