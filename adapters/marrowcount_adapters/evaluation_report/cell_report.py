"""The report on a cell model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from marrowcount.cytology.cell_types import PAPER_SCORED_CLASSES, CellType
from marrowcount.evaluation.agreement import row_percentages
from marrowcount.evaluation.cell_evaluation import MEASURES
from marrowcount_adapters.evaluation_report.about import about_content, about_lines
from marrowcount_adapters.evaluation_report.confusion_chart import draw_confusion
from marrowcount_adapters.evaluation_report.curve_charts import draw_calibration, draw_cell_curves
from marrowcount_adapters.evaluation_report.gallery import draw_gallery
from marrowcount_adapters.evaluation_report.limits import limits_of_cells
from marrowcount_adapters.evaluation_report.numbers import (
    calibration_content,
    curve_content,
    estimate_content,
    number,
    numbers,
    table,
    words,
    words_of,
)
from marrowcount_adapters.evaluation_report.writing import write_report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from marrowcount.evaluation import CellEvaluation, ClassScores
    from marrowcount_adapters.evaluation_report.about import About, DataNote
    from marrowcount_adapters.evaluation_report.gallery import Panels

__all__ = ["write_cell_report"]

HEADINGS: Final = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "mean_overlap": "mean IoU",
    "average_precision": "AP",
    "log_average_miss_rate": "LAMR",
}
CONFUSION_FILE: Final = "confusion.png"
CURVES_FILE: Final = "precision-recall.png"
CALIBRATION_FILE: Final = "calibration.png"
GALLERY_FILE: Final = "gallery.png"
CONFUSIONS: Final = 12
"""Commonest confusions that are named."""


def write_cell_report(
    evaluation: CellEvaluation, about: About, data: DataNote, folder: Path, shown: Panels = ()
) -> Path:
    """Write text, JSON and pictures; the path of the text. ``shown`` are the pictures for the gallery.

    Raises:
        StorageError: ``cannot-write``.
    """
    pictures = {
        CONFUSION_FILE: draw_confusion(evaluation.confusion),
        CURVES_FILE: draw_cell_curves(evaluation),
        CALIBRATION_FILE: draw_calibration(evaluation.calibration, "finds that are right"),
    }
    if shown:
        pictures[GALLERY_FILE] = draw_gallery(shown, evaluation.how.threshold)
    lines = [*_lines(evaluation, about, data), *_gallery_lines(len(shown))]
    return write_report(folder, lines, _content(evaluation, about, data), pictures)


def _gallery_lines(count: int) -> Iterator[str]:
    if count:
        yield ""
        yield "## Pictures one by one"
        yield ""
        yield f"![The first {count} pictures]({GALLERY_FILE})"
        yield ""
        yield "Above: what is truly there (dashed boxes). Below: what was found (boxes), the most probable first."


def _lines(evaluation: CellEvaluation, about: About, data: DataNote) -> Iterator[str]:
    yield "# Evaluation of a cell model"
    yield ""
    yield from about_lines(about, data)
    yield ""
    yield f"## Figures at IoU {evaluation.how.iou:g}"
    yield ""
    yield (
        f"Precision, recall, F1 and mean IoU at the threshold {evaluation.how.threshold:g}; AP (11 points) and LAMR "
        "over all thresholds. In brackets the interval. A dash: the figure does not exist."
    )
    yield ""
    yield from table(("", "objects", "found", *HEADINGS.values()), _rows(evaluation))
    yield ""
    yield from _agreement_lines(evaluation)
    yield from _confusion_lines(evaluation)
    yield from _picture_lines(evaluation)
    yield "## What was not tested"
    yield ""
    yield from (f"- {limit}" for limit in limits_of_cells(evaluation, data))


def _rows(evaluation: CellEvaluation) -> Iterator[list[str]]:
    scores = evaluation.scores.by_class
    if evaluation.nucleated.true_objects:
        yield _row(evaluation, "nucleated", "**nucleated cell, any class**", evaluation.nucleated)
    if any(score.true_objects for score in scores.values()):
        scored, present = (
            sum(scores[kind].true_objects > 0 for kind in kinds) for kinds in (PAPER_SCORED_CLASSES, CellType)
        )
        yield [f"**mean, {scored} of the paper's 16 classes**", "", "", *_figures(evaluation, "mean")]
        yield [f"**mean, {present} of all 19 classes**", "", "", *_figures(evaluation, "mean_all")]
    for kind in CellType:
        if scores[kind].true_objects:
            yield _row(evaluation, kind.label, kind.label, scores[kind])


def _row(evaluation: CellEvaluation, key: str, name: str, scores: ClassScores) -> list[str]:
    return [name, str(scores.true_objects), str(scores.found_objects), *_figures(evaluation, key)]


def _figures(evaluation: CellEvaluation, key: str) -> list[str]:
    return [words_of(evaluation.figures[f"{key}/{measure}"]) for measure in HEADINGS]


def _agreement_lines(evaluation: CellEvaluation) -> Iterator[str]:
    figures, given = evaluation.figures, evaluation.classification
    invented = [
        f"{kind.label} ({score.found_objects})"
        for kind, score in evaluation.scores.by_class.items()
        if score.found_objects and not score.true_objects
    ]
    yield (
        "Means are over the classes that have objects; of a class of which nothing was found, precision, F1 and mean "
        "IoU count 0."
    )
    yield ""
    if invented:
        yield f"- found, though there is no object of the class: {', '.join(invented)}"
    yield f"- Cohen's kappa of the classes of matched objects: {words_of(figures['cohen_kappa'])}"
    yield (
        "- classification of objects whose places are known: macro F1 "
        f"{words_of(figures['classification/macro_f1'])} over {len(given.by_class)} classes present, accuracy "
        f"{words_of(figures['classification/accuracy'])}"
    )
    yield (
        f"- expected calibration error of finds from {evaluation.how.calibrated_from:g} on: "
        f"{words_of(figures['expected_calibration_error'])}"
    )
    yield ""


def _confusion_lines(evaluation: CellEvaluation) -> Iterator[str]:
    yield "## Confusion matrix"
    yield ""
    yield f"![Confusion matrix]({CONFUSION_FILE})"
    yield ""
    yield (
        "Objects matched by place, whatever their class. In each row, of how many that are truly of the class (in "
        "brackets) so many percent were found as what the column names; a dot stands for less than half a percent."
    )
    yield ""
    confusions = _commonest(evaluation)
    if confusions:
        yield "Commonest confusions:"
        yield ""
        yield from (f"- {confusion}" for confusion in confusions)
        yield ""


def _commonest(evaluation: CellEvaluation) -> list[str]:
    """By number of objects."""
    matrix, percent = evaluation.confusion, row_percentages(evaluation.confusion)
    mixed = [
        (int(matrix[true, found]), float(percent[true, found]), true.label, found.label)
        for true in CellType
        for found in CellType
        if true is not found and matrix[true, found]
    ]
    return [
        f"{true} found as {found}: {count} ({words(share, 1)} %)"
        for count, share, true, found in sorted(mixed, key=lambda one: (-one[0], one[2:]))[:CONFUSIONS]
    ]


def _picture_lines(evaluation: CellEvaluation) -> Iterator[str]:
    yield "## Precision over recall"
    yield ""
    yield f"![Precision over recall]({CURVES_FILE})"
    yield ""
    yield "Grey: as it is; blue: the best at that recall or a higher one, of which average precision is the mean."
    yield ""
    yield "## Calibration"
    yield ""
    yield f"![Calibration]({CALIBRATION_FILE})"
    yield ""
    yield (
        f"Of finds from {evaluation.how.calibrated_from:g} on that were said with a probability, the share that is an "
        "object of that class. On the dashed line what is said is true; under it the model is too sure of itself."
    )
    yield ""


def _content(evaluation: CellEvaluation, about: About, data: DataNote) -> dict[str, object]:
    figures = evaluation.figures
    return {
        "kind": "cells",
        **about_content(about, data),
        "pictures": evaluation.tiles,
        "units": evaluation.units,
        "threshold": evaluation.how.threshold,
        "iou": evaluation.how.iou,
        "nucleated": _class_content(evaluation, "nucleated", evaluation.nucleated),
        "mean": {measure: estimate_content(figures[f"mean/{measure}"]) for measure in MEASURES},
        "mean_all": {measure: estimate_content(figures[f"mean_all/{measure}"]) for measure in MEASURES},
        "classes": {
            kind.label: _class_content(evaluation, kind.label, score)
            for kind, score in evaluation.scores.by_class.items()
        },
        "cohen_kappa": estimate_content(figures["cohen_kappa"]),
        "classification": _classification_content(evaluation),
        "confusion": _confusion_content(evaluation),
        "calibration": calibration_content(evaluation.calibration)
        | {"interval": estimate_content(figures["expected_calibration_error"])},
        "curves": {
            kind.label: curve_content(curve, "recall", "precision")
            for kind, curve in evaluation.curves.items()
            if curve.x.size
        }
        | {"nucleated": curve_content(evaluation.nucleated_curve, "recall", "precision")},
        "not_tested": limits_of_cells(evaluation, data),
    }


def _class_content(evaluation: CellEvaluation, key: str, scores: ClassScores) -> dict[str, object]:
    counts: dict[str, object] = {"true_objects": scores.true_objects, "found_objects": scores.found_objects}
    return counts | {measure: estimate_content(evaluation.figures[f"{key}/{measure}"]) for measure in MEASURES}


def _classification_content(evaluation: CellEvaluation) -> dict[str, object]:
    given = evaluation.classification
    return {
        "macro_f1": estimate_content(evaluation.figures["classification/macro_f1"]),
        "accuracy": estimate_content(evaluation.figures["classification/accuracy"]),
        "classes": {
            kind.label: {
                "cells": score.cells,
                "precision": number(score.precision),
                "recall": number(score.recall),
                "f1": number(score.f1),
            }
            for kind, score in given.by_class.items()
        },
    }


def _confusion_content(evaluation: CellEvaluation) -> dict[str, object]:
    names = [*(kind.label for kind in CellType), "nothing"]
    return {
        "names": names,
        "counts": evaluation.confusion.tolist(),
        "row_percent": [numbers(row) for row in row_percentages(evaluation.confusion)],
    }
