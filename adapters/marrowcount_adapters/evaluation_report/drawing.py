"""Common ground of the pictures: colours that the colour-blind tell apart, quiet axes, PNG bytes."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Final

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BLUE", "CYCLE", "GREEN", "GREY", "INK", "LINES", "ORANGE", "VERMILLION", "new_figure", "png_of", "quiet"]

DPI: Final = 120
INK: Final = "#222222"
GREY: Final = "#6B6B6B"
LINES: Final = "#DDDDDD"

# Okabe and Ito 2008.
BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
GREEN: Final = "#009E73"
VERMILLION: Final = "#D55E00"
CYCLE: Final = (BLUE, VERMILLION, GREEN, "#CC79A7", ORANGE, "#56B4E9", INK)


def new_figure(width_inches: float, height_inches: float) -> Figure:
    """An empty white figure whose parts make room for each other."""
    return Figure(figsize=(width_inches, height_inches), dpi=DPI, facecolor="white", layout="constrained")


def quiet(axes: Axes, *, grid: bool = True) -> Axes:
    """Grey axes that leave the eye to the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(labelsize=8, colors=GREY, labelcolor=INK)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_fontsize(9)
        axis.label.set_color(INK)
    if grid:
        axes.grid(visible=True, color=LINES, linewidth=0.6)
        axes.set_axisbelow(True)
    return axes


def png_of(figure: Figure) -> bytes:
    """Draw with Agg, no window system, no global state; no software name or time in the file."""
    FigureCanvasAgg(figure)
    file = BytesIO()
    figure.savefig(file, format="png", dpi=figure.dpi, metadata={"Software": None})
    return file.getvalue()
