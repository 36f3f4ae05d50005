"""Where each frame lies in a file (PS3.5 Annex A.4, PS3.3 C.7.6.3.1.8), so that it can be sent as it was stored."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from marrowcount.errors import InstanceError
from marrowcount_adapters.dicomweb.data_set import PIXEL_DATA, UNDEFINED, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from marrowcount_adapters.dicomweb.data_set import Step
    from marrowcount_adapters.dicomweb.part10 import DataSet

__all__ = ["EncapsulatedFrames", "Frames", "NativeFrames", "Segment", "find_frames"]

ITEM_HEADER: Final = struct.Struct("<HHI")
ITEM: Final = (0xFFFE, 0xE000)
SEQUENCE_ENDS: Final = (0xFFFE, 0xE0DD)

NUMBER_OF_FRAMES: Final = 0x00280008
EXTENDED_OFFSETS: Final = 0x7FE00001
SIZES: Final = {
    0x00280002: "samples",
    0x00280010: "rows",
    0x00280011: "columns",
    0x00280100: "bits",
}
IS_LENGTH: Final = 12
"""Most characters of an integer string (PS3.5 Table 6.2-1)."""
MAX_OFFSET_BYTES: Final = 1 << 28
"""Of an offset table: 33 million frames."""

CODESTREAM_STARTS: Final = (b"\xff\xd8", b"\xff\x4f", b"\xff\x0a", b"\0\0\0\x0c")
"""JPEG and JPEG-LS, JPEG 2000, JPEG XL, and boxes around the latter two."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes of a file."""

    offset: int
    length: int


class Frames(ABC):
    """The frames of one instance, numbered from 1."""

    encapsulated: bool
    count: int

    @abstractmethod
    def segments(self, file: BinaryIO, number: int) -> Sequence[Segment]:
        """Where a frame's bytes lie, in order.

        Raises:
            InstanceError: ``damaged``, the file has no such frame where it should be.
            OSError: the file cannot be read.
        """


class NativeFrames(Frames):
    """Uncompressed frames, one behind the other."""

    encapsulated = False

    def __init__(self, begin: int, frame_bytes: int, count: int) -> None:
        self._begin, self._frame_bytes, self.count = begin, frame_bytes, count

    def segments(self, file: BinaryIO, number: int) -> Sequence[Segment]:
        """See :class:`Frames`."""
        del file
        return (Segment(self._begin + (number - 1) * self._frame_bytes, self._frame_bytes),)


class EncapsulatedFrames(Frames):
    """Compressed frames: each is one fragment or several.

    Attributes:
        starts: of the first item of each frame, and behind the last one's last item.
    """

    encapsulated = True

    def __init__(self, starts: array[int]) -> None:
        self.starts, self.count = starts, len(starts) - 1

    def segments(self, file: BinaryIO, number: int) -> Sequence[Segment]:
        """See :class:`Frames`."""
        begin, end = self.starts[number - 1], self.starts[number]
        found = tuple(Segment(at, length) for at, length in _fragments(file, begin, end))
        if not found or found[-1].offset + found[-1].length != end:
            raise _damaged()
        return found


@dataclass(slots=True)
class _Described:
    """What the header says of the frames."""

    count: int = 1
    samples: int = 1
    rows: int = 0
    columns: int = 0
    bits: int = 0
    extended: Step | None = None
    pixels: Step | None = None


def find_frames(source: DataSet) -> Frames | None:
    """Where the frames of an open data set lie; None where it has no pixel data.

    Raises:
        InstanceError: ``damaged``, its pixel data are not what its header says; ``not-dicom``.
        OSError: the file cannot be read.
    """
    described = _described(source)
    if described.pixels is None:
        return None
    if described.pixels.length != UNDEFINED:
        return _native(described, described.pixels)
    return EncapsulatedFrames(_starts(source, described, described.pixels))


def _described(source: DataSet) -> _Described:
    found, depth = _Described(), 0
    for step in source.steps():
        if step.kind in {Kind.SEQUENCE, Kind.ITEM}:
            depth += 1
        elif step.kind is not Kind.ELEMENT:
            depth -= 1
        elif not depth:
            _note(source, step, found)
    return found


