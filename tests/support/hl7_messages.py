"""Messages of HL7 v2 taken apart by independent parsers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import hl7
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from marrowcount_adapters.hl7v2 import Authority, Hl7Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SITE", "Figure", "figures", "parsed", "segments", "strictly_parsed"]

SITE = Hl7Settings(authorities={"HOSP": Authority("HOSP", "1.2.3.4", "ISO")}, organisation="Laboratory")


@dataclass(frozen=True)
class Figure:
    """An OBX as a receiver files it."""

    codes: tuple[str, ...]
    sub_id: str
    kind: str
    value: str
    unit: str
    status: str


def parsed(message: bytes) -> hl7.Message:
    """By python-hl7; both of its kinds of line ends are those of the standard."""
    return hl7.parse(message.decode())


def strictly_parsed(message: bytes) -> None:
    """By hl7apy against its tables of 2.5.1.

    Raises:
        HL7apyException: it is not a message of this version.
    """
    assert parse_message(message.decode(), validation_level=VALIDATION_LEVEL.STRICT).validate()


def segments(message: bytes, name: str) -> Sequence[Sequence[str]]:
    """The fields of all segments of a name, by their numbers; index 0 is the name itself."""
    found = [segment for segment in parsed(message) if str(segment[0]) == name]
    return [[str(field) for field in segment] for segment in found]


def figures(message: bytes) -> Sequence[Figure]:
    """All that is said, in its order."""
    return [_figure([*fields, *[""] * 24]) for fields in segments(message, "OBX")]


def _figure(fields: Sequence[str]) -> Figure:
    code = fields[3].split("^")
    return Figure(tuple(code[::3]), fields[4], fields[2], fields[5], fields[6].split("^")[0], fields[11])
