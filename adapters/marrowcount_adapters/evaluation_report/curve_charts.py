"""Precision over recall, the receiver operating characteristic, and calibration."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.cytology.cell_types import CellType
from marrowcount_adapters.evaluation_report.drawing import BLUE, GREY, INK, VERMILLION, new_figure, png_of, quiet
from marrowcount_adapters.evaluation_report.numbers import words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from marrowcount.evaluation import CellEvaluation, RegionEvaluation
    from marrowcount.evaluation.calibration import Calibration
    from marrowcount.evaluation.curves import Curve

__all__ = ["draw_calibration", "draw_cell_curves", "draw_region_curves"]

COLUMNS: Final = 5
LEAST_COLUMNS: Final = 2
PANEL_INCHES: Final = (2.3, 2.1)
MARGIN: Final = 0.03
TICKS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)


def draw_cell_curves(evaluation: CellEvaluation) -> bytes:
    """Precision over recall, a panel for nucleated cells and one for each class with objects to find."""
    threshold = evaluation.how.threshold
    present = [kind for kind in CellType if evaluation.scores.by_class[kind].true_objects]
    panels = [(kind.label, evaluation.curves[kind], evaluation.scores.by_class[kind]) for kind in present]
    if evaluation.nucleated.true_objects:
        panels.insert(0, ("nucleated, any class", evaluation.nucleated_curve, evaluation.nucleated))
    columns = min(COLUMNS, max(LEAST_COLUMNS, len(panels)))
    rows = max(1, math.ceil(len(panels) / columns))
    figure = new_figure(columns * PANEL_INCHES[0] + 0.4, rows * PANEL_INCHES[1] + 0.6)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (name, curve, scores) in zip(grid.flat, panels, strict=False):
        _share_axes(axes)
        _draw_stepped(axes, curve, threshold)
        axes.set_title(name, fontsize=9, color=INK, loc="left")
        said = f"AP {words(scores.average_precision)}\n{scores.true_objects} objects"
        axes.text(0.04, 0.05, said, fontsize=8, color=INK, transform=axes.transAxes)
    figure.supxlabel(f"recall; dot: threshold {threshold:g}", fontsize=9, color=INK)
    figure.supylabel("precision", fontsize=9, color=INK)
    figure.suptitle(f"Precision over recall, IoU {evaluation.how.iou:g}", fontsize=11, color=INK)
    return png_of(figure)


def draw_region_curves(evaluation: RegionEvaluation) -> bytes:
    """The receiver operating characteristic beside precision over recall, with the operating point on each."""
    figure = new_figure(9.6, 4.8)
    left, right = figure.subplots(1, 2)
    threshold = evaluation.how.threshold
    for axes in (left, right):
        _share_axes(axes)
    _draw_line(left, evaluation.roc, threshold)
    left.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle="--")
    left.set(xlabel="false positive rate (1 - specificity)", ylabel="recall (sensitivity)")
    left.set_title(f"ROC, area {words(evaluation.figures['roc_auc'].value)}", fontsize=11, color=INK, loc="left")
    _draw_stepped(right, evaluation.precision_recall, threshold)
    right.set(xlabel="recall", ylabel="precision")
    right.set_title(f"Precision over recall; dot: threshold {threshold:g}", fontsize=11, color=INK, loc="left")
    return png_of(figure)


def draw_calibration(calibration: Calibration, what: str) -> bytes:
    """Observed over stated share, and under it how many cases each bin holds.

    Args:
        calibration: the bins.
        what: is right or not, for the axis.
    """
    figure = new_figure(5.2, 6.2)
    above, below = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1]})
    _share_axes(above)
    above.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle="--")
    stated = [one.mean_probability for one in calibration.bins]
    above.plot(stated, [one.share_right for one in calibration.bins], color=BLUE, marker="o", markersize=5)
    above.set_ylabel(f"share of {what}")
    error = words(calibration.error)
    above.set_title(f"Calibration, expected error {error}", fontsize=11, color=INK, loc="left")
    widths = [one.high - one.low for one in calibration.bins]
    lows = [one.low for one in calibration.bins]
    quiet(below)
    below.bar(lows, [one.cases for one in calibration.bins], widths, align="edge", color=BLUE, edgecolor="white")
    below.set_yscale("symlog", linthresh=1)
    below.set_ylim(bottom=0)
    below.set(xlabel="stated probability", ylabel="cases")
    return png_of(figure)


def _share_axes(axes: Axes) -> None:
    quiet(axes)
    axes.set(xlim=(-MARGIN, 1 + MARGIN), ylim=(-MARGIN, 1 + MARGIN))
    axes.set_xticks(TICKS)
    axes.set_yticks(TICKS)


def _draw_stepped(axes: Axes, curve: Curve, threshold: float) -> None:
    """Precision as it is, and the best that a recall or a higher one still gives, which is what is averaged."""
    if not curve.x.size:
        return
    best = np.maximum.accumulate(curve.y[::-1])[::-1]
    axes.step(np.append(0.0, curve.x), np.append(best[0], best), where="pre", color=BLUE, linewidth=1.6)
    axes.plot(curve.x, curve.y, color=GREY, linewidth=0.7)
    _mark(axes, curve, threshold)


def _draw_line(axes: Axes, curve: Curve, threshold: float) -> None:
    if curve.x.size:
        axes.plot(curve.x, curve.y, color=BLUE, linewidth=1.6)
        _mark(axes, curve, threshold)


def _mark(axes: Axes, curve: Curve, threshold: float) -> None:
    """A dot at the lowest threshold that is not below the one in use."""
    place = int((curve.thresholds >= threshold).sum()) - 1
    if place >= 0:
        axes.plot(curve.x[place], curve.y[place], "o", color=VERMILLION, markersize=6, clip_on=False)
