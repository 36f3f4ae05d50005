"""What is owed to destinations: written with the result, sent later, kept for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, exists, insert, or_, select, update

from marrowcount.ports import EventKind
from marrowcount.slides.states import DeliveryState
from marrowcount_adapters.sql.rows import delivery_of
from marrowcount_adapters.sql.statements import lock_slide, note
from marrowcount_adapters.sql.tables import deliveries, results

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from marrowcount.ports import Delivery, DeliveryOrder, Job

__all__ = [
    "bury",
    "commit",
    "extend",
    "find",
    "lease",
    "mark_delivered",
    "owe",
    "postpone",
    "revive",
    "supersede_older",
]


def owe(connection: Connection, job: Job, order: DeliveryOrder, now: datetime) -> None:
    """Put a delivery in the queue."""
    connection.execute(
        insert(deliveries).values(
            series_uid=job.series_uid,
            revision=job.revision,
            kind=order.kind,
            destination=order.destination,
            files=order.files,
            state=DeliveryState.WAITING,
            attempts=0,
            owed_since=now,
            next_attempt_at=now,
            leased_by="",
            last_error="",
            commitment_uid="",
        )
    )


def supersede_older(connection: Connection, job: Job, now: datetime) -> None:
    """Let go of what still waits of older revisions of the job's slide."""
    older = and_(deliveries.c.series_uid == job.series_uid, deliveries.c.revision < job.revision)
    _supersede(connection, and_(older, deliveries.c.state == DeliveryState.WAITING), now)


def _supersede(connection: Connection, which: ColumnElement[bool], now: datetime) -> None:
    columns = deliveries.c.series_uid, deliveries.c.destination, deliveries.c.revision
    let_go = update(deliveries).where(which).values(state=DeliveryState.SUPERSEDED, leased_until=None)
    for row in connection.execute(let_go.returning(*columns)).all():
        note(connection, now, row.series_uid, EventKind.DELIVERY_SUPERSEDED, _named(row.destination, row.revision))


