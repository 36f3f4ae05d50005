"""Counted slides against the truth, on examples worked by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from marrowcount.cytology.cell_types import NDC_CLASSES, CellType
from marrowcount.cytology.differential import Interval
from marrowcount.evaluation import CountedShare, CountedSlide, Resampling, SlideTruth, evaluate_slides, score_slide

BLAST, NEUTROPHIL, ERYTHROBLAST = CellType.BLAST, CellType.NEUTROPHIL, CellType.ERYTHROBLAST
NAN = math.nan


def truth(**percent: float) -> SlideTruth:
    named = {CellType[name.upper()]: value for name, value in percent.items()}
    return SlideTruth("aml", {kind: named.get(kind, 0.0) for kind in NDC_CLASSES}, 50)


def counted(me_ratio: float = 4.0, width: float = 3.0, **percent: float) -> CountedSlide:
    named = {CellType[name.upper()]: value for name, value in percent.items()}
    shares = {kind: named.get(kind, 0.0) for kind in NDC_CLASSES}
    published = {
        kind: CountedShare(round(2 * value), value, Interval(max(0.0, value - width), value + width))
        for kind, value in shares.items()
    }
    return CountedSlide(published, me_ratio, 100, 300, "converged", np.array([math.inf, 0.1]))


def test_errors_and_coverage_by_hand() -> None:
    """Blasts 5 points too many, outside of plus or minus 3; neutrophils 2 too few, inside; erythroblasts 3, just in."""
    scores = score_slide(
        "a",
        truth(blast=20, neutrophil=60, erythroblast=20),
        counted(blast=25, neutrophil=58, erythroblast=17),
    )
    assert {kind: error for kind, error in scores.errors.items() if error} == {
        BLAST: 5,
        NEUTROPHIL: -2,
        ERYTHROBLAST: -3,
    }
    assert [kind for kind, inside in scores.inside.items() if not inside] == [BLAST]
    assert scores.mean_absolute_error == pytest.approx(10 / 12)
    assert (scores.coverage().inside, scores.coverage().percentages) == (11, 12)
    assert (scores.coverage(scores.present).inside, scores.coverage(scores.present).percentages) == (2, 3)
    assert scores.truth.me_ratio == 4
    assert scores.counted.cells == 200


def test_a_bound_itself_is_inside() -> None:
    """The interval holds its ends."""
    assert score_slide("a", truth(blast=20), counted(blast=23)).inside[BLAST]
    assert not score_slide("a", truth(blast=20), counted(blast=23.1)).inside[BLAST]


def test_a_ratio_that_does_not_exist_is_left_out_of_its_mean() -> None:
    """Without erythroblasts, truly or counted, there is no error; the mean is over the other slides."""
    slides = [
        score_slide("a", truth(neutrophil=80, erythroblast=20), counted(me_ratio=5.0, neutrophil=80)),
        score_slide("b", truth(neutrophil=100), counted(me_ratio=3.0, neutrophil=100)),
        score_slide("c", truth(neutrophil=50, erythroblast=50), counted(me_ratio=NAN, neutrophil=50)),
    ]
    figures = evaluate_slides(slides, how=Resampling(0)).figures
    assert [slide.me_ratio_error for slide in slides] == pytest.approx([1.0, NAN, NAN], nan_ok=True)
    assert figures["me_ratio_error"].value == pytest.approx(1.0)
    assert figures["me_ratio_relative_error"].value == pytest.approx(0.25)


def test_several_slides_sum_up() -> None:
    """Bias cancels, absolute error does not; coverage counts all percentages; each class has its own."""
    slides = [
        score_slide("a", truth(blast=20, neutrophil=80), counted(blast=26, neutrophil=74)),
        score_slide("b", truth(blast=20, neutrophil=80), counted(blast=18, neutrophil=82)),
    ]
    evaluation = evaluate_slides(slides, [("c", "no-cells")], Resampling(200))
    assert evaluation.figures["blast/error"].value == pytest.approx(2)
    assert evaluation.figures["blast/absolute_error"].value == pytest.approx(4)
    assert (evaluation.figures["blast/error"].interval.low, evaluation.figures["blast/error"].interval.high) == (-2, 6)
    assert (evaluation.coverage.inside, evaluation.coverage.percentages) == (22, 24)
    assert (evaluation.coverage_of_present.inside, evaluation.coverage_of_present.percentages) == (2, 4)
    assert evaluation.coverage_by_class[BLAST].share == 0.5
    assert evaluation.coverage.interval.low < 22 / 24 < evaluation.coverage.interval.high
    assert evaluation.refused == [("c", "no-cells")]


def test_coverage_of_sampled_slides_leaves_out_what_was_read_to_the_end() -> None:
    """A slide of which half the fit tiles were counted leaves little error of sampling to judge intervals by."""
    whole = score_slide("a", truth(blast=20), counted(blast=20))
    large = replace(truth(blast=20), roi_tiles=201)
    sampled = score_slide("b", large, counted(blast=26))
    half = score_slide("c", replace(large, roi_tiles=200), counted(blast=20))
    assert [slide.sampled for slide in (whole, sampled, half)] == [False, True, False]
    evaluation = evaluate_slides([whole, sampled, half])
    assert (evaluation.coverage_of_sampled.inside, evaluation.coverage_of_sampled.percentages) == (11, 12)
    assert math.isnan(evaluate_slides([whole]).coverage_of_sampled.share)


def test_no_slide_says_nothing() -> None:
    """Where all were refused there are no figures."""
    evaluation = evaluate_slides([], [("a", "no-cells")])
    assert math.isnan(evaluation.figures["mean_absolute_error"].value)
    assert math.isnan(evaluation.coverage.share)
    assert math.isnan(evaluation.coverage.interval.low)
