"""How text is set: in the font that matplotlib brings along, measured, wrapped, and cut where there is no room.

The font is named by its file, so that no font or setting of the machine changes a report.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import matplotlib as mpl
from matplotlib.font_manager import FontProperties, get_font
from matplotlib.ft2font import LoadFlags

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MM_PER_POINT", "Style", "fitted", "printable", "width_mm", "wrapped"]

MM_PER_POINT: Final = 25.4 / 72
REGULAR: Final = "DejaVuSans.ttf"
BOLD: Final = "DejaVuSans-Bold.ttf"
MISSING: Final = "?"
ELLIPSIS: Final = "..."
"""Three full stops: the one character would stand in a second part of the font, and make the file larger."""


@dataclass(frozen=True, slots=True)
class Style:
    """Size in points, colour, weight."""

    points: float
    colour: str = "#222222"
    bold: bool = False

    @property
    def font(self) -> FontProperties:
        """As matplotlib takes it."""
        return FontProperties(fname=_file(bold=self.bold), size=self.points)


@cache
def _file(*, bold: bool) -> Path:
    return Path(mpl.get_data_path()) / "fonts" / "ttf" / (BOLD if bold else REGULAR)


@cache
def _advance(character: str, *, bold: bool) -> float | None:
    """Width of a character in units of the font's size; None where the font has no such character."""
    font = get_font(_file(bold=bold))
    if not font.get_char_index(ord(character)):
        return None
    return float(font.load_char(ord(character), LoadFlags.NO_SCALE).horiAdvance) / font.units_per_EM


def printable(text: str) -> str:
    """On one line, with a question mark in the place of what the font cannot show."""
    return "".join(map(_shown, text)).strip()


def _shown(character: str) -> str:
    if character.isspace():
        return " "
    return character if _advance(character, bold=False) is not None else MISSING


def width_mm(text: str, style: Style) -> float:
    """How wide a printable text stands."""
    ems = sum(_advance(character, bold=style.bold) or 0.0 for character in text)
    return ems * style.points * MM_PER_POINT


def fitted(text: str, style: Style, room_mm: float) -> str:
    """The text, or as much of it as there is room for, with an ellipsis at its end."""
    text = printable(text)
    if width_mm(text, style) <= room_mm:
        return text
    while text and width_mm(text + ELLIPSIS, style) > room_mm:
        text = text[:-1]
    return text.rstrip(" .,;") + ELLIPSIS


def wrapped(text: str, style: Style, room_mm: float, most: int | None = None) -> list[str]:
    """The text in lines, broken between words, and within a word that is wider than a line.

    Args:
        text: of any length.
        style: in which it is set.
        room_mm: width of a line.
        most: lines; the last ends in an ellipsis where the text is longer.
    """
    lines: list[str] = []
    for word in _short_words(printable(text), style, room_mm):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_mm(longer, style) <= room_mm:
            lines[-1] = longer
        else:
            lines.append(word)
    if most is None or len(lines) <= most:
        return lines
    return [*lines[: most - 1], fitted(" ".join(lines[most - 1 :]), style, room_mm)]


def _short_words(text: str, style: Style, room_mm: float) -> Iterator[str]:
    for word in text.split():
        rest = word
        while width_mm(rest, style) > room_mm and len(rest) > 1:
            end = next(end for end in range(len(rest) - 1, 0, -1) if end == 1 or width_mm(rest[:end], style) <= room_mm)
            yield rest[:end]
            rest = rest[end:]
        yield rest
