"""What receipt asks of the outside: a store that keeps instances durably."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from marrowcount.slides.instances import InstanceFacts

__all__ = ["ArrivingFile", "Digest", "InstanceStore", "KeptFile", "ReceivedInstance", "Recording"]


@dataclass(frozen=True, slots=True)
class Digest:
    """What a file holds, as it was written.

    Attributes:
        sha256: of the whole file, hexadecimal.
    """

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that the store holds durably: written, synced, and its folder synced.

    Attributes:
        path: below the store's root, relative, with forward slashes.
        sha256: of the whole file, hexadecimal.
    """

    path: str
    sha256: str
    size_bytes: int


class ArrivingFile(Protocol):
    """A file below ``incoming`` that is being written, and digested on the way so that nobody reads it again for that.

    One thread writes it; whoever asked for it deletes it in the end.
    """

    @property
    def path(self) -> Path:
        """Where it lies."""
        ...

    def write(self, piece: bytes | memoryview) -> None:
        """Add to its end.

        Raises:
            StorageError: the disk is full or fails.
        """
        ...

    def finish(self) -> Digest:
        """It is complete, but not synced yet."""
        ...

    def discard(self) -> None:
        """Delete it; nothing happens the second time."""
        ...


class InstanceStore(Protocol):
    """Keeps received instances as files, bit by bit as sent."""

    @property
    def incoming(self) -> Path:
        """Folder, on the store's own file system, into which listeners stream."""
        ...

    def arriving(self) -> ArrivingFile:
        """A new, empty file below ``incoming``.

        Raises:
            StorageError: the disk is full or fails.
        """
        ...

    def keep(self, incoming: Path, series_uid: str, sop_instance_uid: str, digest: Digest | None = None) -> KeptFile:
        """Take over a complete file; when this returns, it survives a power failure.

        The caller's file may vanish afterwards. A file of the same instance with other bytes stays as it is; the
        second one is kept beside it, and the ledger says which of them stands.

        Args:
            incoming: the file.
            series_uid: of the instance.
            sop_instance_uid: of the instance.
            digest: where the caller knows it; otherwise the file is read once more.

        Raises:
            InstanceError: ``invalid-attribute``, the identifiers cannot be identifiers.
            StorageError: the disk is full or fails.
        """
        ...

    def digest(self, incoming: Path) -> str:
        """SHA-256 of a file, hexadecimal."""
        ...

    def same_data_set(self, incoming: Path, kept: str) -> bool:
        """Whether both files carry the same data set, bit by bit.

        The File Meta Information before it is each receiver's own writing, so it may differ where the sender sent the
        same thing twice: by another protocol, or after an upgrade.
        """
        ...

    def quarantine(self, incoming: Path, reason: str) -> KeptFile:
        """Move aside what cannot be processed, with its reason beside it, for a person to look at."""
        ...

    def kept_files(self) -> Sequence[str]:
        """Paths, as in :class:`KeptFile`, of all files that were kept and not put in quarantine."""
        ...

    def path(self, kept: str) -> Path:
        """Where a kept file lies now."""
        ...

    def free_bytes(self) -> int:
        """Space left on the store's file system."""
        ...

    def sweep(self, older_than_s: float) -> int:
        """Delete partial files that dead associations left in ``incoming``; how many."""
        ...


class Recording(StrEnum):
    """What recording an instance found."""

    NEW = "new"
    IDENTICAL = "identical"
    """Known already, with the same digest."""
    CONFLICT = "conflict"
    """Known already, with another digest: the first one stands."""


@dataclass(frozen=True, slots=True)
class ReceivedInstance:
    """An instance that the node answers for.

    Attributes:
        sender: calling AE title, or the user agent for HTTP; never patient data.
    """

    facts: InstanceFacts
    file: KeptFile
    sender: str
    received_at: datetime
