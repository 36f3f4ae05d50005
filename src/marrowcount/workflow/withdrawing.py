"""What destinations have of a slide's earlier results, and how they hear what no longer holds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from marrowcount.ports import FailureReason, FileState
from marrowcount.slides.states import DeliveryState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from marrowcount.ports import Delivery, DeliveryKind, DeliveryOrder, TakenFile

__all__ = ["files_taken", "files_there", "kinds_of_destinations", "with_notes"]


def kinds_of_destinations(deliveries: Iterable[Delivery]) -> Mapping[str, DeliveryKind]:
    """The destinations of instances, each with the protocol that it was given something by last."""
    return {each.order.destination: each.order.kind for each in deliveries if each.order.kind.is_of_instances}


def files_there(deliveries: Iterable[Delivery], destination: str) -> tuple[str, ...]:
    """Files of instances that a destination has or may have, in the order in which they were owed.

    It may have all of a delivery that is being sent at the moment, and all of one that it was once given in full,
    though a person had it sent anew. What it says it does not have, it has not.
    """
    return tuple(file for delivery in _to(destination, deliveries) for file in _there(delivery))


def _there(delivery: Delivery) -> Iterable[str]:
    if delivery.state is DeliveryState.SENDING:
        return delivery.order.files
    missing = {one.file for one in delivery.taken if _is_missing(one)}
    there = {one.file for one in delivery.taken} if delivery.delivered_at is None else {*delivery.order.files}
    return [file for file in delivery.order.files if file in there - missing]


def _is_missing(one: TakenFile) -> bool:
    """Other failures say that it does not answer for an instance, not that it does not show it."""
    return one.state is FileState.FAILED and one.code == FailureReason.NO_SUCH_INSTANCE


def files_taken(deliveries: Iterable[Delivery], destination: str) -> tuple[str, ...]:
    """Files of instances that a destination has for certain: it said so, and has not taken that back."""
    return tuple(
        one.file
        for delivery in _to(destination, deliveries)
        for one in delivery.taken
        if one.state is not FileState.FAILED
    )


def _to(destination: str, deliveries: Iterable[Delivery]) -> Iterable[Delivery]:
    return (each for each in deliveries if _is_of_instances(each.order, destination))


def _is_of_instances(order: DeliveryOrder, destination: str) -> bool:
    return order.destination == destination and order.kind.is_of_instances


def with_notes(orders: Sequence[DeliveryOrder], notes: Sequence[DeliveryOrder]) -> tuple[DeliveryOrder, ...]:
    """What a result owes, and what takes earlier ones back.

    No rule of a destination keeps a note from it: it has what the note names, whatever it wants now.

    Args:
        orders: of the result, by the rules; none where the slide is refused.
        notes: an order for each destination that has something to hear; behind the result that takes the place of what
            it names.
    """
    own = [note for note in notes if not any(_is_of_instances(order, note.destination) for order in orders)]
    return (*(_with_note(order, notes) for order in orders), *own)


def _with_note(order: DeliveryOrder, notes: Sequence[DeliveryOrder]) -> DeliveryOrder:
    more = (file for note in notes if _is_of_instances(order, note.destination) for file in note.files)
    return replace(order, files=(*order.files, *more))