def _note(source: DataSet, step: Step, found: _Described) -> None:
    if step.tag in SIZES:
        setattr(found, SIZES[step.tag], int.from_bytes(source.value(step)[:2], "little"))
    elif step.tag == NUMBER_OF_FRAMES:
        text = source.value(step).strip(b" \0")
        found.count = int(text) if text.isdigit() and len(text) <= IS_LENGTH else 1
    elif step.tag == EXTENDED_OFFSETS:
        found.extended = step
    elif step.tag == PIXEL_DATA:
        found.pixels = step


def _native(described: _Described, pixels: Step) -> Frames:
    bits = described.rows * described.columns * described.samples * described.bits
    if not bits or bits % 8 or bits // 8 * described.count > pixels.length:
        raise _damaged()
    return NativeFrames(pixels.offset, bits // 8, described.count)


def _starts(source: DataSet, described: _Described, pixels: Step) -> array[int]:
    """By a table where there is a sound one, else by looking at every fragment."""
    table, begin = _basic_table(source, pixels)
    if described.extended is not None and described.extended.length <= MAX_OFFSET_BYTES:
        said = source.value(described.extended)
        table = array("Q", said[: min(described.count, len(said) // 8) * 8])
    if len(table) == described.count and table[0] == 0 and all(map(int.__lt__, table, table[1:])):
        starts = array("Q", (begin + offset for offset in table))
        end = _end_of_last(source.file, starts)
        if end is not None:
            starts.append(end)
            return starts
    return _scanned(source.file, begin, described.count)


def _basic_table(source: DataSet, pixels: Step) -> tuple[array[int], int]:
    """The Basic Offset Table, which may be empty, and where the first fragment begins."""
    source.file.seek(pixels.offset)
    group, element, length = _item_header(source.file)
    if (group, element) != ITEM or length > MAX_OFFSET_BYTES:
        raise _damaged()
    table = source.file.read(length // 4 * 4)
    if len(table) < length // 4 * 4:  # the file breaks off within
        raise _damaged()
    return array("Q", (offset for (offset,) in struct.iter_unpack("<I", table))), pixels.offset + 8 + length


def _end_of_last(file: BinaryIO, starts: array[int]) -> int | None:
    """Behind the last frame; None where the table leads to what is no fragment."""
    for start in (starts[0], starts[len(starts) // 2], starts[-1]):
        file.seek(start)
        head = file.read(ITEM_HEADER.size)
        if len(head) < ITEM_HEADER.size or ITEM_HEADER.unpack(head)[:2] != ITEM:
            return None
    end = 0
    for offset, length in _fragments(file, starts[-1]):
        end = offset + length
    return end


def _scanned(file: BinaryIO, begin: int, count: int) -> array[int]:
    """Without a table: a frame a fragment; or all fragments one frame; or each codestream begins a frame."""
    items, end = array("Q"), begin
    beginnings = array("Q")
    for offset, length in _fragments(file, begin):
        items.append(offset - ITEM_HEADER.size)
        file.seek(offset)
        if file.read(4).startswith(CODESTREAM_STARTS):
            beginnings.append(offset - ITEM_HEADER.size)
        end = offset + length
    starts = next((found for found in (items, items[:1], beginnings) if len(found) == count), None)
    if starts is None:
        raise _damaged()
    starts.append(end)
    return starts


def _fragments(file: BinaryIO, at: int, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Offset and length of the data of each fragment from one on; the file may be read meanwhile.

    Args:
        file: at whatever place.
        at: offset of the first fragment's item.
        end: where to stop; None for the end of the pixel data.
    """
    while end is None or at < end:
        file.seek(at)
        group, element, length = _item_header(file)
        if (group, element) == SEQUENCE_ENDS:
            return
        if (group, element) != ITEM or length == UNDEFINED:
            raise _damaged()
        at += ITEM_HEADER.size
        yield at, length
        at += length


def _item_header(file: BinaryIO) -> tuple[int, int, int]:
    head = file.read(ITEM_HEADER.size)
    if len(head) < ITEM_HEADER.size:
        raise _damaged()
    group, element, length = ITEM_HEADER.unpack(head)
    return int(group), int(element), int(length)


def _damaged() -> InstanceError:
    return InstanceError("damaged", "The pixel data are not what the header says of them.")
