"""The instance store in a folder: one file an instance, named by identifiers that were checked first."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from typing import TYPE_CHECKING, Final

from marrowcount.errors import InstanceError, StorageError
from marrowcount.ports import Digest, InstanceStore, KeptFile
from marrowcount_adapters.filesystem.arriving import ARRIVING, WrittenFile, is_abandoned
from marrowcount_adapters.filesystem.failures import translated
from marrowcount_adapters.filesystem.part10 import same_data_set

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["FolderStore"]

UID_FORM: Final = re.compile(r"[0-9]+(\.[0-9]+)*")
UID_MAX_LENGTH: Final = 64
"""PS3.5 section 9.1."""

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
        with translated():
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

    def arriving(self) -> WrittenFile:
        """A new, empty file below ``incoming``.

        Raises:
            StorageError: the disk is full or fails.
        """
        return WrittenFile(self.incoming)

    def keep(self, incoming: Path, series_uid: str, sop_instance_uid: str, digest: Digest | None = None) -> KeptFile:
        """Take over a complete file; when this returns, file and folders are synced.

        Raises:
            InstanceError: ``invalid-attribute``, the identifiers cannot be identifiers.
            StorageError: the disk is full or fails.
        """
        folder, name = self._instances / _checked(series_uid), _checked(sop_instance_uid)
        with translated():
            found = _synced(incoming, digest)
            if not folder.exists():
                folder.mkdir(exist_ok=True)
                _sync_folder(self._instances)
            kept = _linked(incoming, folder, name, found.sha256)
            _sync_folder(folder)
        return KeptFile(kept.relative_to(self._root).as_posix(), found.sha256, found.size_bytes)

    def digest(self, incoming: Path) -> str:
        """SHA-256 of a file, hexadecimal.

        Raises:
            StorageError: it cannot be read.
        """
        with translated(), incoming.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def same_data_set(self, incoming: Path, kept: str) -> bool:
        """Whether both files carry the same data set, whatever File Meta Information precedes it.

        Raises:
            StorageError: one cannot be read.
        """
        with translated():
            return same_data_set(incoming, self.path(kept))

    def quarantine(self, incoming: Path, reason: str) -> KeptFile:
        """Move a file to the quarantine, named by its digest, with ``.reason.json`` beside it.

        Raises:
            StorageError: the disk is full or fails.
        """
        with translated():
            found = _synced(incoming, None)
            target = self._quarantine / f"{found.sha256}.dcm"
            _write_synced(target.with_suffix(".reason.json"), _reason(reason, found))
            incoming.replace(target)
            _sync_folder(self._quarantine)
        return KeptFile(target.relative_to(self._root).as_posix(), found.sha256, found.size_bytes)

    def kept_files(self) -> Sequence[str]:
        """Paths of all files below ``instances/``.

        Raises:
            StorageError: the disk fails.
        """
        with translated():
            return sorted(path.relative_to(self._root).as_posix() for path in self._instances.glob("*/*.dcm"))

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
        with translated():
            status = os.statvfs(self._root)
        return status.f_bavail * status.f_frsize

    def sweep(self, older_than_s: float) -> int:
        """Delete files below ``incoming`` whose writer is gone, or that nobody has written to for so long; how many.

        Raises:
            StorageError: the disk fails.
        """
        # The file system's own clock stamps the files; the node's Clock may be held by a test.
        oldest = time.time() - older_than_s
        with translated():
            return sum(_unlinked_if_stale(path, oldest) for path in self.incoming.rglob("*") if path.is_file())


def _checked(uid: str) -> str:
    """The identifier, fit to be a file name: digits and dots only, so it cannot lead anywhere else."""
    if len(uid) > UID_MAX_LENGTH or not UID_FORM.fullmatch(uid):
        raise InstanceError("invalid-attribute", "A Series or SOP Instance UID is no UID (PS3.5 section 9.1).")
    return uid


def _synced(path: Path, digest: Digest | None) -> Digest:
    with path.open("rb") as file:
        found = digest or Digest(hashlib.file_digest(file, "sha256").hexdigest(), file.tell())
        os.fsync(file.fileno())
        return found


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


def _reason(reason: str, found: Digest) -> bytes:
    return json.dumps({"reason": reason, "sha256": found.sha256, "size_bytes": found.size_bytes}, indent=1).encode()


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


def _unlinked_if_stale(path: Path, oldest: float) -> bool:
    try:
        old = is_abandoned(path) if path.suffix == ARRIVING else path.stat().st_mtime <= oldest
        if old:
            path.unlink()
    except FileNotFoundError:  # its association finished, or cleared up, meanwhile
        return False
    return old
