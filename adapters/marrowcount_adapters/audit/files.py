"""Audit messages in a file, one XML document a line, for houses without an audit repository or with a log shipper."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from marrowcount.errors import StorageError
from marrowcount_adapters.audit.sending import Transport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from marrowcount_adapters.audit.spool import Spooled

__all__ = ["AuditFile"]

ONLY_THE_NODE: Final = 0o600


@dataclass(frozen=True, slots=True)
class AuditFile(Transport):
    """A file that grows, and is put aside under the time of its last message when it has grown enough.

    Files put aside are never deleted by the node: how long they are kept is the house's decision.
    """

    file: Path
    rotate_bytes: int

    def send(self, messages: Sequence[Spooled]) -> None:
        """Append a batch; when this returns, it survives a power failure.

        Raises:
            StorageError: ``audit-file-failed``, the disk is full or fails.
        """
        try:
            self._append(b"".join(message.content() + b"\n" for message in messages))
        except OSError as error:
            raise StorageError("audit-file-failed", f"{self.file}: {error.strerror}.") from error

    def _append(self, lines: bytes) -> None:
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, ONLY_THE_NODE)
        with os.fdopen(descriptor, "ab") as out:
            before = out.tell()
            try:
                out.write(lines)
                out.flush()
            except OSError:  # a full disk must not leave half a document, which the next attempt would lengthen
                os.ftruncate(descriptor, before)
                raise
            os.fsync(descriptor)
            grown = out.tell()
        if grown >= self.rotate_bytes:
            self._put_aside()

    def _put_aside(self) -> None:
        at = datetime.now(UTC)
        self.file.rename(self.file.with_name(f"{self.file.stem}-{at:%Y%m%dT%H%M%S.%fZ}{self.file.suffix}"))

    def __str__(self) -> str:
        return str(self.file)
