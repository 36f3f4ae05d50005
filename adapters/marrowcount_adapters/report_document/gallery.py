"""The gallery on the page: a row for each class found, the most certain cells left, the least certain right."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from marrowcount.cytology.cell_types import NDC_CLASSES, CellType
from marrowcount.cytology.palette import PALETTE
from marrowcount.slides.gallery import CELLS_EACH, Certain
from marrowcount_adapters.report_document.lettering import Style, wrapped
from marrowcount_adapters.report_document.page import Area, line_height_mm
from marrowcount_adapters.report_document.strips import by_class
from marrowcount_adapters.report_document.words import field_note

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from marrowcount.ports import Picture
    from marrowcount.result import CountResult
    from marrowcount.workflow.illustrate import CellPicture, Illustrations
    from marrowcount_adapters.report_document.page import Page

__all__ = ["draw_gallery"]

ORDER: Final = (*NDC_CLASSES, *(cell_type for cell_type in CellType if cell_type not in NDC_CLASSES))
"""As in the table."""

HEAD: Final = Style(7.5, bold=True)
LABEL: Final = Style(6.3, bold=True)
SMALL: Final = Style(5.0, "#444444")
NOTE: Final = Style(5.5, "#6B6B6B")

COLUMNS: Final = 2
BETWEEN_MM: Final = 5.0
LABEL_MM: Final = 24.0
GAP_MM: Final = 0.8
APART_MM: Final = 1.6
"""Between the most and the least certain."""
WORDS_MM: Final = 2.6
"""Height of the line of probabilities."""
HEAD_MM: Final = 7.0
LARGEST_MM: Final = 11.0
PRINTED_PX: Final = 76
"""Side of a cell's picture: 175 dots per inch at its largest, 200 where all classes are found."""


def draw_gallery(page: Page, room: Area, result: CountResult, illustrations: Illustrations) -> None:
    """Draw a row for each class of which a cell was found; the rows are as high as the room allows.

    Args:
        page: on which.
        room: for all of it.
        result: the count.
        illustrations: with the cells' pictures.
    """
    shown = by_class(illustrations)
    found = [cell_type for cell_type in ORDER if cell_type in shown]
    page.write((room.left, room.top + 2.6), "Gallery", HEAD)
    page.write((room.left + 14, room.top + 2.6), field_note(), NOTE, room_mm=room.width - 14)
    rows = math.ceil(len(found) / COLUMNS)
    column_mm = (room.width - BETWEEN_MM) / COLUMNS
    row_mm = min((room.height - HEAD_MM) / max(1, rows), LARGEST_MM + WORDS_MM)
    side = min(row_mm - WORDS_MM, (column_mm - LABEL_MM - APART_MM) / (2 * CELLS_EACH) - GAP_MM)
    for place, cell_type in enumerate(found):
        column, row = divmod(place, rows)
        left = room.left + column * (column_mm + BETWEEN_MM)
        if row == 0:
            _draw_heads(page, left, room.top + HEAD_MM - 1.2, side)
        area = Area(left, room.top + HEAD_MM + row * row_mm, column_mm, row_mm)
        _draw_row(page, area, side, shown[cell_type], result.histogram[cell_type])


def _draw_heads(page: Page, left: float, base: float, side: float) -> None:
    for first, words in ((0, "most certain"), (CELLS_EACH, "least certain")):
        page.write((_cell_left(left, first, side), base), words, NOTE)


def _cell_left(left: float, place: int, side: float) -> float:
    apart = APART_MM if place >= CELLS_EACH else 0.0
    return left + LABEL_MM + place * (side + GAP_MM) + apart


def _draw_row(page: Page, area: Area, side: float, cells: Sequence[CellPicture], count: int) -> None:
    cell_type = cells[0].cell.detection.cell_type
    page.fill(Area(area.left, area.top, 1.2, side), PALETTE[cell_type], edge="#222222")
    lines = wrapped(cell_type.label, LABEL, LABEL_MM - 3)
    for number, line in enumerate(lines):
        page.write((area.left + 2.2, area.top + 2.3 + number * line_height_mm(LABEL)), line, LABEL)
    page.write((area.left + 2.2, area.top + 2.3 + len(lines) * line_height_mm(LABEL)), f"{count:,} found", SMALL)
    slots = _slots(cells)
    apart = APART_MM / side
    left, width = area.left + LABEL_MM, 2 * CELLS_EACH * (side + GAP_MM) - GAP_MM + APART_MM
    page.picture(_side_by_side(slots, GAP_MM / side, apart), Area(left, area.top, width, side))
    for slot, shown in slots.items():
        middle = _cell_left(area.left, slot, side) + side / 2
        page.write((middle, area.top + side + 1.9), f"{shown.cell.detection.probability:.2f}", SMALL, align="center")


def _slots(cells: Sequence[CellPicture]) -> Mapping[int, CellPicture]:
    """Which of the row's places each has: the most certain from the left, the least certain to the right."""
    most = [one for one in cells if one.cell.certain is Certain.MOST]
    least = [one for one in cells if one.cell.certain is Certain.LEAST]
    return {**dict(enumerate(most)), **dict(enumerate(least, start=2 * CELLS_EACH - len(least)))}


def _side_by_side(slots: Mapping[int, CellPicture], gap: float, apart: float) -> Picture:
    """One picture of the row: a page draws faster and is smaller with fewer pictures.

    Args:
        slots: the cells by their places.
        gap: between two cells, in sides of a cell.
        apart: more of it in the middle of the row.
    """
    width = 2 * CELLS_EACH * (1 + gap) - gap + apart
    strip = np.full((PRINTED_PX, round(width * PRINTED_PX), 3), 255, np.uint8)
    for slot, shown in slots.items():
        left = round((slot * (1 + gap) + (apart if slot >= CELLS_EACH else 0.0)) * PRINTED_PX)
        picture = Image.fromarray(shown.picture).resize((PRINTED_PX, PRINTED_PX), Image.Resampling.LANCZOS)
        strip[:, left : left + PRINTED_PX] = np.asarray(picture)
    return strip
