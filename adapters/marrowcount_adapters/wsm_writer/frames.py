"""Writes encapsulated frames to disk one by one, so that a slide never stands in memory (PS3.5 A.4)."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from pydicom.dataset import Dataset

__all__ = ["FrameFile"]

ITEM: Final = struct.Struct("<HHI")
"""Tag and length of an item."""

LONG_ELEMENT: Final = struct.Struct("<HH2s2xI")
"""Tag, representation and length of an element with a 32-bit length."""

UNDEFINED: Final = 0xFFFFFFFF

LARGEST_FRAME: Final = 400_000
"""No 512 px frame of our quality is longer, in bytes (white noise takes 330,000)."""

FEWEST_EXTENDED: Final = 2**32 // LARGEST_FRAME
"""With so many frames 32-bit offsets may not do, and the extended offset table takes their place."""


class FrameFile:
    """A DICOM file in the making: header, offset table, frames.

    The header is written first with the tables empty and once more at the end, when the offsets and the compression
    ratio are known; it keeps its length. What was not finished is removed.

    Args:
        path: the file, written anew.
        dataset: makes the header for a compression ratio.
        frames: how many will come.
        frame_bytes: uncompressed size of a frame.
        extended: whether to use the extended offset table; by default where 32 bits may not do.
    """

    def __init__(
        self,
        path: Path,
        dataset: Callable[[float], Dataset],
        frames: int,
        frame_bytes: int,
        *,
        extended: bool | None = None,
    ) -> None:
        self._path = path
        self._dataset = dataset
        self._frames = frames
        self._frame_bytes = frame_bytes
        self._extended = frames >= FEWEST_EXTENDED if extended is None else extended
        self._offsets: list[int] = []
        self._lengths: list[int] = []
        self._end = 0
        self._file = path.open("wb")
        self._file.write(self._head())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()
        self._file.close()
        if kind is not None:
            self._path.unlink()

    def append(self, frame: bytes) -> None:
        """Write the next frame."""
        length = len(frame) + len(frame) % 2
        self._file.write(ITEM.pack(0xFFFE, 0xE000, length))
        self._file.write(frame)
        self._file.write(bytes(length - len(frame)))
        self._offsets.append(self._end)
        self._lengths.append(length)
        self._end += ITEM.size + length

    def _finish(self) -> None:
        self._file.write(ITEM.pack(0xFFFE, 0xE0DD, 0))
        self._file.seek(0)
        self._file.write(self._head())

    def _head(self) -> bytes:
        """Everything before the first frame."""
        ratio = self._frame_bytes * len(self._lengths) / max(1, sum(self._lengths))
        head = BytesIO()
        self._dataset(ratio).save_as(head, enforce_file_format=True)
        if self._extended:
            head.write(self._table(0x0001, self._offsets) + self._table(0x0002, self._lengths))
        head.write(LONG_ELEMENT.pack(0x7FE0, 0x0010, b"OB", UNDEFINED))
        basic = b"" if self._extended else self._packed("I", self._offsets)
        return head.getvalue() + ITEM.pack(0xFFFE, 0xE000, len(basic)) + basic

    def _table(self, element: int, values: list[int]) -> bytes:
        """Extended offset table (7FE0,0001) or its lengths (7FE0,0002), PS3.3 C.7.6.3.1.8."""
        packed = self._packed("Q", values)
        return LONG_ELEMENT.pack(0x7FE0, element, b"OV", len(packed)) + packed

    def _packed(self, kind: str, values: list[int]) -> bytes:
        filled = values + [0] * (self._frames - len(values))
        return struct.pack(f"<{self._frames}{kind}", *filled)
