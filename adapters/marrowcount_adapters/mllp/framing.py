"""The Minimal Lower Layer Protocol (HL7 Implementation Guide 2.5, appendix C): bytes in, blocks out.

A block stands between a vertical tab and a file separator, which a carriage return follows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from marrowcount.errors import PeerError

__all__ = ["Block", "Deframer", "Event", "Stray", "framed"]

START: Final = 0x0B
END: Final = 0x1C
BETWEEN: Final = b"\r\n"
"""What may stand between blocks: the carriage return that ends one, which some forget, and what others add to it."""


@dataclass(frozen=True, slots=True)
class Block:
    """What one block holds."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Stray:
    """Bytes outside of blocks, or a block that another one began in: to be passed over.

    Attributes:
        size: how many.
    """

    size: int


Event = Block | Stray


def framed(message: bytes) -> bytes:
    """A message as it goes over the wire.

    Raises:
        ValueError: it holds bytes that begin or end a block.
    """
    if START in message or END in message:
        msg = "a message holds neither 0x0B nor 0x1C: they begin and end its block"
        raise ValueError(msg)
    return b"\x0b" + message + b"\x1c\r"


@dataclass(slots=True)
class Deframer:
    """Puts blocks together from what arrives, however it is cut.

    Attributes:
        longest: bytes of a block, or of what is none, that are taken.
    """

    longest: int
    _held: bytearray = field(default_factory=bytearray)
    _inside: bool = False

    def feed(self, data: bytes) -> list[Event]:
        """The next bytes; what they complete, in its order.

        Raises:
            PeerError: ``answer-too-long``; the connection is of no use any more.
        """
        events: list[Event] = []
        while data:
            data = self._within(data, events) if self._inside else self._between(data, events)
        return events

    def _between(self, data: bytes, events: list[Event]) -> bytes:
        stray, start, rest = data.partition(bytes([START]))
        self._inside = bool(start)
        _note_stray(len(stray.strip(BETWEEN)), events)
        return rest

    def _within(self, data: bytes, events: list[Event]) -> bytes:
        content, end, rest = data.partition(bytes([END]))
        cut, start, begun = content.rpartition(bytes([START]))
        if start:
            _note_stray(len(self._held) + len(cut), events)
            self._held.clear()
        self._held += begun
        if len(self._held) > self.longest:
            raise PeerError("answer-too-long", f"the answer is longer than {self.longest} bytes")
        if end:
            events.append(Block(bytes(self._held)))
            self._held.clear()
            self._inside = False
        return rest


def _note_stray(size: int, events: list[Event]) -> None:
    if size:
        events.append(Stray(size))
