"""Files of others, opened so that no length they announce and no compression costs more memory than stated here."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MOST_INFLATED", "MOST_READ", "opened"]

MOST_READ: Final = 256 << 20
"""Bytes of a header that are read; what is skipped does not count. The largest, of annotations, have some 100 MB."""
MOST_INFLATED: Final = 16 << 20
"""Bytes of a deflated data set that are looked at: deflate packs a gigabyte into one megabyte."""

SMALL: Final = 1 << 16
"""A read so long is made as it is asked for; a longer one is held against what the file has."""

META_LENGTH: Final = struct.Struct("<140xI")
"""Value of File Meta Information Group Length (0002,0000), after preamble, prefix and its own head (PS3.10 7.1)."""
DEFLATED: Final = b"1.2.840.10008.1.2.1.99"
META_USUALLY: Final = 4096


class _BoundedFile(io.BufferedReader):
    """Allocates for a read no more than the file holds, and ends once the header is longer than any may be."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._size, self._left = path.stat().st_size, MOST_READ

    def read(self, size: int | None = -1, /) -> bytes:
        """As the base class.

        Raises:
            EOFError: more was read than a header may have.
        """
        wanted = -1 if size is None else size
        if not 0 <= wanted <= SMALL:
            there = max(0, self._size - self.tell())
            wanted = there if wanted < 0 else min(wanted, there)
        self._left -= wanted
        if self._left < 0:
            raise EOFError("the header is longer than any header may be")
        return super().read(wanted)


def opened(path: Path) -> BinaryIO:
    """A file to be parsed up to its pixels; of a deflated one, only its first part.

    Raises:
        EOFError: it is deflated and ends within its File Meta Information.
        OSError: it cannot be read.
        zlib.error: it is not deflated as it says.
    """
    file = _BoundedFile(path)
    if DEFLATED not in file.peek(META_USUALLY)[:META_USUALLY]:
        return file
    with file:
        return _shortened(file)


def _shortened(file: BinaryIO) -> io.BytesIO:
    """The same file with the first part of its data set alone, deflated without compression."""
    start = file.read(META_LENGTH.size)
    if len(start) < META_LENGTH.size:
        raise EOFError("the file ends within its File Meta Information")
    meta = file.read(*META_LENGTH.unpack(start))
    inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(file.read(MOST_INFLATED), MOST_INFLATED)
    plain = zlib.compressobj(0, zlib.DEFLATED, -zlib.MAX_WBITS)
    return io.BytesIO(start + meta + plain.compress(inflated) + plain.flush())
