"""Mean average precision against the number of labelled objects."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from marrowcount.active_learning import PAPER_ROUNDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from marrowcount.active_learning import StudyRound

__all__ = ["draw_learning_curve"]

SIZE_INCHES: Final = (9.6, 4.8)
DPI: Final = 120
INK: Final = "#222222"
GREY: Final = "#8A8A8A"
LINES: Final = "#DDDDDD"
# Okabe and Ito 2008.
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")


def draw_learning_curve(rounds: Sequence[StudyRound]) -> bytes:
    """The arms of a study as a PNG picture, with 95 % intervals; beside it the paper's own curve, on real marrow."""
    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, facecolor="white", layout="constrained")
    ours, papers = figure.subplots(1, 2, width_ratios=[3, 2])
    arms = dict.fromkeys(one.arm for one in rounds)
    for arm, colour in zip(arms, np.resize(np.array(COLOURS), len(arms)).tolist(), strict=True):
        _draw_arm(ours, [one for one in rounds if one.arm == arm], arm, colour)
    _axes(ours, "phantom, held-out slides")
    ours.legend(frameon=False, fontsize=9, loc="lower right")
    papers.plot(*zip(*PAPER_ROUNDS, strict=True), color=GREY, marker="o", markersize=4)
    _axes(papers, "Tayebi 2022, table 4: real marrow")
    papers.set_ylim(0, 1)
    FigureCanvasAgg(figure)
    file = BytesIO()
    figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    return file.getvalue()


def _draw_arm(axes: Axes, rounds: Sequence[StudyRound], arm: str, colour: str) -> None:
    objects, means = [one.objects for one in rounds], np.array([one.mean for one in rounds])
    bounds = np.array([(one.mean - one.low, one.high - one.mean) for one in rounds]).T
    axes.errorbar(
        objects,
        means,
        yerr=np.nan_to_num(bounds).clip(min=0),
        color=colour,
        marker="o",
        markersize=4,
        linewidth=1.4,
        elinewidth=0.8,
        capsize=2,
        label=arm,
    )


def _axes(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10, color=INK)
    axes.set_xlabel("labelled objects", fontsize=9, color=INK)
    axes.set_ylabel("mAP@0.5, 11 points, 16 classes", fontsize=9, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(labelsize=8, colors=GREY, labelcolor=INK)
    axes.grid(visible=True, color=LINES, linewidth=0.6)
    axes.set_axisbelow(True)
