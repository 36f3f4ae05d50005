"""What an acknowledgement says (HL7 2.5.1, 2.9 and 2.15.8), and what follows from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Acknowledgement", "AcknowledgementCode", "message_number", "read_acknowledgement"]

CODE: Final = re.compile(r"[A-Za-z0-9._-]{1,20}")
"""What may be told on: a code or a place, but no words, which may quote the message."""

SEGMENT_END: Final = re.compile(r"[\r\n]+")


class AcknowledgementCode(StrEnum):
    """MSA-1 (HL7 table 0008)."""

    ACCEPTED = "AA"
    """The application has it: delivered."""
    ERROR = "AE"
    """The message is at fault: a dead letter."""
    REJECTED = "AR"
    """The receiver cannot take it now, or not such messages: tried a few times, then a dead letter."""
    COMMITTED = "CA"
    """The receiving system has it in safe storage: delivered."""
    NOT_COMMITTED = "CE"
    """It could not store it: tried a few times, then a dead letter."""
    NOT_ACCEPTED = "CR"
    """It takes no such messages: a dead letter."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """One that was read.

    Attributes:
        code: as it stands; perhaps none of :class:`AcknowledgementCode`.
        message_number: of the message that is acknowledged (MSA-2).
        reasons: codes and places of its faults, fit for logs.
        text: all of it; may quote the message.
    """

    code: str
    message_number: str
    reasons: tuple[str, ...]
    text: str


def message_number(message: bytes) -> str:
    """MSH-10 of a message; empty where it is none."""
    header = message.partition(b"\r")[0].split(b"|")
    return header[9].decode("ascii", "replace") if header[0] == b"MSH" and len(header) > 9 else ""  # noqa: PLR2004 - MSH-10


def read_acknowledgement(block: bytes) -> Acknowledgement | None:
    """What a block acknowledges; None where it is no acknowledgement."""
    text = block.decode("utf-8", "replace")
    if not text.startswith("MSH") or len(text) < len("MSH|^"):
        return None
    field, component = text[3], text[4]
    segments = [line.split(field) for line in SEGMENT_END.split(text) if line]
    msa = next((fields for fields in segments if fields[0] == "MSA"), None)
    if msa is None:
        return None
    return Acknowledgement(_at(msa, 1), _at(msa, 2), tuple(_reasons(segments, component)), text)


def _at(fields: Sequence[str], number: int) -> str:
    return fields[number].strip() if number < len(fields) else ""


def _reasons(segments: Sequence[Sequence[str]], component: str) -> list[str]:
    """ERR-3, the code, and ERR-2, the place (segment, repetition, field); before version 2.5 ERR-1 held both."""
    told = []
    for fields in segments:
        if fields[0] == "ERR":
            code = _at(fields, 3).split(component)[0]
            place = "-".join(part for part in _at(fields, 2).split(component) if part)
            told += [part for part in (code, place) if CODE.fullmatch(part)]
    return told
