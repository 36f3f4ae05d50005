"""What is owed to destinations: written with the result, sent later, kept for ever."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, exists, insert, or_, select, true, update

from marrowcount.ports import EventKind
from marrowcount.ports.deliveries import with_taken
from marrowcount.ports.outbox import event_of_settlement
from marrowcount.slides.states import DROPPABLE, HOLDABLE, REVIVABLE, SETTLEABLE, SUPERSEDABLE, DeliveryState
from marrowcount_adapters.sql.report_tables import reports
from marrowcount_adapters.sql.rows import delivery_of
from marrowcount_adapters.sql.statements import insert_unless_there, lock_slide, note
from marrowcount_adapters.sql.tables import commitment_asks, deliveries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from marrowcount.ports import Delivery, DeliveryOrder, Hold, ReportVersion, Settlement, TakenFile

__all__ = [
    "bury",
    "extend",
    "find",
    "find_asked",
    "find_awaiting_commitment",
    "find_destinations_waiting",
    "find_locked",
    "find_one",
    "keep",
    "lease",
    "mark_delivered",
    "note_taken",
    "owe",
    "postpone",
    "put_aside",
    "revive",
    "settle",
    "supersede_before",
]

PUTTING_ASIDE: Final = {
    DeliveryState.HELD: (HOLDABLE, EventKind.DELIVERY_HELD),
    DeliveryState.DROPPED: (DROPPABLE, EventKind.DELIVERY_DROPPED),
}
"""From which states, and what the slide's history is told."""


def owe(connection: Connection, report: ReportVersion, order: DeliveryOrder, now: datetime) -> None:
    """Put a delivery in the queue."""
    connection.execute(
        insert(deliveries).values(
            series_uid=report.series_uid,
            revision=report.revision,
            version=report.version,
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
            subject_key=order.subject or report.series_uid,
            skippable=order.skippable,
        )
    )


def supersede_before(connection: Connection, series_uid: str, version: int, now: datetime) -> None:
    """Let go of what still waits of older versions of the report on a slide."""
    older = and_(deliveries.c.series_uid == series_uid, deliveries.c.version < version)
    _supersede(connection, and_(older, deliveries.c.state.in_(SUPERSEDABLE)), now)


def _supersede(connection: Connection, which: ColumnElement[bool], now: datetime) -> None:
    columns = deliveries.c.series_uid, deliveries.c.destination, deliveries.c.revision
    let_go = (
        update(deliveries)
        .where(which, deliveries.c.skippable)
        .values(state=DeliveryState.SUPERSEDED, leased_until=None)
    )
    for row in connection.execute(let_go.returning(*columns)).all():
        note(connection, now, row.series_uid, EventKind.DELIVERY_SUPERSEDED, _named(row.destination, row.revision))


