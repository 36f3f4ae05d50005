"""The queries that the node itself makes, told to an audit as their source (PS3.15 A.5.3.10)."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from marrowcount.ports.audit import Query

if TYPE_CHECKING:
    from datetime import datetime

    from marrowcount.ports import Clock
    from marrowcount.ports.audit import Audit, OutgoingQuery, Party

__all__ = ["AuditedQueries"]

SAME_AGAIN: Final = timedelta(minutes=10)
"""The same query is told once in so long: worklists are searched, and growing series counted, every half a minute."""

MOST_REMEMBERED: Final = 1000
"""Different queries that are remembered; the oldest is forgotten for the next, and would be told again."""


class AuditedQueries:
    """What the node asks of one peer; call it with each query before it goes out, from any thread.

    The message says that a query was made, not what came of it, as the standard has it.
    """

    def __init__(self, audit: Audit, clock: Clock, asking: Party, answering: Party) -> None:
        self._audit = audit
        self._clock = clock
        self._asking = asking
        self._answering = answering
        self._told: dict[OutgoingQuery, datetime] = {}
        self._changing = threading.Lock()

    def __call__(self, query: OutgoingQuery) -> None:
        """A query is about to be made."""
        now = self._clock.now()
        if self._is_news(query, now):
            parties = self._asking, self._answering
            self._audit.record(Query(now, *parties, query.sop_class_uid, query.query, query.transfer_syntax_uid))

    def _is_news(self, query: OutgoingQuery, now: datetime) -> bool:
        with self._changing:
            before = self._told.get(query)
            if before is not None and now - before < SAME_AGAIN:
                return False
            self._told.pop(query, None)
            self._told[query] = now
            if len(self._told) > MOST_REMEMBERED:
                del self._told[next(iter(self._told))]
            return True
