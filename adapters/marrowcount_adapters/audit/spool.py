"""Messages that wait on the disk to be handed on: one file each, written and synced before anybody relies on it.

Several processes put messages in (the node, its worker, commands); one, the node, takes them out. A message is taken
out when it was handed on, so that a crash between the two hands it on twice rather than never.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.ports.audit import Audit
from marrowcount_adapters.audit.messages import encode_message

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from marrowcount.ports.audit import AuditEvent
    from marrowcount_adapters.audit.messages import AuditSource

__all__ = ["Spool", "SpoolFullError", "Spooled", "SpooledAudit"]

LOG: Final = structlog.get_logger()

SUFFIX: Final = ".xml"
WEIGHED_EVERY_S: Final = 10.0
"""How often the spool is weighed anew: other processes fill and empty it, too."""

ALARM_SHARE: Final = 0.8
"""Of the limit, from which every message is accompanied by an alarm."""


class SpoolFullError(Exception):
    """The limit is reached: a message was not taken down."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A message that waits."""

    file: Path
    outcome: int
    at_s: float
    """Seconds since 1970."""

    def content(self) -> bytes:
        """The XML."""
        return self.file.read_bytes()


class Spool:
    """A folder of waiting messages."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._waiting, self._writing = folder / "waiting", folder / "writing"
        self._limit_bytes = limit_bytes
        self._numbers = itertools.count()
        self._weighing = threading.Lock()
        self._weight, self._weighed_at = 0, float("-inf")

    def put(self, content: bytes, outcome: int) -> float:
        """Keep a message; the share of the limit that is now used.

        Raises:
            SpoolFullError: it was not kept.
            OSError: it was not kept, for the disk's sake.
        """
        used = self._room_for(len(content))
        for folder in (self._waiting, self._writing):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{time.time_ns():020d}-{os.getpid()}-{next(self._numbers):06d}.{outcome}{SUFFIX}"
        partial = self._writing / name
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(self._waiting / name)
        _sync(self._waiting)
        return used

    def waiting(self) -> Iterator[Spooled]:
        """What waits, the oldest first."""
        with suppress(FileNotFoundError):
            for file in sorted(self._waiting.glob(f"*{SUFFIX}")):
                at, _, rest = file.name.partition("-")
                yield Spooled(file, int(rest.split(".")[1]), int(at) / 1e9)

    def done(self, messages: list[Spooled]) -> None:
        """Forget messages that were handed on."""
        for message in messages:
            message.file.unlink(missing_ok=True)

    def _room_for(self, more_bytes: int) -> float:
        with self._weighing:
            if time.monotonic() - self._weighed_at > WEIGHED_EVERY_S:
                self._weight, self._weighed_at = sum(_sizes(self._waiting)), time.monotonic()
            if self._weight + more_bytes > self._limit_bytes:
                raise SpoolFullError
            self._weight += more_bytes
            return self._weight / self._limit_bytes


class SpooledAudit(Audit):
    """Writes events as messages into a spool."""

    def __init__(self, spool: Spool, source: AuditSource) -> None:
        self._spool = spool
        self._source = source

    def record(self, event: AuditEvent) -> None:
        """Take an event down."""
        outcome = int(getattr(event, "outcome", 0))
        try:
            used = self._spool.put(encode_message(event, self._source), outcome)
        except SpoolFullError:
            LOG.critical("audit.lost", code="audit-lost", audited=type(event).__name__, reason="the spool is full")
        except OSError as error:
            LOG.critical("audit.lost", code="audit-lost", audited=type(event).__name__, reason=error.strerror)
        else:
            if used > ALARM_SHARE:
                LOG.error("audit.spool_fills", code="audit-spool-fills", used_percent=round(100 * used))


def _sizes(folder: Path) -> Iterator[int]:
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # handed on meanwhile
                yield entry.stat().st_size


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
