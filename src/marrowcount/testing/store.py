"""A store in a folder of the test, without syncing."""

from __future__ import annotations

import hashlib
import shutil
import time
from typing import TYPE_CHECKING

from marrowcount.errors import StorageError
from marrowcount.ports import InstanceStore, KeptFile

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FolderStore"]


class FolderStore(InstanceStore):
    """Keeps files below a folder, for example pytest's ``tmp_path``.

    Attributes:
        full: when true, nothing more can be kept, as on a full disk.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.incoming.mkdir(parents=True, exist_ok=True)
        self.full = False

    @property
    def incoming(self) -> Path:
        """Folder into which listeners stream."""
        return self._root / "incoming"

    def keep(self, incoming: Path, series_uid: str, sop_instance_uid: str) -> KeptFile:
        """Move the file to its series' folder; the first file of an instance stands."""
        place = self._root / "series" / series_uid / f"{sop_instance_uid}.dcm"
        if place.exists() and self.digest(place) != self.digest(incoming):
            raise StorageError("instance-differs", "another file of this instance is kept already")
        return self._move(incoming, place)

    def digest(self, incoming: Path) -> str:
        """SHA-256 of a file, hexadecimal."""
        return hashlib.sha256(incoming.read_bytes()).hexdigest()

    def quarantine(self, incoming: Path, reason: str) -> KeptFile:
        """Move the file aside and write the reason beside it."""
        kept = self._move(incoming, self._root / "quarantine" / incoming.name)
        self.path(f"{kept.path}.txt").write_text(reason)
        return kept

    def path(self, kept: str) -> Path:
        """Where a kept file lies now."""
        return self._root / kept

    def free_bytes(self) -> int:
        """Space left; none when told to be full."""
        return 0 if self.full else shutil.disk_usage(self._root).free

    def sweep(self, older_than_s: float) -> int:
        """Delete what lies in ``incoming`` for longer."""
        old = [file for file in self.incoming.iterdir() if time.time() - file.stat().st_mtime > older_than_s]
        for file in old:
            file.unlink()
        return len(old)

    def _move(self, incoming: Path, place: Path) -> KeptFile:
        if self.full:
            raise StorageError("disk-full", "no space is left; free some")
        sha256, size_bytes = self.digest(incoming), incoming.stat().st_size
        place.parent.mkdir(parents=True, exist_ok=True)
        incoming.replace(place)
        return KeptFile(place.relative_to(self._root).as_posix(), sha256, size_bytes)