def lease(
    connection: Connection, sender: str, now: datetime, lease_s: float, destination: str | None
) -> Delivery | None:
    """See :meth:`marrowcount.ports.Outbox.lease_delivery`."""
    _supersede(connection, and_(_abandoned(now), _outdated()), now)
    row = connection.execute(
        select(deliveries)
        .where(or_(_due(now), _abandoned(now)), ~_something_older_waits())
        .where(true() if destination is None else deliveries.c.destination == destination)
        .order_by(deliveries.c.delivery_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if row is None:
        return None
    # Time to give up counts from when it could be sent: not while the node did not know whose it is.
    owed_since = now if row.state == DeliveryState.HELD else row.owed_since
    leased = replace(delivery_of(row), state=DeliveryState.SENDING, attempts=row.attempts + 1, owed_since=owed_since)
    until = now + timedelta(seconds=lease_s)
    taken = {
        "state": leased.state,
        "attempts": leased.attempts,
        "owed_since": owed_since,
        "leased_by": sender,
        "leased_until": until,
    }
    connection.execute(update(deliveries).where(deliveries.c.delivery_id == row.delivery_id).values(taken))
    return leased


def extend(connection: Connection, delivery: Delivery, now: datetime, lease_s: float) -> bool:
    """See :meth:`marrowcount.ports.Ledger.extend_delivery`."""
    until = now + timedelta(seconds=lease_s)
    return connection.execute(update(deliveries).where(_held(delivery)).values(leased_until=until)).rowcount == 1


def _due(now: datetime) -> ColumnElement[bool]:
    to_look_at_again = and_(deliveries.c.state == DeliveryState.HELD, deliveries.c.held_code != "")
    waiting = deliveries.c.state == DeliveryState.WAITING
    return and_(or_(waiting, to_look_at_again), deliveries.c.next_attempt_at <= now)


def _abandoned(now: datetime) -> ColumnElement[bool]:
    return and_(deliveries.c.state == DeliveryState.SENDING, deliveries.c.leased_until <= now)


def _outdated() -> ColumnElement[bool]:
    newer = and_(reports.c.series_uid == deliveries.c.series_uid, reports.c.version > deliveries.c.version)
    return exists().where(newer, reports.c.given_out)


def _something_older_waits() -> ColumnElement[bool]:
    older = deliveries.alias("older")
    held_by_node = and_(older.c.state == DeliveryState.HELD, older.c.held_code != "")
    # Of another scan of the specimen it may be held for its header alone: the rest need not wait for that.
    held_version = and_(held_by_node, older.c.series_uid == deliveries.c.series_uid)
    return exists().where(
        older.c.subject_key == deliveries.c.subject_key,
        older.c.destination == deliveries.c.destination,
        older.c.delivery_id < deliveries.c.delivery_id,
        or_(older.c.state.in_((DeliveryState.WAITING, DeliveryState.SENDING)), held_version),
    )


def note_taken(connection: Connection, delivery: Delivery, taken: TakenFile) -> None:
    """See :meth:`marrowcount.ports.Outbox.file_taken`."""
    there = _locked(connection, delivery.delivery_id)
    if there is not None:
        entries = _stored(with_taken(there.taken, taken))
        connection.execute(update(deliveries).where(_held(delivery)).values(taken=entries))


def mark_delivered(connection: Connection, delivery: Delivery, now: datetime, commitment_uid: str) -> None:
    """See :meth:`marrowcount.ports.Outbox.delivered`."""
    there: dict[str, object] = {"state": DeliveryState.DELIVERED, "last_error": "", "held_code": "", "outcome": ""}
    if delivery.unsent:
        there |= {"delivered_at": now}
    if commitment_uid:
        there |= {"commitment_uid": commitment_uid, "asked_at": now, "asks": deliveries.c.asks + 1}
    if not _let_go(connection, delivery, there):
        return
    if commitment_uid:
        asked = {"transaction_uid": commitment_uid, "delivery_id": delivery.delivery_id, "asked_at": now}
        insert_unless_there(connection, commitment_asks, asked)
    kind = EventKind.DELIVERED if delivery.unsent else EventKind.COMMITMENT_ASKED
    note(connection, now, delivery.series_uid, kind, _name(delivery))


def find_asked(connection: Connection, commitment_uid: str) -> Delivery | None:
    """See :meth:`marrowcount.ports.Outbox.asked_by`."""
    asked = deliveries.join(commitment_asks, commitment_asks.c.delivery_id == deliveries.c.delivery_id)
    wanted = select(deliveries).select_from(asked).where(commitment_asks.c.transaction_uid == commitment_uid)
    row = connection.execute(wanted).first()
    return None if row is None else delivery_of(row)


def settle(connection: Connection, delivery: Delivery, settlement: Settlement, now: datetime) -> bool:
    """See :meth:`marrowcount.ports.Outbox.settle`."""
    lock_slide(connection, delivery.series_uid)
    if delivery.state not in SETTLEABLE or _locked(connection, delivery.delivery_id) != delivery:
        return False
    settled: dict[str, object] = {"state": settlement.state, "taken": _stored(settlement.taken)}
    if settlement.state not in {DeliveryState.COMMITTED, delivery.state}:
        settled |= {"last_error": settlement.why}
    if settlement.next_attempt_at is not None:
        settled |= {"next_attempt_at": settlement.next_attempt_at}
    this = deliveries.c.delivery_id == delivery.delivery_id
    connection.execute(update(deliveries).where(this).values(settled))
    kind = event_of_settlement(delivery.state, settlement.state)
    note(connection, now, delivery.series_uid, kind, f"{_name(delivery)}: {settlement.why}")
    _supersede(connection, and_(this, deliveries.c.state == DeliveryState.WAITING, _outdated()), now)
    return True


def _locked(connection: Connection, delivery_id: int) -> Delivery | None:
    row = connection.execute(
        select(deliveries).where(deliveries.c.delivery_id == delivery_id).with_for_update()
    ).first()
    return None if row is None else delivery_of(row)


def _stored(taken: Sequence[TakenFile]) -> Sequence[Mapping[str, object]]:
    return [asdict(one) for one in taken]


def postpone(connection: Connection, delivery: Delivery, error: str, not_before: datetime, now: datetime) -> None:
    """See :meth:`marrowcount.ports.Outbox.retry_delivery`."""
    # A worker may be recording a newer result at this moment: it holds the same lock.
    lock_slide(connection, delivery.series_uid)
    waiting = {"state": DeliveryState.WAITING, "next_attempt_at": not_before, "last_error": error}
    if not _let_go(connection, delivery, waiting):
        return
    detail = f"{_name(delivery)}, attempt {delivery.attempts}: {error}"
    note(connection, now, delivery.series_uid, EventKind.DELIVERY_POSTPONED, detail)
    _supersede(connection, and_(deliveries.c.delivery_id == delivery.delivery_id, _outdated()), now)


def keep(connection: Connection, delivery: Delivery, hold: Hold, now: datetime) -> bool:
    """See :meth:`marrowcount.ports.Outbox.keep_delivery`."""
    lock_slide(connection, delivery.series_uid)
    # The attempt is given back: whoever leases it again raises the number to one that nobody else holds.
    why = f"{hold.code}: {hold.why}"
    held: dict[str, object] = {"state": DeliveryState.HELD, "held_code": hold.code, "last_error": why}
    held |= {"next_attempt_at": hold.again_at, "attempts": delivery.attempts - 1}
    if not _let_go(connection, delivery, held):
        return False
    news = hold.code != delivery.held_code
    if news:
        note(connection, now, delivery.series_uid, EventKind.DELIVERY_HELD, f"{_name(delivery)}: {why}")
    _supersede(connection, and_(deliveries.c.delivery_id == delivery.delivery_id, _outdated()), now)
    return news


def bury(connection: Connection, delivery: Delivery, error: str, now: datetime, outcome: str) -> None:
    """See :meth:`marrowcount.ports.Outbox.bury_delivery`."""
    if _let_go(connection, delivery, {"state": DeliveryState.DEAD, "last_error": error, "outcome": outcome}):
        note(connection, now, delivery.series_uid, EventKind.DELIVERY_BURIED, f"{_name(delivery)}: {error}")


def _let_go(connection: Connection, delivery: Delivery, values: Mapping[str, object]) -> bool:
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


def find_locked(connection: Connection, series_uid: str) -> Sequence[Delivery]:
    """Deliveries of one slide, the oldest first; nobody changes them until the transaction ends."""
    wanted = select(deliveries).where(deliveries.c.series_uid == series_uid).order_by(deliveries.c.delivery_id)
    return [delivery_of(row) for row in connection.execute(wanted.with_for_update())]


def find_awaiting_commitment(connection: Connection, asked_until: datetime) -> Sequence[Delivery]:
    """See :meth:`marrowcount.ports.Outbox.awaiting_commitment`."""
    delivered = select(deliveries).where(deliveries.c.state == DeliveryState.DELIVERED)
    wanted = delivered.where(deliveries.c.asked_at <= asked_until).order_by(deliveries.c.delivery_id)
    return [delivery_of(row) for row in connection.execute(wanted)]


def find_destinations_waiting(connection: Connection) -> Sequence[str]:
    """See :meth:`marrowcount.ports.Outbox.destinations_waiting`."""
    name = deliveries.c.destination
    wanted = select(name).where(deliveries.c.state == DeliveryState.WAITING).distinct()
    return sorted(connection.execute(wanted).scalars())


def find_one(connection: Connection, delivery_id: int) -> Delivery | None:
    """One delivery; None where there is none."""
    row = connection.execute(select(deliveries).where(deliveries.c.delivery_id == delivery_id)).first()
    return None if row is None else delivery_of(row)


def put_aside(connection: Connection, delivery_id: int, after: DeliveryState, now: datetime, by: str) -> bool:
    """Hold or drop a delivery; False where it is in a state in which that cannot be done."""
    before, kind = PUTTING_ASIDE[after]
    row = connection.execute(
        update(deliveries)
        .where(deliveries.c.delivery_id == delivery_id, deliveries.c.state.in_(before))
        .where(or_(deliveries.c.state != after, deliveries.c.held_code != ""))
        .values(state=after, held_code="")
        .returning(deliveries.c.series_uid, deliveries.c.destination, deliveries.c.revision)
    ).first()
    if row is not None:
        note(connection, now, row.series_uid, kind, f"{_named(row.destination, row.revision)} by {by}")
    return row is not None


def revive(connection: Connection, delivery_id: int, now: datetime, by: str) -> bool:
    """See :meth:`marrowcount.ports.Outbox.revive_delivery`."""
    delivery = find_one(connection, delivery_id)
    if delivery is None or delivery.state not in REVIVABLE:
        return False
    lock_slide(connection, delivery.series_uid)
    again: dict[str, object] = {"state": DeliveryState.WAITING, "owed_since": now, "next_attempt_at": now, "asks": 0}
    again |= {"held_code": ""}
    if delivery.state is DeliveryState.UNCOMMITTED:
        again |= {"taken": []}
    revived = (
        update(deliveries)
        .where(deliveries.c.delivery_id == delivery_id, deliveries.c.state == delivery.state, ~_outdated())
        .values(again)
    )
    if connection.execute(revived).rowcount != 1:
        return False
    detail = f"{_name(delivery)} by {by}" if by else _name(delivery)
    note(connection, now, delivery.series_uid, EventKind.DELIVERY_REVIVED, detail)
    return True


def _name(delivery: Delivery) -> str:
    return _named(delivery.order.destination, delivery.revision)


def _named(destination: str, revision: int) -> str:
    return f"revision {revision} to {destination}"
