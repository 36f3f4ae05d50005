"""Expectations in memory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from marrowcount.ports import Expectations
from marrowcount.slides.expectations import SeriesCount

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from marrowcount.slides.expectations import Expectation, ExpectationSource

__all__ = ["InMemoryExpectations"]


class InMemoryExpectations(Expectations):
    """Forgets everything at the end of the process; its threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lists: dict[tuple[ExpectationSource, str], Expectation] = {}
        self._counts: dict[tuple[str, str], SeriesCount] = {}

    def expect(self, expectation: Expectation) -> None:
        """See the port."""
        with self._lock:
            self._lists[expectation.source, expectation.key] = expectation

    def withdraw(self, source: ExpectationSource, key: str) -> bool:
        """See the port."""
        with self._lock:
            return self._lists.pop((source, key), None) is not None

    def find(self, source: ExpectationSource, key: str) -> Expectation | None:
        """See the port."""
        with self._lock:
            return self._lists.get((source, key))

    def naming(self, series_uid: str, sop_instance_uids: Collection[str]) -> Sequence[Expectation]:
        """See the port."""
        wanted = set(sop_instance_uids)
        with self._lock:
            lists = [
                one
                for one in self._lists.values()
                if any(each.series_uid == series_uid or each.sop_instance_uid in wanted for each in one.instances)
            ]
        return sorted(lists, key=lambda one: (one.said_at, one.source, one.key))

    def note_count(self, series_uid: str, said_by: str, instances: int, at: datetime) -> None:
        """See the port."""
        with self._lock:
            before = self._counts.get((series_uid, said_by))
            since = before.since if before and before.instances == instances else at
            self._counts[series_uid, said_by] = SeriesCount(series_uid, said_by, instances, since, at)

    def counts(self, series_uid: str) -> Sequence[SeriesCount]:
        """See the port."""
        with self._lock:
            said = [count for count in self._counts.values() if count.series_uid == series_uid]
        return sorted(said, key=lambda count: count.said_by)
