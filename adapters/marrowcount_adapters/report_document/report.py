"""A result as one page: what was counted, how sure that is, where, by what, and what a reader must know."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from marrowcount.review import RELEASED
from marrowcount.review.words import title, truncation
from marrowcount_adapters.report_document import words
from marrowcount_adapters.report_document.figures import draw_table
from marrowcount_adapters.report_document.gallery import draw_gallery
from marrowcount_adapters.report_document.lettering import Style, printable, width_mm, wrapped
from marrowcount_adapters.report_document.page import Area, Page, line_height_mm
from marrowcount_adapters.report_document.roi_map import draw_map

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marrowcount.result import CountResult
    from marrowcount.review import Report
    from marrowcount.workflow.illustrate import Illustrations

__all__ = ["draw_report"]

WIDTH_MM: Final = 210.0
HEIGHT_MM: Final = 297.0
"""A4; nothing stands in the outer 8 mm, so that it prints on US Letter as well when made to fit."""

LEFT: Final = 10.0
INNER_MM: Final = WIDTH_MM - 2 * LEFT
TOP: Final = 9.0
BOTTOM: Final = HEIGHT_MM - 8.0

TABLE_MM: Final = 120.0
BESIDE_MM: Final = 7.0
MAP_MM: Final = 45.0
"""Height of the map at most."""

HEADING: Final = Style(13, bold=True)
PART: Final = Style(7.5, bold=True)
BODY: Final = Style(6.8)
NAME: Final = Style(5.5, "#6B6B6B")
FIGURE: Final = Style(7.2, bold=True)
IDENTIFIER_POINTS: Final = (FIGURE.points, 6.0, 5.0, 4.2)
FIGURE_MM: Final = 3.9
"""From one figure to the next."""
FOOT: Final = Style(5.2, "#555555")
CAUTION: Final = Style(7.5, "white", bold=True)
CAUTION_COLOUR: Final = "#B00020"
STANDING_COLOUR: Final = "#1F4E79"
"""Of the band where a person answers for the figures."""
FLAG: Final = Style(6.5, CAUTION_COLOUR)
SAID: Final = Style(6.5, STANDING_COLOUR, bold=True)
"""By a person."""
RULE: Final = "#BBBBBB"

MOST_FLAG_LINES: Final = 14
MOST_MODEL_LINES: Final = 2


def draw_report(report: Report, illustrations: Illustrations) -> bytes:
    """The report as a PDF of one A4 page; the same report and pictures give the same bytes.

    It names the patient by ID and accession number, so it belongs where patient data may be, and nothing of it may
    go into logs.

    Args:
        report: on a count.
        illustrations: read off the slide; a report without pictures says so.
    """
    page, result = Page(WIDTH_MM, HEIGHT_MM), report.result
    top = _draw_header(page, report)
    foot = _draw_footer(page, result)
    table = draw_table(page, Area(LEFT, top, TABLE_MM, 0), report)
    beside = _draw_beside(
        page, Area(LEFT + TABLE_MM + BESIDE_MM, top, INNER_MM - TABLE_MM - BESIDE_MM, 0), report, illustrations
    )
    flags = _draw_flags(page, max(table, beside) - 0.5, report)
    draw_gallery(page, Area(LEFT, flags + 2.5, INNER_MM, foot - flags - 4.5), result, illustrations)
    return page.pdf(title=title(report), creator=words.CREATOR, created=report.issued)


def _draw_header(page: Page, report: Report) -> float:
    page.write((LEFT, TOP + 4.2), "Bone marrow aspirate: nucleated differential count", HEADING)
    page.write((LEFT + INNER_MM, TOP + 4.2), words.CREATOR, NAME, align="right")
    page.fill(Area(LEFT, TOP + 6.6, INNER_MM, 5.2), STANDING_COLOUR if report.status in RELEASED else CAUTION_COLOUR)
    page.write((LEFT + 2, TOP + 10.2), words.caution(report), CAUTION, room_mm=INNER_MM - 4)
    columns_mm = (64.0, 64.0, 62.0)
    for number, (name, value) in enumerate(words.identifiers(report.result)):
        row, column = divmod(number, len(columns_mm))
        left, base = LEFT + sum(columns_mm[:column]), TOP + 15.4 + row * 7.2
        page.write((left, base), name, NAME)
        _draw_identifier(page, Area(left, base, columns_mm[column] - 3, 0), value)
    bottom = TOP + 28.0
    page.line((LEFT, bottom), (LEFT + INNER_MM, bottom), RULE, 0.6)
    return bottom + 1.8


def _draw_identifier(page: Page, room: Area, value: str) -> None:
    """Small rather than cut: whoever takes one patient for another does harm."""
    text = printable(value)
    styles = [replace(FIGURE, points=points) for points in IDENTIFIER_POINTS]
    style = next((style for style in styles if width_mm(text, style) <= room.width), styles[-1])
    base = room.top + 3.2
    for line in wrapped(text, style, room.width, most=2):
        page.write((room.left, base), line, style)
        base += line_height_mm(style)


def _draw_beside(page: Page, room: Area, report: Report, illustrations: Illustrations) -> float:
    """The map, and the figures below it."""
    page.write((room.left, room.top + 2.4), "Where it was counted", PART)
    place = Area(room.left, room.top + 4.0, room.width, MAP_MM)
    base = draw_map(page, place, report.result, illustrations.thumbnail) + 2.6
    for name, value in words.key_figures(report):
        base = _draw_figure(page, Area(room.left, base, room.width, 0), name, value)
    return base


def _draw_figure(page: Page, room: Area, name: str, value: str) -> float:
    """Name and value on one line, or the value below where it is long; the base line of what comes next."""
    page.write((room.left, room.top), name, BODY)
    if width_mm(name, BODY) + width_mm(value, FIGURE) + 2 <= room.width:
        page.write((room.right, room.top), value, FIGURE, align="right")
        return room.top + FIGURE_MM
    base = room.top
    for line in wrapped(value, FIGURE, room.width, most=2):
        base += line_height_mm(FIGURE)
        page.write((room.left, base), line, FIGURE)
    return base + FIGURE_MM


def _draw_flags(page: Page, top: float, report: Report) -> float:
    page.line((LEFT, top), (LEFT + INNER_MM, top), RULE, 0.6)
    base = top + 3.8
    page.write((LEFT, base), "Quality flags", PART)
    left, room = LEFT + 22.0, INNER_MM - 22.0
    raised = [each for each in (truncation(report), *report.result.warnings) if each]
    flags = [line for flag in raised for line in wrapped(flag, FLAG, room)]
    lines = [(line, FLAG) for line in _at_most(flags)] or [("none raised", BODY)]
    said = [line for each in words.said_by_persons(report) for line in wrapped(each, SAID, room)]
    lines += [(line, SAID) for line in _at_most(said)]
    lines += [(line, NAME) for line in wrapped(words.NOTES, NAME, room)]
    for line, style in lines:
        page.write((left, base), line, style)
        base += line_height_mm(style)
    bottom = base - 0.8
    page.line((LEFT, bottom), (LEFT + INNER_MM, bottom), RULE, 0.6)
    return bottom


def _at_most(lines: Sequence[str]) -> Sequence[str]:
    if len(lines) <= MOST_FLAG_LINES:
        return lines
    return [*lines[: MOST_FLAG_LINES - 1], "and more: the structured report lists all flags"]


def _draw_footer(page: Page, result: CountResult) -> float:
    """At the bottom; where it begins, in millimetres from the page's top."""
    lines = [line for words_ in words.model_lines(result) for line in wrapped(words_, FOOT, INNER_MM, MOST_MODEL_LINES)]
    height = len(lines) * line_height_mm(FOOT)
    top = BOTTOM - height
    page.line((LEFT, top - 1.2), (LEFT + INNER_MM, top - 1.2), RULE, 0.6)
    for number, line in enumerate(lines, start=1):
        page.write((LEFT, top + number * line_height_mm(FOOT) - 0.4), line, FOOT)
    return top - 1.2
