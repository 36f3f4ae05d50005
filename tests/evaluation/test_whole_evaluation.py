"""Everything measured at once holds together."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest

from judged_tiles import KINDS, box, random_tiles
from marrowcount.cytology.cell_types import CellType
from marrowcount.evaluation import (
    CellMeasuring,
    ClassScores,
    JudgedTile,
    RegionMeasuring,
    Resampling,
    RoiScores,
    TrueObject,
    best_f1_threshold,
    cohen_kappa,
    confusion_matrix,
    evaluate_cells,
    evaluate_regions,
    over_folds,
    score_cells,
    score_regions,
)
from marrowcount.evaluation.cell_evaluation import MEASURES
from marrowcount.slides.detections import Detection

FEW = Resampling(draws=60)


def test_figures_are_those_of_the_single_functions() -> None:
    """Counting the matches once gives what matching gives."""
    tiles = random_tiles(1)
    evaluation = evaluate_cells(tiles, CellMeasuring(0.3, resampling=FEW))
    scores = score_cells(tiles, 0.3)
    for kind in KINDS:
        for measure in MEASURES:
            assert evaluation.figures[f"{kind.label}/{measure}"].value == getattr(scores.by_class[kind], measure)
    for measure in MEASURES:
        assert evaluation.figures[f"mean/{measure}"].value == scores.mean(measure)
        assert evaluation.figures[f"mean_all/{measure}"].value == scores.mean(measure, CellType)
    matrix = confusion_matrix(tiles, 0.3)
    assert np.array_equal(evaluation.confusion, matrix)
    assert evaluation.figures["cohen_kappa"].value == cohen_kappa(matrix[:-1, :-1])
    assert (evaluation.tiles, evaluation.units) == (40, 8)


def test_every_measure_of_the_method_is_there() -> None:
    """Section 7, for each class, for nucleated cells and on average."""
    names = set(evaluate_cells(random_tiles(2, 4), CellMeasuring(0.3, resampling=FEW)).figures)
    for group in (*(kind.label for kind in CellType), "nucleated", "mean", "mean_all"):
        assert {f"{group}/{measure}" for measure in MEASURES} <= names
    assert {"cohen_kappa", "classification/macro_f1", "expected_calibration_error"} <= names
    assert set(MEASURES) == {field.name for field in fields(ClassScores)} - {"true_objects", "found_objects"}


def test_intervals_enclose_their_figures() -> None:
    """Of a data set of forty tiles, where the figures are not at their bounds."""
    figures = evaluate_cells(random_tiles(3), CellMeasuring(0.3, resampling=FEW)).figures
    for name in ("mean/f1", "mean/average_precision", "nucleated/recall", "blast/precision", "cohen_kappa"):
        assert figures[name].interval.low < figures[name].value < figures[name].interval.high


def test_calibration_leaves_out_the_many_unlikely_finds() -> None:
    """From ``calibrated_from`` on; the others would hide them."""
    unlikely = tuple(Detection(CellType.BLAST, box(20 * i), 0.01) for i in range(50))
    tile = JudgedTile((TrueObject(CellType.BLAST, box(5000)),), (*unlikely, Detection(CellType.BLAST, box(5000), 0.75)))
    evaluation = evaluate_cells([tile], CellMeasuring(0.5, resampling=FEW))
    assert evaluation.figures["expected_calibration_error"].value == pytest.approx(0.25)
    assert [one.cases for one in evaluation.calibration.bins] == [1]


def test_thresholds_are_settings() -> None:
    """A higher threshold finds less, a stricter overlap matches less."""
    tiles = random_tiles(4)
    low, high = (evaluate_cells(tiles, CellMeasuring(threshold, resampling=Resampling(0))) for threshold in (0.2, 0.8))
    assert high.scores.by_class[CellType.BLAST].found_objects < low.scores.by_class[CellType.BLAST].found_objects
    strict = evaluate_cells(tiles, CellMeasuring(0.2, iou=0.75, resampling=Resampling(0)))
    assert strict.figures["mean/average_precision"].value < low.figures["mean/average_precision"].value
    assert 0.1 <= best_f1_threshold(tiles) <= 0.9


def test_empty_tiles_have_no_figures() -> None:
    """Nothing to find and nothing found: no figure, no interval, no error."""
    evaluation = evaluate_cells([JudgedTile((), ()), JudgedTile((), ())], CellMeasuring(0.5, resampling=FEW))
    assert all(math.isnan(figure.value) and math.isnan(figure.interval.low) for figure in evaluation.figures.values())


def test_regions_by_hand() -> None:
    """Rows unfit and fit, columns refused and accepted; the threshold itself is accepted."""
    fit = np.array([True, True, True, False, False, False, False])
    said = np.array([0.9, 0.5, 0.4, 0.7, 0.3, 0.2, 0.1])
    evaluation = evaluate_regions(fit, said, ["a", "a", "b", "b", "c", "c", "c"], RegionMeasuring(0.5, resampling=FEW))
    assert evaluation.confusion.tolist() == [[3, 1], [1, 2]]
    assert (evaluation.tiles, evaluation.fit_tiles, evaluation.units) == (7, 3, 3)
    assert evaluation.figures["precision"].value == pytest.approx(2 / 3)
    assert {field.name for field in fields(RoiScores)} | {"expected_calibration_error"} == set(evaluation.figures)
    assert evaluation.roc.x[-1] == evaluation.roc.y[-1] == 1


def test_folds_have_a_mean_and_a_spread() -> None:
    """Of 0.8, 0.9, 1.0: mean 0.9, standard deviation 0.1; a figure that does not exist in a fold is left out."""
    folds = [RoiScores(value, 1.0, value, 1.0, 1.0, math.nan) for value in (0.8, 0.9, 1.0)]
    spread = over_folds(folds)
    assert (spread["accuracy"].mean, spread["accuracy"].deviation) == (pytest.approx(0.9), pytest.approx(0.1))
    assert (spread["precision"].deviation, spread["precision"].folds) == (0, 3)
    assert math.isnan(spread["roc_auc"].mean)
    assert spread["roc_auc"].folds == 0
    assert over_folds([]) == {}


def test_one_fold_has_no_spread() -> None:
    """A standard deviation takes two."""
    (spread,) = {over_folds([score_regions(np.array([True]), np.array([0.9]), 0.5)])["accuracy"]}
    assert spread.mean == 1
    assert math.isnan(spread.deviation)