def lease(connection: Connection, sender: str, now: datetime, lease_s: float) -> Delivery | None:
    """See :meth:`marrowcount.ports.Ledger.lease_delivery`."""
    _supersede(connection, and_(_abandoned(now), _outdated()), now)
    row = connection.execute(
        select(deliveries)
        .where(or_(_due(now), _abandoned(now)), ~_something_older_waits())
        .order_by(deliveries.c.delivery_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if row is None:
        return None
    leased = replace(delivery_of(row), state=DeliveryState.SENDING, attempts=row.attempts + 1)
    until = now + timedelta(seconds=lease_s)
    taken = {"state": leased.state, "attempts": leased.attempts, "leased_by": sender, "leased_until": until}
    connection.execute(update(deliveries).where(deliveries.c.delivery_id == row.delivery_id).values(taken))
    return leased


def extend(connection: Connection, delivery: Delivery, now: datetime, lease_s: float) -> bool:
    """See :meth:`marrowcount.ports.Ledger.extend_delivery`."""
    until = now + timedelta(seconds=lease_s)
    return connection.execute(update(deliveries).where(_held(delivery)).values(leased_until=until)).rowcount == 1


def _due(now: datetime) -> ColumnElement[bool]:
    return and_(deliveries.c.state == DeliveryState.WAITING, deliveries.c.next_attempt_at <= now)


def _abandoned(now: datetime) -> ColumnElement[bool]:
    return and_(deliveries.c.state == DeliveryState.SENDING, deliveries.c.leased_until <= now)


def _outdated() -> ColumnElement[bool]:
    newer = and_(results.c.series_uid == deliveries.c.series_uid, results.c.revision > deliveries.c.revision)
    return exists().where(newer)


def _something_older_waits() -> ColumnElement[bool]:
    older = deliveries.alias("older")
    return exists().where(
        older.c.series_uid == deliveries.c.series_uid,
        older.c.destination == deliveries.c.destination,
        older.c.delivery_id < deliveries.c.delivery_id,
        older.c.state.in_((DeliveryState.WAITING, DeliveryState.SENDING)),
    )


def mark_delivered(connection: Connection, delivery: Delivery, now: datetime, commitment_uid: str) -> None:
    """See :meth:`marrowcount.ports.Ledger.delivered`."""
    there = {"state": DeliveryState.DELIVERED, "delivered_at": now, "commitment_uid": commitment_uid, "last_error": ""}
    if _let_go(connection, delivery, there):
        note(connection, now, delivery.series_uid, EventKind.DELIVERED, _name(delivery))


def commit(connection: Connection, commitment_uid: str, now: datetime) -> bool:
    """See :meth:`marrowcount.ports.Ledger.committed`."""
    row = connection.execute(
        update(deliveries)
        .where(deliveries.c.commitment_uid == commitment_uid, deliveries.c.commitment_uid != "")
        .where(deliveries.c.state == DeliveryState.DELIVERED)
        .values(state=DeliveryState.COMMITTED)
        .returning(deliveries.c.series_uid, deliveries.c.destination, deliveries.c.revision)
    ).first()
    if row is None:
        return False
    note(connection, now, row.series_uid, EventKind.COMMITTED, _named(row.destination, row.revision))
    return True


def postpone(connection: Connection, delivery: Delivery, error: str, not_before: datetime, now: datetime) -> None:
    """See :meth:`marrowcount.ports.Ledger.retry_delivery`."""
    # A worker may be recording a newer result at this moment: it holds the same lock.
    lock_slide(connection, delivery.series_uid)
    waiting = {"state": DeliveryState.WAITING, "next_attempt_at": not_before, "last_error": error}
    if not _let_go(connection, delivery, waiting):
        return
    detail = f"{_name(delivery)}, attempt {delivery.attempts}: {error}"
    note(connection, now, delivery.series_uid, EventKind.DELIVERY_POSTPONED, detail)
    _supersede(connection, and_(deliveries.c.delivery_id == delivery.delivery_id, _outdated()), now)


def bury(connection: Connection, delivery: Delivery, error: str, now: datetime) -> None:
    """See :meth:`marrowcount.ports.Ledger.bury_delivery`."""
    if _let_go(connection, delivery, {"state": DeliveryState.DEAD, "last_error": error}):
        note(connection, now, delivery.series_uid, EventKind.DELIVERY_BURIED, f"{_name(delivery)}: {error}")


def _let_go(connection: Connection, delivery: Delivery, values: dict[str, object]) -> bool:
    let_go = update(deliveries).where(_held(delivery)).values({**values, "leased_until": None})
    return connection.execute(let_go).rowcount == 1


def _held(delivery: Delivery) -> ColumnElement[bool]:
    # The number of attempts is the fence: whoever leases the delivery again raises it.
    return and_(
        deliveries.c.delivery_id == delivery.delivery_id,
        deliveries.c.attempts == delivery.attempts,
        deliveries.c.state == DeliveryState.SENDING,
    )


def find(connection: Connection, series_uid: str | None) -> Sequence[Delivery]:
    """Deliveries of one slide or of all, the oldest first."""
    wanted = select(deliveries).order_by(deliveries.c.delivery_id)
    if series_uid is not None:
        wanted = wanted.where(deliveries.c.series_uid == series_uid)
    return [delivery_of(row) for row in connection.execute(wanted)]


def revive(connection: Connection, delivery_id: int, now: datetime) -> bool:
    """See :meth:`marrowcount.ports.Ledger.revive_delivery`."""
    dead = select(deliveries).where(deliveries.c.delivery_id == delivery_id)
    row = connection.execute(dead.where(deliveries.c.state == DeliveryState.DEAD)).first()
    if row is None:
        return False
    lock_slide(connection, row.series_uid)
    revived = (
        update(deliveries)
        .where(deliveries.c.delivery_id == delivery_id, deliveries.c.state == DeliveryState.DEAD, ~_outdated())
        .values(state=DeliveryState.WAITING, owed_since=now, next_attempt_at=now)
    )
    if connection.execute(revived).rowcount != 1:
        return False
    note(connection, now, row.series_uid, EventKind.DELIVERY_REVIVED, _named(row.destination, row.revision))
    return True


def _name(delivery: Delivery) -> str:
    return _named(delivery.order.destination, delivery.revision)


def _named(destination: str, revision: int) -> str:
    return f"revision {revision} to {destination}"
