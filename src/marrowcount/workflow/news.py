"""What worklists tell the listener unasked, passed on to whoever performs for them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeAlias

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from marrowcount.ports import WorkitemEvent

__all__ = ["Hearing", "WorkitemNews"]

_log = structlog.get_logger(__name__)

Hearing: TypeAlias = "Callable[[WorkitemEvent], None]"
"""Hears of an event; must not fail."""


class WorkitemNews:
    """Passes events on by the AE title of the worklist that told them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hearings: dict[str, Hearing] = {}

    def hear(self, ae_title: str, hearing: Hearing) -> None:
        """Have events of a worklist passed on."""
        with self._lock:
            self._hearings[ae_title] = hearing

    def tell(self, ae_title: str, event: WorkitemEvent) -> bool:
        """Pass an event on; False where nobody performs for that worklist."""
        with self._lock:
            hearing = self._hearings.get(ae_title)
        if hearing is None:
            _log.info("worklist.event_unheard", worklist_ae_title=ae_title, workitem=event.workitem_uid)
            return False
        hearing(event)
        return True
