"""Files onto the store's disk: cloned where the file system shares blocks, else copied; linked where that is asked."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING, Final

from marrowcount.errors import InstanceError, StorageError
from marrowcount.ports import StagedFile, Staging

if TYPE_CHECKING:
    from collections.abc import Generator

    from marrowcount.ports import ArrivingFile
    from marrowcount.workflow.receive import Receiving

__all__ = ["CopyStaging", "LinkStaging"]

FICLONE: Final = 0x40049409
"""ioctl_ficlone(2): both files share their blocks until one of them is written to; XFS, Btrfs."""

PIECE_BYTES: Final = 1 << 20
CHECK_EVERY_BYTES: Final = 8 << 20
"""How often a copy is held against the limits."""

PREFIX: Final = "ingest-"


@dataclass(frozen=True, slots=True)
class CopyStaging(Staging):
    """Leaves the source entirely its own: cloned without doubling where that goes, else copied and digested at once."""

    receiving: Receiving

    @contextmanager
    def staged(self, source: Path) -> Generator[StagedFile]:
        """The file, for the block.

        Raises:
            InstanceError: ``too-large``, or ``unreadable-file``.
            StorageError: the disk is full or fails.
        """
        clone = _cloned(source, self.receiving.incoming)
        if clone is not None:
            with _deleted_after(clone):
                yield StagedFile(clone, None)
            return
        arriving = self.receiving.arriving()
        try:
            _copy(source, arriving, self.receiving)
            yield StagedFile(arriving.path, arriving.finish())
        finally:
            arriving.discard()


@dataclass(frozen=True, slots=True)
class LinkStaging(Staging):
    """Gives the file a second name in the store; nobody may write to it from then on."""

    receiving: Receiving

    @contextmanager
    def staged(self, source: Path) -> Generator[StagedFile]:
        """The file, for the block.

        Raises:
            InstanceError: ``not-linkable``, it lies on another file system, or its owner forbids it.
            StorageError: the disk is full or fails.
        """
        link = _free_name(self.receiving.incoming)
        try:
            link.hardlink_to(source.resolve())
        except OSError as error:
            if error.errno in {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EACCES}:
                text = "The file cannot be linked: it lies on another file system, or belongs to another user."
                raise InstanceError("not-linkable", text) from None
            raise StorageError(
                "disk-failed", "A file cannot be linked into the store; see the system's log."
            ) from error
        with _deleted_after(link):
            yield StagedFile(link, None)


def _copy(source: Path, arriving: ArrivingFile, receiving: Receiving) -> None:
    with _readable(source) as original, os.fdopen(os.dup(original), "rb", buffering=0) as file:
        copied = 0
        while piece := file.read(PIECE_BYTES):
            arriving.write(piece)
            copied += len(piece)
            if copied % CHECK_EVERY_BYTES < len(piece):
                receiving.check_transfer(copied)


def _cloned(source: Path, folder: Path) -> Path | None:
    """None where the file system has no clones, or the source lies on another."""
    clone = _free_name(folder)
    with _readable(source) as original, clone.open("xb") as file:
        try:
            fcntl.ioctl(file.fileno(), FICLONE, original)
        except OSError:
            clone.unlink()
            return None
    return clone


def _free_name(folder: Path) -> Path:
    descriptor, name = mkstemp(dir=folder, prefix=PREFIX, suffix=".dcm")
    os.close(descriptor)
    Path(name).unlink()
    return Path(name)


@contextmanager
def _deleted_after(path: Path) -> Generator[None]:
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # quarantine moves it away


@contextmanager
def _readable(source: Path) -> Generator[int]:
    try:
        descriptor = os.open(source, os.O_RDONLY)
    except OSError as error:
        raise InstanceError("unreadable-file", f"The file cannot be read: {error.strerror}.") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)
