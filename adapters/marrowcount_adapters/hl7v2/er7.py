"""The encoding rules of HL7 v2 (2.5.1, chapter 2.5 to 2.7): delimiters, escapes, segments.

What these functions give is text that may stand in a message as it is; what comes from outside goes through
:func:`text` or :func:`formatted` first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CR",
    "ENCODING_CHARACTERS",
    "components",
    "formatted",
    "plain",
    "repetitions",
    "segment",
    "subcomponents",
    "text",
]

CR: Final = "\r"
"""Ends every segment."""

ENCODING_CHARACTERS: Final = "^~\\&"
"""MSH-2: component, repetition, escape, subcomponent."""

_ESCAPES: Final = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "~": "\\R\\", "&": "\\T\\"})
_UNESCAPES: Final = {"E": "\\", "F": "|", "S": "^", "R": "~", "T": "&"}
_ESCAPED: Final = re.compile(r"\\([EFSRT])\\")
_LINE_BREAKS: Final = re.compile("\r\n|[\n\r\v\f\x85\u2028\u2029]")
_NOT_TEXT: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, which would end a segment or a frame, and halves of surrogate pairs, which no codec takes."""


def text(value: str) -> str:
    """Plain text on one line, escaped (2.7.1)."""
    return _cleaned(_LINE_BREAKS.sub(" ", value))


def formatted(value: str) -> str:
    r"""Text of type FT, escaped; line breaks as ``\.br\`` (2.7.6)."""
    return "\\.br\\".join(_cleaned(line) for line in _LINE_BREAKS.split(value))


def _cleaned(line: str) -> str:
    return _NOT_TEXT.sub(" ", line).strip().translate(_ESCAPES)


def components(*parts: str) -> str:
    """A field; empty parts at its end are left out."""
    return "^".join(parts).rstrip("^")


def subcomponents(*parts: str) -> str:
    """A component, likewise."""
    return "&".join(parts).rstrip("&")


def repetitions(*parts: str) -> str:
    """A field that says several things; empty ones are left out."""
    return "~".join(part for part in parts if part)


def segment(name: str, fields: Mapping[int, str]) -> str:
    """A segment of the fields by their numbers; empty ones at its end are left out.

    In MSH the first field is the delimiter itself (2.15.9.1), so its numbers begin with 2.
    """
    first = 2 if name == "MSH" else 1
    last = max((number for number, value in fields.items() if value), default=0)
    return "|".join((name, *(fields.get(number, "") for number in range(first, last + 1))))


def plain(value: str) -> str:
    """What :func:`text` was given, once its line breaks and control characters are gone."""
    return _ESCAPED.sub(lambda found: _UNESCAPES[found[1]], value)
