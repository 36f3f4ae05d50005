"""DICOM files (PS3.10 section 7): where the data set lies, and how it is encoded."""

from __future__ import annotations

import tempfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, BinaryIO, Final, cast

from marrowcount.errors import InstanceError
from marrowcount_adapters.dicomweb.data_set import Kind, Step, walk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["EXPLICIT_LITTLE_ENDIAN", "DataSet", "opened"]

IMPLICIT_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"
EXPLICIT_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"

PREAMBLE_BYTES: Final = 132
META_GROUP: Final = 0x0002
TRANSFER_SYNTAX: Final = 0x00020010
MAX_META_BYTES: Final = 1 << 20
MAX_INFLATED_BYTES: Final = 1 << 30
"""A deflated document may be this long; a bomb of zeros would be a thousand times as long as its file."""
PIECE_BYTES: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class DataSet:
    """The data set of an open file.

    Attributes:
        begin: offset of its first element in ``file``.
        end: offset behind its last element.
    """

    file: BinaryIO
    begin: int
    end: int
    transfer_syntax_uid: str

    def steps(self) -> Iterator[Step]:
        """Its elements in turn.

        Raises:
            InstanceError: ``not-dicom``.
            OSError: the file cannot be read.
        """
        return walk(self.file, self.begin, self.end, implicit=self.transfer_syntax_uid == IMPLICIT_LITTLE_ENDIAN)

    def value(self, step: Step) -> bytes:
        """The bytes of an element."""
        self.file.seek(step.offset)
        return self.file.read(step.length)


@contextmanager
def opened(path: Path) -> Iterator[DataSet]:
    """Open a file for the block.

    Raises:
        InstanceError: ``not-dicom``, or ``unsupported-syntax`` for Big Endian, which was retired in 2006.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        begin, syntax = _meta(file)
        if syntax == EXPLICIT_BIG_ENDIAN:
            raise InstanceError("unsupported-syntax", "The data set is in Big Endian byte order, which is retired.")
        if syntax == DEFLATED:
            with tempfile.TemporaryFile() as inflated:
                yield _inflated(file, begin, inflated)
        else:
            yield DataSet(file, begin, file.seek(0, 2), syntax)


def _meta(file: BinaryIO) -> tuple[int, str]:
    """Where the data set begins, and its Transfer Syntax UID."""
    if not file.read(PREAMBLE_BYTES).endswith(b"DICM"):
        raise InstanceError("not-dicom", "The file is not DICOM (PS3.10 section 7.1).")
    begin, syntax = PREAMBLE_BYTES, ""
    for step in walk(file, begin, PREAMBLE_BYTES + MAX_META_BYTES, implicit=False):
        if step.kind is not Kind.ELEMENT or step.tag >> 16 != META_GROUP:
            break
        begin = step.offset + step.length
        if step.tag == TRANSFER_SYNTAX:
            file.seek(step.offset)
            syntax = file.read(step.length).decode("latin-1").strip(" \0")
        file.seek(begin)
        if int.from_bytes(file.read(2), "little") != META_GROUP:
            break
    if not syntax:
        raise InstanceError("not-dicom", "The file has no Transfer Syntax UID (PS3.10 section 7.1).")
    return begin, syntax


def _inflated(file: BinaryIO, begin: int, into: IO[bytes]) -> DataSet:
    """Inflate a deflated data set (PS3.5 section A.5)."""
    file.seek(begin)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        while piece := inflater.unconsumed_tail or file.read(PIECE_BYTES):
            into.write(inflater.decompress(piece, PIECE_BYTES))
            if into.tell() > MAX_INFLATED_BYTES:
                raise InstanceError("too-large", "The deflated data set is too long when inflated.")
            if inflater.eof:
                break
    except zlib.error:
        raise InstanceError("not-dicom", "The deflated data set is damaged.") from None
    return DataSet(cast("BinaryIO", into), 0, into.tell(), EXPLICIT_LITTLE_ENDIAN)
