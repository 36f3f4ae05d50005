"""The report on a ROI model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from marrowcount_adapters.evaluation_report.about import about_content, about_lines
from marrowcount_adapters.evaluation_report.curve_charts import draw_calibration, draw_region_curves
from marrowcount_adapters.evaluation_report.limits import limits_of_regions
from marrowcount_adapters.evaluation_report.numbers import (
    calibration_content,
    curve_content,
    estimate_content,
    table,
    words_of,
)
from marrowcount_adapters.evaluation_report.writing import write_report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from marrowcount.evaluation import RegionEvaluation
    from marrowcount_adapters.evaluation_report.about import About, DataNote

__all__ = ["write_region_report"]

CURVES_FILE: Final = "roc.png"
CALIBRATION_FILE: Final = "calibration.png"
PAPER: Final = {
    "accuracy": "0.97",
    "precision": "0.90",
    "recall": "0.78",
    "specificity": "0.99",
    "negative_predictive_value": "0.99",
    "roc_auc": "0.99",
}
"""Tayebi 2022, means over five folds of real slides."""


def write_region_report(evaluation: RegionEvaluation, about: About, data: DataNote, folder: Path) -> Path:
    """Write text, JSON and pictures; the path of the text.

    Raises:
        StorageError: ``cannot-write``.
    """
    pictures = {
        CURVES_FILE: draw_region_curves(evaluation),
        CALIBRATION_FILE: draw_calibration(evaluation.calibration, "pictures that are fit"),
    }
    return write_report(folder, _lines(evaluation, about, data), _content(evaluation, about, data), pictures)


def _lines(evaluation: RegionEvaluation, about: About, data: DataNote) -> Iterator[str]:
    yield "# Evaluation of a ROI model"
    yield ""
    yield from about_lines(about, data)
    yield ""
    yield f"## Figures at threshold {evaluation.how.threshold:g}"
    yield ""
    yield from table(
        ("", "value (interval)", "Tayebi 2022"),
        (
            (name.replace("_", " "), words_of(figure), PAPER.get(name, "-"))
            for name, figure in evaluation.figures.items()
        ),
    )
    yield ""
    (refused_unfit, accepted_unfit), (refused_fit, accepted_fit) = evaluation.confusion.tolist()
    yield from table(
        ("", "refused", "accepted"),
        (("truly unfit", str(refused_unfit), str(accepted_unfit)), ("truly fit", str(refused_fit), str(accepted_fit))),
    )
    yield ""
    yield f"![ROC and precision over recall]({CURVES_FILE})"
    yield ""
    yield f"![Calibration]({CALIBRATION_FILE})"
    yield ""
    yield "## What was not tested"
    yield ""
    yield from (f"- {limit}" for limit in limits_of_regions(evaluation, data))


def _content(evaluation: RegionEvaluation, about: About, data: DataNote) -> dict[str, object]:
    return {
        "kind": "roi",
        **about_content(about, data),
        "pictures": evaluation.tiles,
        "fit_pictures": evaluation.fit_tiles,
        "units": evaluation.units,
        "threshold": evaluation.how.threshold,
        "figures": {name: estimate_content(figure) for name, figure in evaluation.figures.items()},
        "confusion": {
            "rows": ["unfit", "fit"],
            "columns": ["refused", "accepted"],
            "counts": evaluation.confusion.tolist(),
        },
        "roc": curve_content(evaluation.roc, "false_positive_rate", "recall"),
        "precision_recall": curve_content(evaluation.precision_recall, "recall", "precision"),
        "calibration": calibration_content(evaluation.calibration),
        "not_tested": limits_of_regions(evaluation, data),
    }
