"""A store in a folder of the test, without syncing."""

from __future__ import annotations

import hashlib
import shutil
import time
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from marrowcount.errors import StorageError
from marrowcount.ports import ArrivingFile, Digest, InstanceStore, KeptFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["TemporaryStore"]

_META_BEGINS: Final = 128 + len(b"DICM")
_META_LENGTH_ENDS: Final = _META_BEGINS + 12


class TemporaryStore(InstanceStore):
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

    def arriving(self) -> ArrivingFile:
        """A new, empty file."""
        self._refuse_when_full()
        return _BufferedFile(self.incoming / f"{uuid4().hex}.dcm", self._refuse_when_full)

    def keep(self, incoming: Path, series_uid: str, sop_instance_uid: str, digest: Digest | None = None) -> KeptFile:
        """Copy the file to its series' folder; another content of the same instance gets a name of its own."""
        del digest  # files of tests are small: they are read again
        folder, sha256 = self._root / "instances" / series_uid, self.digest(incoming)
        first = folder / f"{sop_instance_uid}.dcm"
        other = first.exists() and self.digest(first) != sha256
        return self._copy(incoming, folder / f"{sop_instance_uid}-{sha256}.dcm" if other else first)

    def digest(self, incoming: Path) -> str:
        """SHA-256 of a file, hexadecimal."""
        return hashlib.sha256(incoming.read_bytes()).hexdigest()

    def same_data_set(self, incoming: Path, kept: str) -> bool:
        """Whether both files are equal behind their File Meta Information."""
        return _data_set(incoming.read_bytes()) == _data_set(self.path(kept).read_bytes())

    def quarantine(self, incoming: Path, reason: str) -> KeptFile:
        """Move the file aside and write the reason beside it."""
        kept = self._copy(incoming, self._root / "quarantine" / incoming.name)
        incoming.unlink()
        self.path(f"{kept.path}.txt").write_text(reason)
        return kept

    def kept_files(self) -> Sequence[str]:
        """Paths of all files that were kept."""
        return sorted(path.relative_to(self._root).as_posix() for path in self._root.glob("instances/*/*.dcm"))

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

    def _copy(self, incoming: Path, place: Path) -> KeptFile:
        self._refuse_when_full()
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(incoming, place)
        return KeptFile(place.relative_to(self._root).as_posix(), self.digest(place), place.stat().st_size)

    def _refuse_when_full(self) -> None:
        if self.full:
            raise StorageError("disk-full", "no space is left; make room")


class _BufferedFile(ArrivingFile):
    def __init__(self, path: Path, check: Callable[[], None]) -> None:
        self._path, self._check = path, check
        path.touch()

    @property
    def path(self) -> Path:
        return self._path

    def write(self, piece: bytes | memoryview) -> None:
        self._check()
        with self._path.open("ab") as file:
            file.write(piece)

    def finish(self) -> Digest:
        content = self._path.read_bytes()
        return Digest(hashlib.sha256(content).hexdigest(), len(content))

    def discard(self) -> None:
        self._path.unlink(missing_ok=True)


def _data_set(content: bytes) -> bytes:
    """What follows the File Meta Information, whose first element holds its length (PS3.10 section 7.1)."""
    if content[:_META_BEGINS][-4:] != b"DICM":
        return content
    return content[_META_LENGTH_ENDS + int.from_bytes(content[_META_LENGTH_ENDS - 4 : _META_LENGTH_ENDS], "little") :]
