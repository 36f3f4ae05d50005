"""Counted slides beside the truth: errors with their intervals, and convergence curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.lines import Line2D

from marrowcount.cytology.cell_types import NDC_CLASSES
from marrowcount_adapters.evaluation_report.drawing import (
    BLUE,
    CYCLE,
    GREY,
    INK,
    VERMILLION,
    new_figure,
    png_of,
    quiet,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from marrowcount.cytology.cell_types import CellType
    from marrowcount.evaluation.slides import SlideScores

__all__ = ["draw_convergence", "draw_errors"]

SPREAD: Final = 0.66
"""Share of a class's row over which the slides lie."""


def draw_errors(slides: Sequence[SlideScores]) -> bytes:
    """Counted less true percentage of each class and slide, with the stated interval; what misses it is marked."""
    figure = new_figure(9.0, 1.6 + len(NDC_CLASSES) * max(0.4, 0.09 * len(slides)))
    axes = quiet(figure.subplots())
    axes.axvline(0, color=INK, linewidth=1.0)
    for row, kind in enumerate(NDC_CLASSES):
        for place, slide in zip(_places(row, len(slides)), slides, strict=True):
            _draw_error(axes, slide, kind, place)
    axes.set_yticks(range(len(NDC_CLASSES)), [kind.label for kind in NDC_CLASSES])
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("counted less true percentage, points; whiskers: the stated interval less the truth")
    axes.set_title(
        "Error of the differential; slides from top to bottom as in the table", fontsize=11, color=INK, loc="left"
    )
    marks = [
        Line2D([], [], color=BLUE, marker="o", markersize=5, linestyle="", label="the interval holds the truth"),
        Line2D([], [], color=VERMILLION, marker="X", markersize=6, linestyle="", label="it does not"),
    ]
    figure.legend(handles=marks, loc="outside lower right", fontsize=8, frameon=False, ncols=2)
    return png_of(figure)


def draw_convergence(slides: Sequence[SlideScores]) -> bytes:
    """Chi-square distance over counted tiles, a line each slide, coloured by diagnosis."""
    figure = new_figure(9.0, 5.0)
    axes = quiet(figure.subplots())
    profiles = sorted({slide.truth.profile for slide in slides})
    colours = {profile: CYCLE[place % len(CYCLE)] for place, profile in enumerate(profiles)}
    for slide in slides:
        distances, profile = slide.counted.distances, slide.truth.profile
        shown = np.where(np.isfinite(distances) & (distances > 0), distances, np.nan)
        axes.plot(np.arange(1, distances.size + 1), shown, color=colours[profile], linewidth=0.9)
    axes.set_yscale("log")
    axes.set(xlabel="tiles counted", ylabel="chi-square distance (Tayebi 2022, Eq. 1)")
    axes.set_title("Convergence of the histogram of cell types", fontsize=11, color=INK, loc="left")
    named = [Line2D([], [], color=colours[one], label=one or "not named") for one in profiles]
    axes.legend(handles=named, fontsize=8, frameon=False, title="diagnosis", title_fontsize=8)
    return png_of(figure)


def _places(row: int, slides: int) -> list[float]:
    return [row + SPREAD * ((place + 0.5) / slides - 0.5) for place in range(slides)]


def _draw_error(axes: Axes, slide: SlideScores, kind: CellType, place: float) -> None:
    truth, share, inside = slide.truth.percent[kind], slide.counted.shares[kind], slide.inside[kind]
    colour = BLUE if inside else VERMILLION
    low, high = share.interval.low - truth, share.interval.high - truth
    axes.plot([low, high], [place, place], color=colour if not inside else GREY, linewidth=0.9)
    axes.plot(slide.errors[kind], place, "o" if inside else "X", color=colour, markersize=4 if inside else 6)
