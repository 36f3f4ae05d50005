"""What the answer of an archive to one instance means for whoever sent it, by C-STORE or STOW-RS alike."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

__all__ = ["Verdict", "verdict_of"]

WARNINGS: Final = range(0xB000, 0xC000)
OUT_OF_RESOURCES: Final = range(0xA700, 0xA800)
RESOURCE_LIMITATION: Final = 0x0213


class Verdict(StrEnum):
    """What a status (PS3.4 Table B.2-1) or Failure Reason (PS3.18 Table I.2-2) means for the sender."""

    TAKEN = "taken"
    """The peer has it."""
    TRY_LATER = "try later"
    """Out of resources, or no answer: the same may succeed later."""
    REFUSED = "refused"
    """The same would fail again."""


def verdict_of(status: int | None) -> Verdict:
    """What the peer's status means; None stands for no answer."""
    if status is None or status in OUT_OF_RESOURCES or status == RESOURCE_LIMITATION:
        return Verdict.TRY_LATER
    if status == 0 or status in WARNINGS:
        return Verdict.TAKEN
    return Verdict.REFUSED
