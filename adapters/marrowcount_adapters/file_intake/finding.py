"""Files and folders, gone through in order and told apart by their first bytes, not by their names alone."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from marrowcount.ports import FileKind, FoundFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["found_files"]

PREFIX_AT: Final = 128
PREFIX: Final = b"DICM"
MEDIA_CLASS: Final = (0x0002, 0x0002)
"""Media Storage SOP Class UID; the group is always in Explicit VR Little Endian (PS3.10 section 7.1)."""
META_GROUP: Final = 0x0002
MOST_META_ELEMENTS: Final = 32
LONGEST_META_VALUE: Final = 1 << 16

SHORT_HEAD: Final = struct.Struct("<HH2sH")
LONG_VRS: Final = frozenset({b"OB", b"OW", b"UN", b"UT", b"SQ", b"UC", b"UR", b"OD", b"OF", b"OL", b"OV", b"SV", b"UV"})

DICOMDIR_CLASS: Final = "1.2.840.10008.1.3.10"

SLIDE_SUFFIXES: Final = frozenset(
    {".svs", ".ndpi", ".tif", ".tiff", ".mrxs", ".scn", ".bif", ".czi", ".vms", ".vmu", ".svslide"}
)
"""Of formats that the converter's libraries read."""

TIFF_BEGINNINGS: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
TIFF_SUFFIXES: Final = frozenset({".svs", ".ndpi", ".tif", ".tiff", ".scn", ".bif", ".svslide"})


def found_files(paths: Iterable[Path]) -> Iterator[FoundFile]:
    """Every file once: those that are named, and those in named folders and below, in the order of their names.

    Links to folders are not followed: they may lead in circles.

    Raises:
        OSError: a file cannot be read.
    """
    seen: set[tuple[int, int]] = set()
    for path, named in _listed(paths):
        status = path.stat()
        if (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            yield _told(path, status.st_size, named=named)


def _listed(paths: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    for path in paths:
        if not path.is_dir():
            yield path, True
            continue
        for folder, folders, files in os.walk(path):
            folders.sort()
            yield from ((Path(folder, name), False) for name in sorted(files) if Path(folder, name).is_file())


def _told(path: Path, size_bytes: int, *, named: bool) -> FoundFile:
    with path.open("rb") as file:
        beginning = file.read(PREFIX_AT + len(PREFIX))
        if beginning[PREFIX_AT:] == PREFIX:
            sop_class_uid = _media_class(file)
            kind = FileKind.DIRECTORY if sop_class_uid == DICOMDIR_CLASS else FileKind.INSTANCE
            return FoundFile(path, kind, size_bytes, named, sop_class_uid)
    kind = FileKind.SLIDE if _is_slide(path.suffix.lower(), beginning) else FileKind.OTHER
    return FoundFile(path, kind, size_bytes, named)


def _is_slide(suffix: str, beginning: bytes) -> bool:
    if suffix in TIFF_SUFFIXES:
        return beginning.startswith(TIFF_BEGINNINGS)
    return suffix in SLIDE_SUFFIXES


def _media_class(file: BinaryIO) -> str:
    """Empty where the File Meta Information lacks it, or is damaged; receipt then says what is wrong."""
    for _ in range(MOST_META_ELEMENTS):
        head = file.read(SHORT_HEAD.size)
        if len(head) < SHORT_HEAD.size:
            return ""
        group, element, vr, length = SHORT_HEAD.unpack(head)
        if group != META_GROUP:
            return ""
        if vr in LONG_VRS:
            length = int.from_bytes(file.read(4), "little")
        if length > LONGEST_META_VALUE:
            return ""
        value = file.read(length)
        if (group, element) == MEDIA_CLASS:
            return value.decode("latin-1").strip(" \0")
    return ""
