"""The measures are those of independent implementations: pycocotools, scikit-learn, scipy."""

from __future__ import annotations

import contextlib
import io
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from pycocotools.mask import iou as mask_iou
from scipy.stats import binomtest, bootstrap
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
    precision_recall_curve,
    precision_score,
    recall_score,
    roc_auc_score,
    roc_curve,
)

from judged_tiles import KINDS, random_tiles
from marrowcount.cytology.cell_types import NUCLEATED_CLASSES, CellType
from marrowcount.evaluation import (
    CellMeasuring,
    RegionMeasuring,
    Resampling,
    classify,
    cohen_kappa,
    evaluate_cells,
    evaluate_regions,
    matches_of_nucleated,
    pairs_by_middle,
    score_cells,
    score_regions,
)
from marrowcount.evaluation import curves as our_curves
from marrowcount.evaluation.agreement import NOTHING, pairs_by_place
from marrowcount.evaluation.bootstrap import estimates, units_of
from marrowcount.evaluation.calibration import calibration_of, expected_calibration_error
from marrowcount.evaluation.cells import FALSE_POSITIVES_PER_TILE, RECALL_POINTS, average_precision
from marrowcount.evaluation.matching import boxes_of, matches_of_class
from marrowcount.evaluation.slides import Coverage
from marrowcount.slides.suppression import overlaps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from marrowcount.evaluation import JudgedTile

SEEDS = (1, 2, 3)
RECALLS = RECALL_POINTS - 1e-9
"""The same hair of slack as ours: 3/10 and the grid's 0.3 are different floats."""


def coco_average_precision(tiles: Sequence[JudgedTile], category: Callable[[CellType], int]) -> dict[int, float]:
    """AP at IoU 0.5 by COCO's code, made comparable: eleven recall points in place of 101, no limit of 100 finds.

    COCO matches a find to the best true object that is still free, VOC (and we) to the best one, free or not: the
    true objects here do not overlap, so that the two rules agree.
    """
    images = [{"id": number} for number in range(len(tiles))]
    truths = [(number, one) for number, tile in enumerate(tiles) for one in tile.truth]
    annotations = [
        {**_coco(number, one, category), "id": place + 1, "iscrowd": 0} for place, (number, one) in enumerate(truths)
    ]
    categories = sorted({annotation["category_id"] for annotation in annotations})
    found = [
        {**_coco(number, one, category), "score": one.probability} for number, t in enumerate(tiles) for one in t.found
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": images,
            "annotations": annotations,
            "categories": [{"id": each} for each in categories],
            "info": {},
        }
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
        evaluation.params.iouThrs = np.array([0.5])
        evaluation.params.recThrs = RECALLS
        evaluation.params.maxDets = [1000]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][0, :, :, 0, 0]
    return {each: float(precision[:, place].mean()) for place, each in enumerate(categories)}


def _coco(image: int, one: object, category: Callable[[CellType], int]) -> dict[str, object]:
    box = one.box  # type: ignore[attr-defined]
    kind = category(one.cell_type)  # type: ignore[attr-defined]
    edges = [box.left, box.top, box.width, box.height]
    return {"image_id": image, "category_id": kind, "bbox": edges, "area": box.area}


@pytest.mark.parametrize("seed", SEEDS)
def test_average_precision_is_that_of_pycocotools(seed: int) -> None:
    """Of each class."""
    tiles = random_tiles(seed)
    theirs = coco_average_precision(tiles, int)
    ours = score_cells(tiles, 0.5).by_class
    assert set(theirs) == {int(kind) for kind in KINDS}
    for kind in KINDS:
        assert ours[kind].average_precision == pytest.approx(theirs[int(kind)], abs=1e-6)


def test_average_precision_of_nucleated_cells_is_that_of_pycocotools() -> None:
    """Of cells of whatever class: all nucleated classes as one category, the others as another."""
    tiles = random_tiles(4)
    theirs = coco_average_precision(tiles, lambda kind: int(kind in NUCLEATED_CLASSES))
    assert average_precision(matches_of_nucleated(tiles)) == pytest.approx(theirs[1], abs=1e-6)


