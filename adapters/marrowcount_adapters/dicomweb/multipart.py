"""Reading ``multipart/related`` (RFC 2046 section 5.1, RFC 2387): bytes in, events out, in constant memory.

Nothing here knows a socket or a file. However the bytes are cut into pieces, the events are the same, but for how the
data of a part are cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeAlias

from marrowcount.errors import InstanceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["MultipartReader", "PartBegins", "PartData", "PartEnds"]

MAX_PREAMBLE_BYTES: Final = 64 << 10
MAX_HEADER_BYTES: Final = 16 << 10
"""Of one part, all lines together."""
MAX_HEADER_LINES: Final = 32
MAX_PADDING_BYTES: Final = 128
"""White space that may follow a boundary on its line."""

BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
"""1 to 70 characters of these, no space at the end (RFC 2046 section 5.1.1)."""
REST_OF_LINE: Final = re.compile(rb"[ \t]*\r\n")
BEGUN_LINE: Final = re.compile(rb"-|[ \t]*\r?")
FIELD_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


@dataclass(frozen=True, slots=True)
class PartBegins:
    """A part's header fields, their names in lower case."""

    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PartData:
    """Some of a part's bytes."""

    data: memoryview


@dataclass(frozen=True, slots=True)
class PartEnds:
    """The boundary behind a part was seen: the part came whole."""


Event: TypeAlias = PartBegins | PartData | PartEnds


class _State(Enum):
    PREAMBLE = "before its first boundary"
    BOUNDARY = "in the line of a boundary"
    HEADER = "in the header of a part"
    BLANK = "behind the header of a part"
    DATA = "in the data of a part"
    EPILOGUE = "behind its final boundary"


class MultipartReader:
    """Reads one message: feed it piece by piece, then close it."""

    def __init__(self, boundary: str) -> None:
        """Begin.

        Raises:
            InstanceError: ``bad-multipart``, no message can have such a boundary.
        """
        if not BOUNDARY.fullmatch(boundary):
            raise _bad("The boundary is missing, or is none (RFC 2046 section 5.1.1).")
        self._delimiter = b"\r\n--" + boundary.encode("ascii")
        # A message may begin with its boundary, without a line end before it.
        self._bytes, self._at = b"\r\n", 0
        self._state, self._outer = _State.PREAMBLE, _State.PREAMBLE
        self._preamble_bytes = 0

    @property
    def finished(self) -> bool:
        """Whether the final boundary was seen; what follows it has no meaning."""
        return self._state is _State.EPILOGUE

    def feed(self, piece: bytes) -> Iterator[Event]:
        """Take the next bytes and tell what they bring; to be exhausted before the next call.

        Raises:
            InstanceError: ``bad-multipart``.
        """
        # Without a rest this is the piece itself and no copy.
        self._bytes, self._at = self._bytes[self._at :] + piece, 0
        while (events := self._step()) is not None:
            yield from events

    def close(self) -> None:
        """Hear that nothing more comes.

        Raises:
            InstanceError: ``bad-multipart``, the message broke off.
        """
        if not self.finished:
            raise _bad(f"The message breaks off {self._state.value}.")

    def _step(self) -> tuple[Event, ...] | None:
        """What comes next; None where more bytes are needed to tell."""
        match self._state:
            case _State.PREAMBLE:
                return self._preamble()
            case _State.BOUNDARY:
                return self._boundary()
            case _State.HEADER:
                return self._header()
            case _State.BLANK:
                return self._blank()
            case _State.DATA:
                return self._data()
            case _State.EPILOGUE:
                self._bytes, self._at = b"", 0
                return None

    def _preamble(self) -> tuple[Event, ...] | None:
        passed = len(self._up_to_delimiter())
        self._preamble_bytes += passed
        if self._preamble_bytes > MAX_PREAMBLE_BYTES:
            raise _bad("No boundary is where the first part should begin.")
        return () if passed or self._state is _State.BOUNDARY else None

    def _data(self) -> tuple[Event, ...] | None:
        data = self._up_to_delimiter()
        if data:
            return (PartData(data),)
        return () if self._state is _State.BOUNDARY else None

    def _up_to_delimiter(self) -> memoryview:
        """What certainly belongs to the data; at a delimiter the state becomes ``BOUNDARY``."""
        begin, found = self._at, self._bytes.find(self._delimiter, self._at)
        if found < 0:
            self._at = self._possible_beginning(begin)
        else:
            self._at = found
            self._outer, self._state = self._state, _State.BOUNDARY
        return memoryview(self._bytes)[begin : self._at]

    def _possible_beginning(self, begin: int) -> int:
        """Where a delimiter may begin that is not there whole yet; mostly there is no such place."""
        last = max(begin, len(self._bytes) - len(self._delimiter) + 1)
        while (last := self._bytes.find(b"\r", last)) >= 0:
            if self._delimiter.startswith(self._bytes[last:]):
                return last
            last += 1
        return len(self._bytes)

    def _boundary(self) -> tuple[Event, ...] | None:
        """Two hyphens behind the delimiter end the message, a line end begins a part, all else is none."""
        behind = self._at + len(self._delimiter)
        tail = self._bytes[behind : behind + MAX_PADDING_BYTES]
        if tail.startswith(b"--"):
            self._state = _State.EPILOGUE
        elif line := REST_OF_LINE.match(tail):
            self._at, self._state = behind + line.end() - 2, _State.HEADER
        elif BEGUN_LINE.fullmatch(tail) and len(tail) < MAX_PADDING_BYTES:
            return None
        else:
            return self._no_boundary(behind)
        return (PartEnds(),) if self._outer is _State.DATA else ()

    def _no_boundary(self, behind: int) -> tuple[Event, ...]:
        """A longer line that only begins like a boundary belongs to what surrounds it."""
        data = memoryview(self._bytes)[self._at : behind]
        self._at, self._state = behind, self._outer
        return (PartData(data),) if self._outer is _State.DATA else ()

    def _header(self) -> tuple[Event, ...] | None:
        """From the line end of the boundary up to the empty line."""
        end = self._bytes.find(b"\r\n\r\n", self._at)
        if (len(self._bytes) if end < 0 else end) - self._at > MAX_HEADER_BYTES:
            raise _bad("The header of a part is too long.")
        if end < 0:
            return None
        fields = _fields(self._bytes[self._at + 2 : end])
        self._at, self._state = end + 2, _State.BLANK
        return (PartBegins(fields),)

    def _blank(self) -> tuple[Event, ...] | None:
        """Pass over the empty line, unless it is the line end of a boundary: a part may have no data at all."""
        ahead = self._bytes[self._at : self._at + len(self._delimiter)]
        if len(ahead) < len(self._delimiter) and self._delimiter.startswith(ahead):
            return None
        if ahead != self._delimiter:
            self._at += 2
        self._state = _State.DATA
        return ()


def _fields(lines: bytes) -> Mapping[str, str]:
    """Header fields of a part.

    Raises:
        InstanceError: ``bad-multipart``, a line is no header field.
    """
    fields: dict[str, str] = {}
    for line in lines.decode("latin-1").split("\r\n") if lines else ():
        name, colon, value = line.partition(":")
        if not colon or not FIELD_NAME.fullmatch(name) or len(fields) == MAX_HEADER_LINES:
            raise _bad("The header of a part has a line that is no field, or too many lines.")
        fields[name.lower()] = value.strip(" \t")
    return fields


def _bad(message: str) -> InstanceError:
    return InstanceError("bad-multipart", message)
