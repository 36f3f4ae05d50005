"""Audit, remembered."""

from __future__ import annotations

from queue import Queue
from typing import TYPE_CHECKING

from marrowcount.ports.audit import Audit

if TYPE_CHECKING:
    from marrowcount.ports.audit import AuditEvent

__all__ = ["RecordingAudit"]


class RecordingAudit(Audit):
    """Keeps events in memory.

    Attributes:
        events: in the order of recording; one queue, so that a test can wait for what another thread records.
    """

    def __init__(self) -> None:
        self.events: Queue[AuditEvent] = Queue()

    def record(self, event: AuditEvent) -> None:
        """Take an event down."""
        self.events.put(event)

    def next(self, within_s: float = 20.0) -> AuditEvent:
        """The oldest event not asked for yet.

        Raises:
            queue.Empty: none came in time.
        """
        return self.events.get(timeout=within_s)

    def rest(self) -> list[AuditEvent]:
        """All that are there now."""
        return [self.events.get_nowait() for _ in range(self.events.qsize())]
