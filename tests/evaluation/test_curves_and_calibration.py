"""Curves and calibration on examples worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from marrowcount.evaluation.calibration import calibration_of, expected_calibration_error
from marrowcount.evaluation.curves import precision_recall_curve, precision_recall_curve_of, roc_curve
from marrowcount.evaluation.matching import ClassMatches

PROBABILITIES = np.array([0.9, 0.7, 0.7, 0.2])
RIGHT = np.array([True, False, True, False])


def test_precision_over_recall_by_hand() -> None:
    """Of 4 objects: first right; then, of equal probability, one right and one wrong together; then one wrong."""
    curve = precision_recall_curve(ClassMatches(PROBABILITIES, RIGHT, RIGHT * 0.8, 4, 1))
    assert curve.x.tolist() == [0.25, 0.5, 0.5]
    assert curve.y.tolist() == pytest.approx([1, 2 / 3, 2 / 4])
    assert curve.thresholds.tolist() == [0.9, 0.7, 0.2]


def test_roc_by_hand() -> None:
    """Two fit, two unfit; ties make a slope."""
    curve = roc_curve(RIGHT, PROBABILITIES)
    assert curve.x.tolist() == [0, 0, 0.5, 1]
    assert curve.y.tolist() == [0, 0.5, 1, 1]
    assert curve.thresholds.tolist() == [math.inf, 0.9, 0.7, 0.2]


def test_curves_that_do_not_exist_are_empty() -> None:
    """Nothing to find, nothing found, one kind only."""
    nothing = np.empty(0), np.empty(0, bool)
    empty = [
        precision_recall_curve(ClassMatches(PROBABILITIES, RIGHT & False, RIGHT * 0.0, 0, 1)),
        precision_recall_curve(ClassMatches(nothing[0], nothing[1], nothing[0], 4, 1)),
        precision_recall_curve_of(np.zeros(4, bool), PROBABILITIES),
        roc_curve(np.ones(4, bool), PROBABILITIES),
    ]
    assert [curve.x.size for curve in empty] == [0, 0, 0, 0]


def test_a_thinned_curve_keeps_its_ends() -> None:
    """At most so many points, in their order."""
    rng = np.random.default_rng(1)
    curve = roc_curve(rng.random(500) < 0.5, rng.random(500))
    thin = curve.thinned(20)
    assert thin.x.size <= 20
    assert (thin.x[0], thin.x[-1], thin.y[-1]) == (0, 1, 1)
    assert curve.thinned(1000) is curve


def test_calibration_by_hand() -> None:
    """Two bins: 0.2 and 0.4 with one right (0.3 said, 0.5 true), 0.8 and 1.0 with both right (0.9 said, 1 true)."""
    probabilities, right = np.array([0.2, 0.8, 0.4, 1.0]), np.array([True, True, False, True])
    calibration = calibration_of(probabilities, right, 2)
    assert [(one.low, one.high, one.cases) for one in calibration.bins] == [(0, 0.5, 2), (0.5, 1, 2)]
    assert [one.mean_probability for one in calibration.bins] == pytest.approx([0.3, 0.9])
    assert [one.share_right for one in calibration.bins] == [0.5, 1.0]
    assert calibration.error == pytest.approx((2 * 0.2 + 2 * 0.1) / 4)


def test_calibration_of_nothing_does_not_exist() -> None:
    """No case, no bin, no error."""
    nothing = calibration_of(np.empty(0), np.empty(0, bool))
    assert nothing.bins == ()
    assert math.isnan(nothing.error)
    assert math.isnan(expected_calibration_error(np.empty(0), np.empty(0, bool)))


def test_what_is_said_truly_has_no_error() -> None:
    """Of 10,000 cases that come true as often as is said, the error is near to 0."""
    rng = np.random.default_rng(2)
    said = rng.random(10_000)
    assert expected_calibration_error(said, rng.random(10_000) < said) < 0.02
    assert expected_calibration_error(said, rng.random(10_000) < said / 2) > 0.2
