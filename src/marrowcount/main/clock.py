"""The machine's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from marrowcount.ports import Clock

__all__ = ["SystemClock"]


@dataclass(frozen=True, slots=True)
class SystemClock(Clock):
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, UTC."""
        return datetime.now(UTC)
