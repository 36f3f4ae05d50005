"""How long to wait before trying again: exponential back-off with full jitter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

__all__ = ["Backoff"]

_MOST_DOUBLINGS: Final = 64
"""Beyond every cap; keeps the power finite."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses that grow from failure to failure.

    Attributes:
        base_s: longest pause after the first failure, seconds.
        cap_s: longest pause ever, seconds.
    """

    base_s: float
    cap_s: float

    def pause(self, failures: int, random: Random) -> timedelta:
        """The pause after so many failures: U(0, min(cap, base * 2^(failures - 1))).

        All of it is random, so that what failed together does not come back together.
        """
        longest = min(self.cap_s, self.base_s * 2.0 ** min(failures - 1, _MOST_DOUBLINGS))
        return timedelta(seconds=random.uniform(0.0, longest))
