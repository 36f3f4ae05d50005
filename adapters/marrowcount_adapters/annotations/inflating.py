"""Annotation files of others, read within bounds: a few deflated kilobytes may unfold to gigabytes."""

from __future__ import annotations

import zlib
from io import BytesIO
from itertools import count
from typing import TYPE_CHECKING, Final

from pydicom import dcmread
from pydicom.filereader import read_dataset, read_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian

from marrowcount.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

__all__ = ["LARGEST_BYTES", "read_bounded"]

LARGEST_BYTES: Final = 64 << 20
"""Nearly two million rectangles; viewers fail long before."""

MOST_ELEMENTS: Final = 10_000
"""At the top level; annotations have some fifty."""

PREAMBLE_BYTES: Final = 132
LENGTH_ELEMENT_BYTES: Final = 12
"""File Meta Information Group Length (0002,0000) itself (PS3.10 7.1)."""


def read_bounded(path: Path) -> Dataset:
    """The data set of a file; of a deflated one (PS3.5 A.5) no more is unfolded than any annotations need.

    Raises:
        DatasetError: ``annotations-too-large``: it unfolds to more than that.
        pydicom's and zlib's errors: the file is no sound DICOM.
        OSError: it cannot be read.
    """
    meta = read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return dcmread(path)
    begin = PREAMBLE_BYTES + LENGTH_ELEMENT_BYTES + int(meta.FileMetaInformationGroupLength)
    seen = count()

    def stop(_tag: BaseTag, _vr: str | None, _length: int) -> bool:
        if next(seen) > MOST_ELEMENTS:
            raise ValueError("there are more elements than any annotations have")  # pydicom swallows EOFError
        return False

    unfolded = BytesIO(_inflated(path, begin))
    return read_dataset(unfolded, is_implicit_VR=False, is_little_endian=True, stop_when=stop)


def _inflated(path: Path, begin: int) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    with path.open("rb") as file:
        file.seek(begin)
        unfolded = inflater.decompress(file.read(LARGEST_BYTES), LARGEST_BYTES)
    if not inflater.eof and inflater.unconsumed_tail:
        raise DatasetError(
            "annotations-too-large",
            f"{path.name} unfolds to more than {LARGEST_BYTES >> 20} MiB; split it, or send it uncompressed",
        )
    return unfolded
