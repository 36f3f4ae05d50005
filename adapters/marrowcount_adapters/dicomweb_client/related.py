"""The one part of a ``multipart/related`` answer (RFC 2046 section 5.1, RFC 2387): bytes in, its content out.

An answer to a request for one instance has one part. What stands before and behind it is passed over, and nothing is
held but the few bytes that may turn out to be a boundary.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from marrowcount.errors import PeerError

__all__ = ["SinglePart", "boundary_of"]

LONGEST_HEADER: Final = 64 << 10
"""Bytes before the content: a preamble and the part's header fields."""

FINAL: Final = b"--"
"""Behind a boundary: it is the last one."""

BOUNDARY_FORM: Final = re.compile(
    r"""boundary\s*=\s*("(?P<quoted>[^"]{1,70})"|(?P<plain>[^\s;,"]{1,70}))""", re.IGNORECASE
)


class _State(Enum):
    BEFORE = "before the first part"
    HEADER = "in the header of the part"
    CONTENT = "in the content of the part"
    BEHIND = "behind the first part"
    ENDED = "at its end"


def boundary_of(content_type: str) -> bytes:
    """The boundary of a ``multipart/related`` media type; empty where the answer is no multipart.

    Raises:
        PeerError: ``bad-answer``, it is one without a boundary.
    """
    if not content_type.lower().startswith("multipart/related"):
        return b""
    found = BOUNDARY_FORM.search(content_type)
    if found is None:
        raise PeerError("bad-answer", "A multipart answer came without its boundary (RFC 2046 section 5.1.1).")
    return (found["quoted"] or found["plain"]).encode("latin-1")


class SinglePart:
    """Reads one answer: feed it piece by piece, then close it."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._held = b"\r\n"  # a boundary at the very beginning then has its line break, too
        self._passed = 0
        self._state = _State.BEFORE

    def feed(self, piece: bytes) -> bytes:
        """The content that the next bytes bring; often none.

        Raises:
            PeerError: ``bad-answer``, there is more than one part, or none.
        """
        self._held += piece
        if self._state is _State.BEFORE:
            self._skip(self._delimiter, _State.HEADER)
        if self._state is _State.HEADER:
            self._skip(b"\r\n\r\n", _State.CONTENT)
        content = self._content() if self._state is _State.CONTENT else b""
        if self._state is _State.BEHIND and len(self._held) >= len(FINAL):
            self._end()
        return content

    def close(self) -> None:
        """Hear that nothing more comes.

        Raises:
            PeerError: ``broken-off``, the content did not come whole.
        """
        if self._state is not _State.ENDED:
            raise PeerError("broken-off", f"The answer breaks off {self._state.value}.")

    def _skip(self, mark: bytes, then: _State) -> None:
        """Go behind the next mark, where it is there already."""
        before, found, behind = self._held.partition(mark)
        if found:
            self._held, self._state = behind, then
            return
        kept = before[-(len(mark) - 1) :]
        self._passed, self._held = self._passed + len(before) - len(kept), kept
        if self._passed > LONGEST_HEADER:
            raise PeerError("bad-answer", f"The answer is no multipart message: no end {self._state.value}.")

    def _content(self) -> bytes:
        content, found, behind = self._held.partition(self._delimiter)
        if found:
            self._held, self._state = behind, _State.BEHIND
            return content
        sure = max(0, len(content) - len(self._delimiter) + 1)
        self._held = content[sure:]
        return content[:sure]

    def _end(self) -> None:
        if not self._held.startswith(FINAL):
            raise PeerError("bad-answer", "The answer holds more than the one instance that was asked for.")
        self._held, self._state = b"", _State.ENDED
