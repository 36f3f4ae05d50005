"""The elements of a data set, one after another, as they lie in a file (PS3.5 section 7): no value is read here.

pydicom reads nested values whole; an annotation's coordinates and the per-frame functional groups of a sparse level
may weigh more than the node wants to hold. Nothing here recurses, so that no nesting can exhaust the stack, and each
step goes forward, so that no file can hold it up.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from pydicom.datadict import dictionary_VR

from marrowcount.errors import InstanceError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PIXEL_DATA", "UNDEFINED", "Kind", "Step", "walk"]

PIXEL_DATA: Final = 0x7FE00010
UNDEFINED: Final = 0xFFFFFFFF
ITEM: Final = 0xFFFEE000
ITEM_ENDS: Final = 0xFFFEE00D
SEQUENCE_ENDS: Final = 0xFFFEE0DD
DELIMITERS: Final = 0xFFFE
MAX_DEPTH: Final = 64
"""Containers within each other; templates of structured reports nest some ten."""

LONG_VRS: Final = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
"""With a length of four bytes (PS3.5 Table 7.1-1)."""
SHORT_VRS: Final = frozenset((b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US").split())

HEADER: Final = struct.Struct("<HH2sH")
LENGTH: Final = struct.Struct("<I")


class Kind(IntEnum):
    """What a step comes to."""

    ELEMENT = 0
    """A value."""
    SEQUENCE = 1
    ITEM = 2
    ITEM_ENDS = 3
    SEQUENCE_ENDS = 4


DELIMITER_OF: Final = {Kind.SEQUENCE: SEQUENCE_ENDS, Kind.ITEM: ITEM_ENDS}


class Step(NamedTuple):
    """What lies at a place of the file.

    Attributes:
        tag: group and element as one number; 0 for items and ends.
        vr: two letters; of implicit data sets as the dictionary has it, which may be a choice such as ``US or SS``.
        offset: of the value, from the beginning of the file.
        length: of the value in bytes; :data:`UNDEFINED` for encapsulated pixel data.
    """

    kind: Kind
    tag: int
    vr: str
    offset: int
    length: int


class _Container(NamedTuple):
    """A sequence or an item that is open; end is where it ends, None where a delimiter says so."""

    kind: Kind
    end: int | None
    implicit: bool


def walk(file: BinaryIO, begin: int, end: int, *, implicit: bool) -> Iterator[Step]:
    """Walk from ``begin`` to ``end``; ends at encapsulated pixel data of the data set itself.

    The file may be read between two steps, wherever.

    Args:
        file: in Little Endian byte order.
        begin: offset of the first element.
        end: offset behind the last element.
        implicit: whether VRs are left out.

    Raises:
        InstanceError: ``not-dicom``, there is something else.
        OSError: the file cannot be read.
    """
    return _Walk(file, begin, end, implicit=implicit).steps()


class _Walk:
    def __init__(self, file: BinaryIO, begin: int, end: int, *, implicit: bool) -> None:
        self._file = file
        self._at = begin
        self._end = end
        self._implicit = implicit
        self._open: list[_Container] = []

    def steps(self) -> Iterator[Step]:
        while not self._done():
            step = self._next()
            yield step
            if step.length == UNDEFINED and step.kind is Kind.ELEMENT and not self._open:
                return

    def _done(self) -> bool:
        return not self._open and self._at >= self._end

    def _next(self) -> Step:
        inner = self._open[-1] if self._open else None
        if inner is not None and inner.end is not None and self._at >= inner.end:
            return self._closed()
        self._file.seek(self._at)
        head = _exactly(self._file, 8)
        self._at += 8
        group, element, vr, short = HEADER.unpack(head)
        if group == DELIMITERS:
            return self._delimiter(group << 16 | element, LENGTH.unpack_from(head, 4)[0], inner)
        if inner is not None and inner.kind is Kind.SEQUENCE:
            raise _broken("has an element where an item should be")
        if self._implicit if inner is None else inner.implicit:
            return self._element(tag := group << 16 | element, _dictionary_vr(tag), LENGTH.unpack_from(head, 4)[0])
        return self._element(group << 16 | element, vr.decode("latin-1"), self._explicit_length(vr, short))

    def _explicit_length(self, vr: bytes, short: int) -> int:
        if vr in SHORT_VRS:
            return short
        if vr not in LONG_VRS:
            raise _broken("has a value representation that does not exist")
        self._at += 4
        (length,) = LENGTH.unpack(_exactly(self._file, 4))
        return int(length)

    def _delimiter(self, tag: int, length: int, inner: _Container | None) -> Step:
        if inner is not None and tag == ITEM and inner.kind is Kind.SEQUENCE:
            return self._opened(Kind.ITEM, 0, length, implicit=inner.implicit)
        if inner is not None and inner.end is None and tag == DELIMITER_OF[inner.kind]:
            return self._closed()
        raise _broken("has an item where none can be")

    def _element(self, tag: int, vr: str, length: int) -> Step:
        implicit = self._open[-1].implicit if self._open else self._implicit
        # An unknown value of undefined length is a sequence in Implicit VR (PS3.5 section 6.2.2, note 4).
        if vr == "SQ" or (length == UNDEFINED and vr == "UN"):
            return self._opened(Kind.SEQUENCE, tag, length, implicit=implicit or vr == "UN")
        step = Step(Kind.ELEMENT, tag, vr, self._at, length)
        if length != UNDEFINED:
            self._at += length
        elif self._open:
            self._at = _behind_fragments(self._file, self._at, self._end)
        if self._at > self._limit():
            raise _broken("breaks off")
        return step

    def _opened(self, kind: Kind, tag: int, length: int, *, implicit: bool) -> Step:
        if len(self._open) == MAX_DEPTH:
            raise _broken("nests deeper than any document")
        end = None if length == UNDEFINED else self._at + length
        if end is not None and end > self._limit():
            raise _broken("breaks off")
        self._open.append(_Container(kind, end, implicit))
        return Step(kind, tag, "SQ" if kind is Kind.SEQUENCE else "", self._at, length)

    def _closed(self) -> Step:
        kind = Kind.ITEM_ENDS if self._open.pop().kind is Kind.ITEM else Kind.SEQUENCE_ENDS
        return Step(kind, 0, "", self._at, 0)

    def _limit(self) -> int:
        """Where the innermost container of known length ends."""
        return next((one.end for one in reversed(self._open) if one.end is not None), self._end)


def _behind_fragments(file: BinaryIO, at: int, end: int) -> int:
    """Where encapsulated data within an item end, such as those of an icon (PS3.5 section A.4)."""
    while at + 8 <= end:
        file.seek(at)
        group, element, _, _ = HEADER.unpack(head := _exactly(file, 8))
        (length,) = LENGTH.unpack_from(head, 4)
        at += 8
        if group << 16 | element == SEQUENCE_ENDS:
            return at
        if group << 16 | element != ITEM or length == UNDEFINED:
            raise _broken("has fragments that are none")
        at += length
    raise _broken("breaks off")


def _dictionary_vr(tag: int) -> str:
    if tag >> 16 & 1:
        return "UN"
    if not tag & 0xFFFF:
        return "UL"
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise _broken("breaks off")
    return data


def _broken(how: str) -> InstanceError:
    return InstanceError("not-dicom", f"The data set {how}.")
