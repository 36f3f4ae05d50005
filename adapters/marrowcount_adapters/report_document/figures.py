"""The differential as a table, with the integrated histogram of cell types (IHCT) drawn in its rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from marrowcount.cytology.cell_types import NDC_CLASSES, CellType
from marrowcount.cytology.palette import PALETTE
from marrowcount.workflow.identity import percent_bounds
from marrowcount_adapters.report_document.lettering import Style
from marrowcount_adapters.report_document.page import Area

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marrowcount.cytology.differential import ClassShare
    from marrowcount.review import Report
    from marrowcount_adapters.report_document.page import Page

__all__ = ["draw_table"]

OTHERS: Final = tuple(cell_type for cell_type in CellType if cell_type not in NDC_CLASSES)

ROW_MM: Final = 3.55
HEAD: Final = Style(6.8, bold=True)
SMALL: Final = Style(5.5, "#6B6B6B")
BODY: Final = Style(6.8)
GRID: Final = "#DDDDDD"
INK: Final = "#222222"

COUNT_MM: Final = 46.0
PERCENT_MM: Final = 57.0
INTERVAL_MM: Final = 75.0
BARS_MM: Final = 79.0
"""From the table's left edge: right edges of the columns of figures, left edge of the bars."""

MOST_TICKS: Final = 5


@dataclass(frozen=True, slots=True)
class _Row:
    """A class.

    Attributes:
        length: of its bar, in the unit of the part's scale.
        low: where its whisker begins, likewise; as ``high`` where it has none.
        high: where it ends.
    """

    cell_type: CellType
    count: int
    percent: str
    interval: str
    length: float
    low: float
    high: float


def draw_table(page: Page, room: Area, report: Report) -> float:
    """Draw both parts of the table.

    Returns:
        Where it ends, in millimetres from the page's top.
    """
    result = report.result
    differential = report.differential or result.differential
    rows = [_differential_row(share, differential.total) for share in differential.shares]
    top = _draw_part(page, room, ("Nucleated differential", "cells", "%", "95 % interval"), rows, "%")
    page.write((room.left + BARS_MM, room.top + 2.4), "Integrated histogram (IHCT)", SMALL)
    total = Area(room.left, top - 1.2, room.width, 0)
    page.write((total.left + 3.2, total.top), "Total", HEAD)
    page.write((total.left + COUNT_MM, total.top), f"{differential.total:,}", HEAD, align="right")
    page.write((total.left + PERCENT_MM, total.top), "100.0" if differential.total else "-", HEAD, align="right")
    others = [_other_row(cell_type, result.histogram[cell_type]) for cell_type in OTHERS]
    below = Area(room.left, top + 2.2, room.width, room.height)
    return _draw_part(page, below, ("Outside the differential", "objects", "", ""), others, "")


def _differential_row(share: ClassShare, total: int) -> _Row:
    if not total:
        return _Row(share.cell_type, 0, "-", "-", 0, 0, 0)
    low, high = percent_bounds(share.interval)
    length = 100 * share.count / total
    words = f"{low} to {high}"
    return _Row(
        share.cell_type, share.count, f"{share.percent}", words, length, share.interval.low, share.interval.high
    )


def _other_row(cell_type: CellType, count: int) -> _Row:
    return _Row(cell_type, count, "", "", count, count, count)


def _draw_part(page: Page, room: Area, heads: tuple[str, str, str, str], rows: Sequence[_Row], unit: str) -> float:
    base = room.top + 2.4
    name, count, percent, interval = heads
    page.write((room.left, base), name, HEAD)
    for right, head in ((COUNT_MM, count), (PERCENT_MM, percent), (INTERVAL_MM, interval)):
        page.write((room.left + right, base), head, SMALL, align="right")
    first = room.top + 3.4
    bars = Area(room.left + BARS_MM, first, room.width - BARS_MM, ROW_MM * len(rows))
    longest = max(row.high for row in rows)
    mm_per_unit = bars.width / longest if longest else 0.0
    _draw_grid(page, bars, longest, mm_per_unit, unit)
    for place, row in enumerate(rows):
        _draw_row(page, Area(room.left, first + place * ROW_MM, room.width, ROW_MM), row, mm_per_unit)
    return bars.bottom + ROW_MM


def _draw_row(page: Page, area: Area, row: _Row, mm_per_unit: float) -> None:
    base, left = area.bottom - 1.05, area.left
    colour = PALETTE[row.cell_type]
    page.fill(Area(left, area.top + 0.75, 2.1, 2.1), colour, edge=INK)
    page.write((left + 3.2, base), row.cell_type.label, BODY)
    page.write((left + COUNT_MM, base), f"{row.count:,}", BODY, align="right")
    page.write((left + PERCENT_MM, base), row.percent, BODY, align="right")
    page.write((left + INTERVAL_MM, base), row.interval, BODY, align="right")
    bars, middle = left + BARS_MM, area.top + ROW_MM / 2
    if row.length:
        page.fill(Area(bars, area.top + 0.6, row.length * mm_per_unit, ROW_MM - 1.2), colour, edge=INK)
    if row.high > row.low:
        low, high = bars + row.low * mm_per_unit, bars + row.high * mm_per_unit
        page.line((low, middle), (high, middle), INK, 0.7)
        for end in (low, high):
            page.line((end, middle - 0.7), (end, middle + 0.7), INK, 0.7)


def _draw_grid(page: Page, bars: Area, longest: float, mm_per_unit: float, unit: str) -> None:
    """Lines at round values, behind the bars."""
    step = _step(longest)
    for number in range(int(longest / step) + 1 if step else 1):
        x = bars.left + number * step * mm_per_unit
        page.line((x, bars.top), (x, bars.bottom), GRID, 0.5)
        words = f"{number * step:,.4g}" if number else f"0 {unit}".strip()
        page.write((x, bars.bottom + 2.1), words, SMALL, align="center")


def _step(longest: float) -> float:
    """A round distance between lines, at least 1, so that there are at most so many; 0 where nothing was counted."""
    if not longest:
        return 0.0
    power = 10.0 ** math.floor(math.log10(longest / MOST_TICKS))
    steps = (max(1.0, step * power) for step in (1, 2, 5, 10))
    return next(step for step in steps if longest / step <= MOST_TICKS)
