"""The instance store in a folder: one file an instance, named by identifiers that were checked first."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from marrowcount.errors import InstanceError, StorageError
from marrowcount.ports import InstanceStore, KeptFile
from marrowcount_adapters.filesystem.part10 import same_data_set

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["FolderStore"]

UID_FORM: Final = re.compile(r"[0-9]+(\.[0-9]+)*")
UID_MAX_LENGTH: Final = 64
"""PS3.5 section 9.1."""

FAILURES: Final = {
    errno.ENOSPC: ("disk-full", "The disk is full; make room or enlarge it."),
    errno.EDQUOT: ("disk-full", "The disk quota is used up; make room or raise it."),
    errno.EROFS: ("disk-read-only", "The file system is mounted read-only; mount it for writing."),
    errno.EACCES: ("disk-not-permitted", "The service may not write here; give its user the right to."),
    errno.EPERM: ("disk-not-permitted", "The service may not write here; give its user the right to."),
    errno.ENOENT: ("file-missing", "A file that should lie in the instance store is not there."),
    errno.EOPNOTSUPP: ("disk-without-links", "The file system has no hard links; use one that has, as ext4 or XFS."),
    errno.EXDEV: ("disk-two-file-systems", "The store's folders lie on different file systems; put them on one."),
}
DISK_FAILED: Final = ("disk-failed", "The disk failed; see the system's log.")

CONTENT_NAME_LENGTH: Final = 16
"""Hexadecimal digits of the digest in the name of a second file of the same instance."""


class FolderStore(InstanceStore):
    """Instances below ``instances/<series>/``, what is being received in ``incoming``, what is unfit in ``quarantine``.

    Files change hands by hard link or by renaming, never by copying, so all folders must lie on one file system.
    """

    def __init__(self, root: Path) -> None:
        """Make the folders where they are missing.

        Raises:
            StorageError: they cannot be made.
        """
        self._root = root.absolute()
        with _translated():
            for folder in (self.incoming, self._instances, self._quarantine):
                folder.mkdir(parents=True, exist_ok=True)

    @property
    def incoming(self) -> Path:
        """Folder into which listeners stream."""
        return self._root / "incoming"

    @property
    def _instances(self) -> Path:
        return self._root / "instances"

    @property
    def _quarantine(self) -> Path:
        return self._root / "quarantine"

    def keep(self, incoming: Path, series_uid: str, sop_instance_uid: str) -> KeptFile:
        """Take over a complete file; when this returns, file and folders are synced.

        Raises:
            InstanceError: ``invalid-attribute``, the identifiers cannot be identifiers.
            StorageError: the disk is full or fails.
        """
        folder, name = self._instances / _checked(series_uid), _checked(sop_instance_uid)
        with _translated():
            sha256, size_bytes = _synced_digest(incoming)
            if not folder.exists():
                folder.mkdir(exist_ok=True)
                _sync_folder(self._instances)
            kept = _linked(incoming, folder, name, sha256)
            _sync_folder(folder)
        return KeptFile(kept.relative_to(self._root).as_posix(), sha256, size_bytes)

    def digest(self, incoming: Path) -> str:
        """SHA-256 of a file, hexadecimal.

        Raises:
            StorageError: it cannot be read.
        """
        with _translated(), incoming.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def same_data_set(self, incoming: Path, kept: str) -> bool:
        """Whether both files carry the same data set, whatever File Meta Information precedes it.

        Raises:
            StorageError: one cannot be read.
        """
        with _translated():
            return same_data_set(incoming, self.path(kept))

    def quarantine(self, incoming: Path, reason: str) -> KeptFile:
        """Move a file to the quarantine, named by its digest, with ``.reason.json`` beside it.

        Raises:
            StorageError: the disk is full or fails.
        """
        with _translated():
            sha256, size_bytes = _synced_digest(incoming)
            target = self._quarantine / f"{sha256}.dcm"
            _write_synced(target.with_suffix(".reason.json"), _reason(reason, sha256, size_bytes))
            incoming.replace(target)
            _sync_folder(self._quarantine)
        return KeptFile(target.relative_to(self._root).as_posix(), sha256, size_bytes)

    def path(self, kept: str) -> Path:
        """Where a kept file lies now.

        Raises:
            StorageError: ``path-outside``, the path leads out of the store.
        """
        path = self._root / kept
        if ".." in path.parts or not path.is_relative_to(self._root):
            raise StorageError("path-outside", "The ledger names a file outside the instance store.")
        return path

    def free_bytes(self) -> int:
        """Space that this user may still fill on the store's file system."""
        with _translated():
            status = os.statvfs(self._root)
        return status.f_bavail * status.f_frsize

    def sweep(self, older_than_s: float) -> int:
        """Delete files below ``incoming`` that nobody has written to for so long; how many."""
        # The file system's own clock stamps the files; the node's Clock may be held by a test.
        oldest = time.time() - older_than_s
        with _translated():
            return sum(_unlinked_if_older(path, oldest) for path in self.incoming.rglob("*") if path.is_file())


def _checked(uid: str) -> str:
    """The identifier, fit to be a file name: digits and dots only, so it cannot lead anywhere else."""
    if len(uid) > UID_MAX_LENGTH or not UID_FORM.fullmatch(uid):
        raise InstanceError("invalid-attribute", "A Series or SOP Instance UID is no UID (PS3.5 section 9.1).")
    return uid


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        code, message = FAILURES.get(error.errno or 0, DISK_FAILED)
        raise StorageError(code, message) from error


def _synced_digest(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
        return sha256, file.tell()


def _linked(incoming: Path, folder: Path, name: str, sha256: str) -> Path:
    """The file under its name, or under name and digest where other bytes hold that name already."""
    target = folder / f"{name}.dcm"
    if _link(incoming, target) or _digest(target) == sha256:
        return target
    second = folder / f"{name}.{sha256[:CONTENT_NAME_LENGTH]}.dcm"
    _link(incoming, second)
    return second


def _link(source: Path, target: Path) -> bool:
    """False where the target is there already; a link, unlike renaming, never replaces one."""
    try:
        target.hardlink_to(source)
    except FileExistsError:
        return False
    return True


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reason(reason: str, sha256: str, size_bytes: int) -> bytes:
    return json.dumps({"reason": reason, "sha256": sha256, "size_bytes": size_bytes}, indent=1).encode()


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make names in a folder durable: syncing a file does not sync its name (fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unlinked_if_older(path: Path, oldest: float) -> bool:
    try:
        old = path.stat().st_mtime <= oldest
        if old:
            path.unlink()
    except FileNotFoundError:  # its association finished, or cleared up, meanwhile
        return False
    return old
