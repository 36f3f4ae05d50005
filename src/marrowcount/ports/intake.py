"""What taking files in asks of the outside: to tell what they are, and to bring them onto the store's disk."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from marrowcount.ports.keeping import Digest

__all__ = ["FileKind", "FoundFile", "StagedFile", "Staging"]


class FileKind(StrEnum):
    """What a file is, as its first bytes say."""

    INSTANCE = "instance"
    """A DICOM file (PS3.10) that holds an instance."""
    DIRECTORY = "directory"
    """A DICOMDIR (PS3.3 Annex F): it lists files that are found without it."""
    SLIDE = "slide"
    """A whole slide in a scanner's own format, or a tiled TIFF."""
    OTHER = "other"
    """Anything else."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that somebody wants taken in.

    Attributes:
        named: whether it was named itself, and not found in a folder.
        sop_class_uid: of an instance; empty otherwise.
    """

    path: Path
    kind: FileKind
    size_bytes: int
    named: bool
    sop_class_uid: str = ""


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file on the store's own disk.

    Attributes:
        digest: where it was made on the way.
    """

    path: Path
    digest: Digest | None


class Staging(Protocol):
    """Brings files onto the store's disk, where receipt takes them over."""

    def staged(self, source: Path) -> AbstractContextManager[StagedFile]:
        """The file, for the block; the source stays as it is.

        Raises:
            InstanceError: ``too-large``, or ``unreadable-file``.
            StorageError: the disk is full or fails.
        """
        ...
