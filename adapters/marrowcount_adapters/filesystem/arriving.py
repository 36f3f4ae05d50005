"""Files on their way in: written as the pieces come, digested at the same time, and sent to the disk early."""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import time
from functools import cache
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from marrowcount.ports import ArrivingFile, Digest
from marrowcount_adapters.filesystem.failures import translated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["ARRIVING", "WrittenFile", "is_abandoned"]

ARRIVING: Final = ".arriving"
"""Ending of the names of files that are locked for as long as somebody works on them."""

YOUNGEST_S: Final = 1.0

WRITE_BEHIND_BYTES: Final = 2 << 20
"""How much is handed to the disk at once while more is coming in; the sync at the end then has little left to do."""

SYNC_FILE_RANGE_WRITE: Final = 2
"""sync_file_range(2): begin to write, do not wait."""


class WrittenFile(ArrivingFile):
    """A file that :class:`~marrowcount_adapters.filesystem.FolderStore` hands out."""

    def __init__(self, folder: Path) -> None:
        """Create it.

        Raises:
            StorageError: the disk is full or fails.
        """
        self._path = folder / f"{uuid4().hex}{ARRIVING}"
        self._sha256 = hashlib.sha256()
        self._size_bytes = self._behind_bytes = 0
        with translated():
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            # The system lets go of it when the process ends, however it ends: so a sweep knows what is abandoned.
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self._path

    def write(self, piece: bytes | memoryview) -> None:
        """Add to its end.

        Raises:
            StorageError: the disk is full or fails.
        """
        self._sha256.update(piece)
        left = memoryview(piece)
        with translated():
            while left:
                left = left[os.write(self._descriptor, left) :]
        self._size_bytes += len(piece)
        if self._size_bytes - self._behind_bytes >= WRITE_BEHIND_BYTES:
            _write_behind(self._descriptor, self._behind_bytes, self._size_bytes - self._behind_bytes)
            self._behind_bytes = self._size_bytes

    def finish(self) -> Digest:
        """It is complete, but not synced yet."""
        return Digest(self._sha256.hexdigest(), self._size_bytes)

    def discard(self) -> None:
        """Delete it and close it; nothing happens the second time."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            self._path.unlink(missing_ok=True)
            os.close(descriptor)


def is_abandoned(path: Path) -> bool:
    """Whether a file that somebody began to write belongs to nobody any more.

    Raises:
        OSError: it cannot be looked at.
    """
    if time.time() - path.stat().st_mtime < YOUNGEST_S:  # its writer may be about to lock it
        return False
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _write_behind(descriptor: int, offset: int, count: int) -> None:
    """Let the disk begin; where the system cannot, or fails, the sync at the end does it all and tells."""
    begin = _sync_file_range()
    if begin is not None:
        begin(descriptor, offset, count, SYNC_FILE_RANGE_WRITE)


@cache
def _sync_file_range() -> Callable[[int, int, int, int], int] | None:
    """sync_file_range(2), which Python does not offer; None where the C library has none (it is Linux's own)."""
    function = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if function is None:
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return function  # type: ignore[no-any-return] # ctypes knows no signatures
