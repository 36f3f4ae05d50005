"""Where the data set begins in a DICOM file (PS3.10 section 7.1), to compare two without reading either."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["same_data_set"]

GROUP_LENGTH: Final = struct.Struct("<128x4sHH2sHI")
"""Preamble, prefix, and the element File Meta Information Group Length (0002,0000) UL."""

PIECE_BYTES: Final = 1 << 20


def same_data_set(first: Path, second: Path) -> bool:
    """Whether two files hold the same bytes after their File Meta Information.

    Raises:
        OSError: one cannot be read.
    """
    with first.open("rb") as one, second.open("rb") as other:
        one.seek(_data_set_offset(one))
        other.seek(_data_set_offset(other))
        return _same_rest(one, other)


def _data_set_offset(file: BinaryIO) -> int:
    """Bytes before the data set; 0 where the file does not say, so that it is compared whole."""
    head = file.read(GROUP_LENGTH.size)
    if len(head) < GROUP_LENGTH.size:
        return 0
    prefix, group, element, vr, length, meta_bytes = GROUP_LENGTH.unpack(head)
    if (prefix, group, element, vr, length) != (b"DICM", 2, 0, b"UL", 4):
        return 0
    return GROUP_LENGTH.size + int(meta_bytes)


def _same_rest(one: BinaryIO, other: BinaryIO) -> bool:
    while True:
        piece = one.read(PIECE_BYTES)
        if piece != other.read(PIECE_BYTES):
            return False
        if not piece:
            return True
