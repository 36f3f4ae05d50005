"""Rows of the tables as the core's own types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marrowcount.ports import (
    Circuit,
    CircuitState,
    Delivery,
    DeliveryKind,
    DeliveryOrder,
    EventKind,
    FileState,
    KeptFile,
    LedgerEvent,
    ReceivedInstance,
    SlideRecord,
    TakenFile,
)
from marrowcount.slides.states import DeliveryState, SlideState
from marrowcount_adapters.sql import facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Row

__all__ = ["circuit_of", "delivery_of", "event_of", "instance_of", "slide_of"]


def slide_of(row: Row[Any]) -> SlideRecord:
    """A row of ``slides``."""
    return SlideRecord(
        series_uid=row.series_uid,
        study_uid=row.study_uid,
        state=SlideState(row.state),
        revision=row.revision,
        instances=row.instances,
        size_bytes=row.size_bytes,
        evidence=row.evidence,
        code=row.code,
        message=row.message,
        result_folder=row.result_folder,
        sender=row.sender,
        first_received_at=row.first_received_at,
        last_received_at=row.last_received_at,
        changed_at=row.changed_at,
    )


def instance_of(row: Row[Any]) -> ReceivedInstance:
    """A row of ``instances``."""
    return ReceivedInstance(
        facts=facts.decode(row.facts),
        file=KeptFile(row.path, row.sha256, row.size_bytes),
        sender=row.sender,
        received_at=row.received_at,
    )


def delivery_of(row: Row[Any]) -> Delivery:
    """A row of ``deliveries``."""
    return Delivery(
        delivery_id=row.delivery_id,
        series_uid=row.series_uid,
        revision=row.revision,
        order=_order_of(row),
        state=DeliveryState(row.state),
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        last_error=row.last_error,
        delivered_at=row.delivered_at,
        commitment_uid=row.commitment_uid,
        owed_since=row.owed_since,
        taken=tuple(taken_of(one) for one in row.taken or ()),
        asked_at=row.asked_at,
        asks=row.asks,
        version=row.version,
        held_code=row.held_code,
        outcome=row.outcome,
    )


def _order_of(row: Row[Any]) -> DeliveryOrder:
    """What was owed; a subject that is the slide's own series was not named."""
    return DeliveryOrder(
        kind=DeliveryKind(row.kind),
        destination=row.destination,
        files=tuple(row.files),
        subject=row.subject_key if row.subject_key != row.series_uid else "",
        skippable=row.skippable,
    )


def circuit_of(row: Row[Any]) -> Circuit:
    """A row of ``circuits``."""
    return Circuit(row.destination, CircuitState(row.state), row.failures, row.openings, row.until, row.code)


def taken_of(stored: Mapping[str, Any]) -> TakenFile:
    """An entry of ``deliveries.taken``."""
    places = tuple(stored.get("places", ()))
    return TakenFile(**{**stored, "state": FileState(stored["state"]), "places": places})


def event_of(row: Row[Any]) -> LedgerEvent:
    """A row of ``events``."""
    return LedgerEvent(row.at, row.series_uid, EventKind(row.kind), row.detail)