def test_overlaps_are_those_of_pycocotools() -> None:
    """Intersection over union of every pair of boxes; theirs are left, top, width, height."""
    tile = random_tiles(6, 1)[0]
    first, second = boxes_of(tile.truth), boxes_of(tile.found)
    sized = [np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1) for boxes in (first, second)]
    np.testing.assert_allclose(overlaps(first, second), mask_iou(*sized, [0] * len(second)), atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_log_average_miss_rate_is_that_of_a_plain_search(seed: int) -> None:
    """At each of the nine rates: the lowest miss rate of all thresholds with at most so many false finds a tile.

    No library has it; the search knows nothing of curves.
    """
    tiles = random_tiles(seed)
    for kind in KINDS:
        thresholds = [1.1, *sorted({one.probability for tile in tiles for one in tile.found})]
        matches = matches_of_class(tiles, kind)
        points = [matches.from_probability(threshold) for threshold in thresholds]
        rates = [(int((~p.right).sum()) / len(tiles), 1 - p.right.sum() / p.true_objects) for p in points]
        lowest = [min(miss for false, miss in rates if false <= rate) for rate in FALSE_POSITIVES_PER_TILE]
        ours = score_cells(tiles, 0.5).by_class[kind].log_average_miss_rate
        assert ours == pytest.approx(math.exp(sum(math.log(max(miss, 1e-10)) for miss in lowest) / 9))


@pytest.mark.parametrize("seed", SEEDS)
def test_confusion_and_agreement_are_those_of_libraries(seed: int) -> None:
    """The matrix and kappa are those of scikit-learn, on the same pairs."""
    pairs = pairs_by_place(random_tiles(seed), 0.2)
    matrix = pairs.matrix()
    assert np.array_equal(matrix, confusion_matrix(pairs.true, pairs.found, labels=range(NOTHING + 1)))
    both = (pairs.true != NOTHING) & (pairs.found != NOTHING)
    assert cohen_kappa(matrix[:NOTHING, :NOTHING]) == pytest.approx(
        cohen_kappa_score(pairs.true[both], pairs.found[both])
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_classification_is_that_of_scikit_learn(seed: int) -> None:
    """Macro F1 over the classes present, accuracy, and each class's precision, recall and F1."""
    pairs = pairs_by_middle(random_tiles(seed), 0.3)
    scores, present = classify(pairs.matrix()), sorted(set(pairs.true.tolist()))
    how = {"labels": present, "zero_division": 0}
    assert scores.macro_f1 == pytest.approx(f1_score(pairs.true, pairs.found, average="macro", **how))
    assert scores.accuracy == pytest.approx(accuracy_score(pairs.true, pairs.found))
    for name, theirs in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        ours = [getattr(scores.by_class[CellType(kind)], name) for kind in present]
        assert ours == pytest.approx(theirs(pairs.true, pairs.found, average=None, **how))


@pytest.fixture
def tiles_judged() -> tuple[np.ndarray, np.ndarray]:
    """400 tiles, a fifth of them fit; probabilities with ties."""
    rng = np.random.default_rng(7)
    fit = rng.random(400) < 0.2
    return fit, np.round(np.clip(rng.normal(0.35 + 0.3 * fit, 0.2), 0.01, 0.99), 2) + 0.0005


def test_region_figures_are_those_of_libraries(tiles_judged: tuple[np.ndarray, np.ndarray]) -> None:
    """Those of scikit-learn; specificity is the recall of the unfit, negative predictive value their precision."""
    fit, probabilities = tiles_judged
    ours, accepted = score_regions(fit, probabilities, 0.5), probabilities >= 0.5
    assert ours.accuracy == pytest.approx(accuracy_score(fit, accepted))
    assert ours.precision == pytest.approx(precision_score(fit, accepted))
    assert ours.recall == pytest.approx(recall_score(fit, accepted))
    assert ours.negative_predictive_value == pytest.approx(precision_score(~fit, ~accepted))
    assert ours.roc_auc == pytest.approx(roc_auc_score(fit, probabilities))
    assert ours.specificity == pytest.approx(recall_score(~fit, ~accepted))


def test_curves_are_those_of_scikit_learn(tiles_judged: tuple[np.ndarray, np.ndarray]) -> None:
    """Every point of the ROC and of precision over recall; scikit-learn goes from low thresholds to high ones."""
    fit, probabilities = tiles_judged
    x, y, thresholds = roc_curve(fit, probabilities, drop_intermediate=False)
    ours = our_curves.roc_curve(fit, probabilities)
    for mine, theirs in ((ours.x, x), (ours.y, y), (ours.thresholds, thresholds)):
        np.testing.assert_allclose(mine, theirs)
    precision, recall, thresholds = precision_recall_curve(fit, probabilities)
    ours = our_curves.precision_recall_curve_of(fit, probabilities)
    for mine, theirs in ((ours.x, recall[-2::-1]), (ours.y, precision[-2::-1]), (ours.thresholds, thresholds[::-1])):
        np.testing.assert_allclose(mine, theirs)


def test_calibration_is_that_of_libraries(tiles_judged: tuple[np.ndarray, np.ndarray]) -> None:
    """The curve is that of scikit-learn, the expected error the mean distance of its points, weighted by cases."""
    fit, probabilities = tiles_judged
    ours = calibration_of(probabilities, fit, 8)
    right, stated = calibration_curve(fit, probabilities, n_bins=8)
    np.testing.assert_allclose([one.share_right for one in ours.bins], right)
    np.testing.assert_allclose([one.mean_probability for one in ours.bins], stated)
    cases = np.histogram(probabilities, np.linspace(0, 1, 9))[0]
    theirs = np.average(np.abs(right - stated), weights=cases[cases > 0])
    assert ours.error == expected_calibration_error(probabilities, fit, 8) == pytest.approx(theirs)


def test_intervals_are_those_of_scipy() -> None:
    """The percentile bootstrap of a mean over single tiles, as far as 4,000 draws by other numbers agree."""
    values = np.random.default_rng(8).gamma(2.0, 1.0, 60)
    ours = estimates(lambda times: {"mean": float(times @ values / times.sum())}, units_of([""] * 60), Resampling(4000))
    rng = np.random.default_rng(9)
    theirs = bootstrap((values,), np.mean, n_resamples=4000, method="percentile", rng=rng).confidence_interval
    assert ours["mean"].value == pytest.approx(values.mean())
    assert (ours["mean"].interval.low, ours["mean"].interval.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_bounds_of_the_coverage_are_those_of_scipy() -> None:
    """Clopper and Pearson's."""
    ours, theirs = Coverage(226, 240).interval, binomtest(226, 240).proportion_ci(method="exact")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_a_whole_evaluation_holds_the_same_figures() -> None:
    """What the reports print is what the functions tested here give."""
    tiles = random_tiles(10)
    figures = evaluate_cells(tiles, CellMeasuring(0.3, resampling=Resampling(0))).figures
    theirs = coco_average_precision(tiles, int)
    assert figures["blast/average_precision"].value == pytest.approx(theirs[CellType.BLAST], abs=1e-6)
    assert figures["mean/average_precision"].value == pytest.approx(np.mean(list(theirs.values())), abs=1e-6)
    fit, probabilities = np.arange(60) % 3 == 0, np.random.default_rng(1).random(60)
    regions = evaluate_regions(fit, probabilities, [""] * 60, RegionMeasuring(0.5, resampling=Resampling(0)))
    assert regions.figures["roc_auc"].value == pytest.approx(roc_auc_score(fit, probabilities))
    assert regions.confusion.sum() == 60
