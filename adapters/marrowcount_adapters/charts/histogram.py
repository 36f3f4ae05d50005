"""The IHCT as a bar chart (Tayebi 2022, figure 5): 19 classes, with percentages and intervals for the differential."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from matplotlib.figure import Figure

from marrowcount import __version__
from marrowcount.cytology.cell_types import NDC_CLASSES, CellType
from marrowcount.cytology.convergence import StoppingReason
from marrowcount.cytology.palette import PALETTE
from marrowcount.result import RESEARCH_USE_ONLY
from marrowcount.review import ReportStatus
from marrowcount.review.words import status_sentence
from marrowcount.workflow.identity import PRODUCT, percent_bounds, published_ratio
from marrowcount_adapters.charts.png import png_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from marrowcount.cytology.differential import ClassShare, Differential
    from marrowcount.review import Report

__all__ = ["draw_ihct"]

SIZE_INCHES: Final = (11.0, 7.6)
DPI: Final = 120
INK: Final = "#222222"
GREY: Final = "#6B6B6B"
CAUTION: Final = "#B00020"

OTHERS: Final = tuple(cell_type for cell_type in CellType if cell_type not in NDC_CLASSES)
"""Classes outside the differential, in their own order."""

ENDINGS: Final[Mapping[StoppingReason, str]] = {
    StoppingReason.CONVERGED: "histogram converged",
    StoppingReason.PRECISE_ENOUGH: "interval precise enough",
    StoppingReason.CAP: "tile limit reached, rule not met",
    StoppingReason.SLIDE_EXHAUSTED: "slide exhausted, rule not met",
}


@dataclass(frozen=True, slots=True)
class _Bar:
    """One class: its count, where the interval of the count lies, and what is written beside it."""

    cell_type: CellType
    count: int
    low: float
    high: float
    words: str


def draw_ihct(report: Report) -> bytes:
    """The integrated histogram as a PNG picture.

    Bars are counts; whiskers are the 95 % intervals of the percentages, on the same scale (sampling error only).
    """
    result = report.result
    held = report.differential or result.differential
    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, facecolor="white")
    differential, others = figure.subplots(
        2, 1, gridspec_kw={"height_ratios": [len(NDC_CLASSES), len(OTHERS)], "hspace": 0.3}
    )
    figure.subplots_adjust(left=0.17, right=0.96, top=0.83, bottom=0.125)
    _draw(differential, [_differential_bar(share, held.total) for share in held.shares])
    _draw(others, [_other_bar(cell_type, result.histogram[cell_type]) for cell_type in OTHERS])
    differential.set_title("Nucleated differential count", loc="left", fontsize=10, fontweight="bold", color=INK)
    others.set_title("Outside the differential", loc="left", fontsize=10, fontweight="bold", color=INK)
    others.set_xlabel("objects counted", fontsize=9, color=GREY)
    _write(figure, report, held)
    return png_of(figure)


def _differential_bar(share: ClassShare, total: int) -> _Bar:
    low, high = percent_bounds(share.interval)
    words = f"{share.count:,}   {share.percent} %   ({low} to {high})" if total else "0"
    scale = total / 100
    return _Bar(share.cell_type, share.count, share.interval.low * scale, share.interval.high * scale, words)


def _other_bar(cell_type: CellType, count: int) -> _Bar:
    return _Bar(cell_type, count, count, count, f"{count:,}")


def _draw(axes: Axes, bars: Sequence[_Bar]) -> None:
    places = range(len(bars))
    colours = [PALETTE[bar.cell_type] for bar in bars]
    axes.barh(places, [bar.count for bar in bars], color=colours, edgecolor=INK, linewidth=0.5, height=0.72)
    longest = max(1.0, *(bar.high for bar in bars))
    for place, bar in zip(places, bars, strict=True):
        if bar.high > bar.low:
            axes.plot([bar.low, bar.high], [place, place], color=INK, linewidth=1.2, marker="|", markersize=6)
        axes.text(max(bar.count, bar.high) + longest * 0.012, place, bar.words, va="center", fontsize=8.5, color=INK)
    axes.set_yticks(list(places), [bar.cell_type.label for bar in bars], fontsize=9, color=INK)
    axes.invert_yaxis()
    axes.set_xlim(0, longest * 1.32)
    axes.tick_params(axis="x", labelsize=8, colors=GREY)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(GREY)
    axes.xaxis.grid(visible=True, color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)


def _write(figure: Figure, report: Report, differential: Differential) -> None:
    left, result = 0.03, report.result
    figure.text(left, 0.955, "Integrated histogram of cell types", fontsize=15, fontweight="bold", color=INK)
    figure.text(
        left,
        0.922,
        f"{differential.total:,} cells in the differential on {result.tiles_counted:,} of {result.tiles_looked_at:,} "
        f"tiles looked at  ·  {ENDINGS[result.stopping.reason]}  ·  M:E {_ratio(differential.me_ratio)}  ·  "
        f"BMME {_ratio(differential.bmme)}  ·  chi-square distance {_distance(result.stopping.distance)}",
        fontsize=9,
        color=INK,
    )
    figure.text(left, 0.893, _caution(report), fontsize=9, fontweight="bold", color=CAUTION)
    models = "  ·  ".join(
        f"{model.task.value}: {model.name} {model.version} ({model.sha256[:8]})" for model in result.models
    )
    figure.text(
        left,
        0.022,
        f"{PRODUCT} {__version__}  ·  {models}  ·  {result.counted_at:%Y-%m-%d %H:%M %Z}\n"
        "Percentages are of the differential; whiskers and brackets: exact 95 % intervals, sampling error only.",
        fontsize=7.5,
        color=GREY,
    )


def _caution(report: Report) -> str:
    words = "PRELIMINARY - RESEARCH USE ONLY. Not for use in diagnostic procedures."
    if report.status is not ReportStatus.PRELIMINARY:
        words = f"{status_sentence(report)} {RESEARCH_USE_ONLY}"
    codes = ", ".join(warning.partition(":")[0] for warning in report.result.warnings)
    return f"{words}  Warnings: {codes}." if codes else words


def _ratio(ratio: float | None) -> str:
    published = published_ratio(ratio)
    return "undefined" if published is None else f"{published}"


def _distance(distance: float | None) -> str:
    return "undefined" if distance is None else f"{distance:.2g}"
