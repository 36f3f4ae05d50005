"""The states of a slide, of the work on it and of what it owes, and what may follow what."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "DROPPABLE",
    "HOLDABLE",
    "REVIVABLE",
    "SETTLEABLE",
    "SLIDE_TRANSITIONS",
    "SUPERSEDABLE",
    "DeliveryState",
    "SlideState",
    "may_follow",
]


class SlideState(StrEnum):
    """Where a slide stands."""

    RECEIVING = "receiving"
    """Instances are coming in; it is not known to be complete."""
    READY = "ready"
    """Complete; waiting for a worker."""
    COUNTING = "counting"
    """A worker reads it."""
    COUNTED = "counted"
    """Result and owed deliveries are recorded."""
    REFUSED = "refused"
    """It cannot be counted as it is; the code says why."""
    INCOMPLETE = "incomplete"
    """It did not become complete in time; a late instance, or a person, resumes it."""
    DISCARDED = "discarded"
    """A person decided that it is not to be counted; only a person takes that back. Its files stay."""
    ASIDE = "aside"
    """Nothing to count is in this series: documents, or what belongs to a slide that came in another series."""
    FAILED = "failed"
    """Counting failed again and again for a reason of the node's own; a person must look."""


SLIDE_TRANSITIONS: Final[Mapping[SlideState, frozenset[SlideState]]] = MappingProxyType(
    {
        SlideState.RECEIVING: frozenset(
            {SlideState.READY, SlideState.INCOMPLETE, SlideState.ASIDE, SlideState.DISCARDED}
        ),
        SlideState.READY: frozenset({SlideState.COUNTING, SlideState.RECEIVING, SlideState.DISCARDED}),
        SlideState.COUNTING: frozenset(
            {
                SlideState.COUNTED,
                SlideState.REFUSED,
                SlideState.FAILED,
                SlideState.READY,
                SlideState.RECEIVING,
                SlideState.DISCARDED,
            }
        ),
        # A late instance, or a person, opens a new revision of a slide that was already done with.
        SlideState.COUNTED: frozenset({SlideState.RECEIVING}),
        SlideState.REFUSED: frozenset({SlideState.RECEIVING, SlideState.DISCARDED}),
        SlideState.INCOMPLETE: frozenset(
            {SlideState.RECEIVING, SlideState.READY, SlideState.ASIDE, SlideState.DISCARDED}
        ),
        SlideState.FAILED: frozenset({SlideState.RECEIVING, SlideState.READY, SlideState.DISCARDED}),
        SlideState.ASIDE: frozenset({SlideState.RECEIVING, SlideState.DISCARDED}),
        SlideState.DISCARDED: frozenset({SlideState.RECEIVING}),
    }
)


def may_follow(before: SlideState, after: SlideState) -> bool:
    """Whether a slide may go from the one state to the other."""
    return after in SLIDE_TRANSITIONS[before]


class DeliveryState(StrEnum):
    """Where something owed to a destination stands."""

    WAITING = "waiting"
    """To be sent, now or at its next attempt."""
    SENDING = "sending"
    """Leased by a sender."""
    DELIVERED = "delivered"
    """The destination said that it has it."""
    COMMITTED = "committed"
    """The destination took on storage commitment for it."""
    UNCOMMITTED = "uncommitted"
    """The destination has it but did not take on storage commitment, however often asked; a person must look."""
    HELD = "held"
    """A person keeps it from being sent, or the node, which does not know whose it is and looks again."""
    DROPPED = "dropped"
    """A person let go of it."""
    DEAD = "dead"
    """Refused for good, or tried too often; a person must look."""
    SUPERSEDED = "superseded"
    """A newer result of the same slide took its place before it was sent."""


SETTLEABLE: Final = frozenset(
    {
        DeliveryState.WAITING,
        DeliveryState.HELD,
        DeliveryState.DELIVERED,
        DeliveryState.UNCOMMITTED,
        DeliveryState.DEAD,
    }
)
"""States in which an answer about storage commitment still changes something; while it is being sent it must wait."""

SUPERSEDABLE: Final = frozenset({DeliveryState.WAITING, DeliveryState.HELD})
"""States from which a newer result of the slide takes the place of an older one."""

HOLDABLE: Final = frozenset({DeliveryState.WAITING, DeliveryState.HELD})
"""States in which a person may keep it from being sent; of those held, such as the node holds."""

DROPPABLE: Final = frozenset({DeliveryState.WAITING, DeliveryState.HELD, DeliveryState.DEAD, DeliveryState.UNCOMMITTED})
"""States in which a person may let go of it."""

REVIVABLE: Final = frozenset({*DROPPABLE, DeliveryState.DROPPED})
"""States in which a person may have it sent (at once, where it waits)."""
