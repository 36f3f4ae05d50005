"""A clock that stands still until it is told to go on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from marrowcount.ports import Clock

__all__ = ["HeldClock"]

_SOME_MORNING: Final = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


class HeldClock(Clock):
    """A clock in the test's hand."""

    def __init__(self, start: datetime = _SOME_MORNING) -> None:
        self._now = start

    def now(self) -> datetime:
        """The instant at which it stands."""
        return self._now

    def advance(self, seconds: float) -> datetime:
        """Go on by so many seconds; the new instant."""
        self._now += timedelta(seconds=seconds)
        return self._now
