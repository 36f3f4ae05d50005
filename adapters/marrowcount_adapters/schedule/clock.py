"""The machine's clock."""

from __future__ import annotations

from datetime import UTC, datetime

from marrowcount.ports import Clock

__all__ = ["SystemClock"]


class SystemClock(Clock):
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, with zone UTC."""
        return datetime.now(UTC)
