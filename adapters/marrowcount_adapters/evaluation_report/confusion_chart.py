"""The confusion matrix by row percentage (Tayebi 2022, figure 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.cytology.cell_types import CellType
from marrowcount.evaluation.agreement import NOTHING, row_percentages
from marrowcount_adapters.evaluation_report.drawing import GREY, INK, LINES, new_figure, png_of, quiet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["draw_confusion"]

CELL_INCHES: Final = 0.44
LABEL_INCHES: Final = 2.1
DARK_FROM: Final = 55.0
"""Percent from which white digits are read better than black ones."""
SHOWN_FROM: Final = 0.5
"""Percent below which a field stays empty, unless it holds something: then a dot."""


def draw_confusion(matrix: NDArray[np.int64]) -> bytes:
    """True class (rows) by found class (columns), percent of each row; only classes that occur.

    Args:
        matrix: counts, (20, 20), the last row and column are "nothing".
    """
    rows, columns = (np.flatnonzero(matrix.sum(axis=axis)).tolist() for axis in (1, 0))
    size = [CELL_INCHES * max(len(places), 2) for places in (columns, rows)]
    figure = new_figure(size[0] + LABEL_INCHES + 0.4, size[1] + LABEL_INCHES)
    axes = quiet(figure.subplots(), grid=False)
    percent = row_percentages(matrix)[np.ix_(rows, columns)] if rows else np.zeros((1, 1))
    axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    _write(axes, percent)
    _rule(axes, rows, columns)
    axes.set_xticks(range(len(columns)), [_name(place, "not found") for place in columns], rotation=55, ha="right")
    axes.set_yticks(range(len(rows)), [_row_name(matrix, place) for place in rows])
    axes.set_xlabel("found as")
    axes.set_ylabel("truly")
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_title("Percent of each true class", fontsize=11, color=INK, loc="left")
    return png_of(figure)


def _write(axes: Axes, percent: NDArray[np.float64]) -> None:
    for row, column in np.argwhere(percent > 0).tolist():
        value = float(percent[row, column])
        said = f"{value:.0f}" if value >= SHOWN_FROM else "·"
        colour = "white" if value >= DARK_FROM else INK
        axes.text(column, row, said, ha="center", va="center", fontsize=8, color=colour)


def _rule(axes: Axes, rows: Sequence[int], columns: Sequence[int]) -> None:
    """Fine lines between the classes, and a clear one before "nothing"."""
    for draw, places in ((axes.axhline, rows), (axes.axvline, columns)):
        for place in range(1, len(places)):
            last = places[place] == NOTHING
            draw(place - 0.5, color=GREY if last else LINES, linewidth=1.2 if last else 0.5)


def _name(place: int, nothing: str) -> str:
    return nothing if place == NOTHING else CellType(place).label


def _row_name(matrix: NDArray[np.int64], place: int) -> str:
    return f"{_name(place, 'nothing there')}  ({_count(matrix[place])})"


def _count(row: Sequence[int] | NDArray[np.int64]) -> str:
    return f"{int(np.sum(row)):,}"
