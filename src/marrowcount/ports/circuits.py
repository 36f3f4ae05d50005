"""How it goes with a destination as a whole: whether it is worth calling at all."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Circuit", "CircuitState"]


class CircuitState(StrEnum):
    """Of a destination, as of a fuse."""

    CLOSED = "closed"
    """It is called."""
    OPEN = "open"
    """It failed again and again: nothing is sent for a while."""
    HALF_OPEN = "half-open"
    """One delivery is tried, to see whether it is back."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """How it goes with a destination; shared by all who send to it.

    Attributes:
        failures: in a row, of the destination itself.
        openings: in a row; the pauses grow with them.
        until: where open, when to try again; where half open, when whoever tries is given up; None where closed.
        code: of the last failure; empty where all is well.
    """

    destination: str
    state: CircuitState = CircuitState.CLOSED
    failures: int = 0
    openings: int = 0
    until: datetime | None = None
    code: str = ""
