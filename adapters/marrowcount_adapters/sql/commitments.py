"""The port of commitment requests, answered by the ledger's database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_, select, update

from marrowcount.ports import (
    AskedInstance,
    Commitments,
    CommitmentState,
    CommitmentTask,
    FailureReason,
    RequestRecording,
)
from marrowcount.ports.commitments import asked_anew, is_same_request
from marrowcount_adapters.sql.commitment_tables import commitment_requests as table
from marrowcount_adapters.sql.statements import insert_unless_there

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row

    from marrowcount.ports import CommitmentRequest
    from marrowcount_adapters.sql.database import SqlDatabase

__all__ = ["SqlCommitments"]


class SqlCommitments(Commitments):
    """What the node was asked to answer for, in a table beside the ledger's."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    def record_request(self, request: CommitmentRequest, now: datetime) -> RequestRecording:
        """See the port."""
        with self._database.writing() as connection:
            recording = _record(connection, request, now)
            # Another request of the same transaction came at the same moment: this one is now the second.
            return recording or _record(connection, request, now) or RequestRecording.DUPLICATE

    def lease_request(self, who: str, now: datetime, lease_s: float) -> CommitmentTask | None:
        """See the port."""
        with self._database.writing() as connection:
            return _lease(connection, who, now, lease_s)

    def put_back(
        self, task: CommitmentTask, instances: Sequence[AskedInstance], not_before: datetime, error: str = ""
    ) -> None:
        """See the port."""
        waiting = {
            "state": CommitmentState.WAITING,
            "next_attempt_at": not_before,
            "last_error": error,
            "failures": task.failures + bool(error),
        }
        self._let_go(task, instances, waiting)

    def reported(self, task: CommitmentTask, instances: Sequence[AskedInstance], now: datetime) -> None:
        """See the port."""
        done = {"state": CommitmentState.REPORTED, "reported_at": now, "last_error": ""}
        self._let_go(task, instances, done)

    def bury_request(self, task: CommitmentTask, instances: Sequence[AskedInstance], error: str) -> None:
        """See the port."""
        self._let_go(task, instances, {"state": CommitmentState.DEAD, "last_error": error})

    def revive_request(self, request_id: int, now: datetime) -> bool:
        """See the port."""
        with self._database.writing() as connection:
            this = select(table).where(table.c.request_id == request_id, table.c.state == CommitmentState.DEAD)
            row = connection.execute(this.with_for_update()).first()
            if row is not None:
                _ask_anew(connection, _task_of(row), now)
            return row is not None

    def requests(self, *states: CommitmentState) -> Sequence[CommitmentTask]:
        """See the port."""
        wanted = select(table).order_by(table.c.request_id)
        if states:
            wanted = wanted.where(table.c.state.in_(states))
        with self._database.reading() as connection:
            return [_task_of(row) for row in connection.execute(wanted)]

    def _let_go(self, task: CommitmentTask, instances: Sequence[AskedInstance], values: Mapping[str, object]) -> None:
        # The number of attempts is the fence: whoever leases the request again raises it.
        held = update(table).where(table.c.request_id == task.request_id, table.c.attempts == task.attempts)
        held = held.where(table.c.state == CommitmentState.REPORTING)
        with self._database.writing() as connection:
            connection.execute(held.values({**values, "instances": _stored(instances), "leased_until": None}))


def _record(connection: Connection, request: CommitmentRequest, now: datetime) -> RequestRecording | None:
    """None where another request of the same transaction came at the same moment."""
    wanted = select(table).where(table.c.transaction_uid == request.transaction_uid).order_by(table.c.number)
    known = [_task_of(row) for row in connection.execute(wanted.with_for_update())]
    same = next((task for task in known if is_same_request(task, request)), None)
    if same is not None:
        if same.state in {CommitmentState.REPORTED, CommitmentState.DEAD}:
            _ask_anew(connection, same, now)
        return RequestRecording.REPEATED
    verdict = FailureReason.DUPLICATE_TRANSACTION if known else None
    named = [AskedInstance(one.sop_class_uid, one.sop_instance_uid, verdict) for one in request.instances]
    row = {
        "transaction_uid": request.transaction_uid,
        "number": len(known),
        "requester": request.requester,
        "instances": _stored(named),
        "state": CommitmentState.WAITING,
        "attempts": 0,
        "failures": 0,
        **dict.fromkeys(("requested_at", "owed_since", "next_attempt_at"), now),
        **dict.fromkeys(("leased_by", "last_error"), ""),
    }
    if not insert_unless_there(connection, table, row):
        return None
    return RequestRecording.DUPLICATE if known else RequestRecording.NEW


def _ask_anew(connection: Connection, task: CommitmentTask, now: datetime) -> None:
    again = asked_anew(task, now)
    connection.execute(
        update(table)
        .where(table.c.request_id == task.request_id)
        .values(
            instances=_stored(again.instances),
            state=again.state,
            attempts=again.attempts,
            failures=again.failures,
            owed_since=now,
            next_attempt_at=now,
            last_error="",
        )
    )


def _lease(connection: Connection, who: str, now: datetime, lease_s: float) -> CommitmentTask | None:
    row = connection.execute(
        select(table).where(_free(now)).order_by(table.c.request_id).limit(1).with_for_update(skip_locked=True)
    ).first()
    if row is None:
        return None
    leased = replace(_task_of(row), state=CommitmentState.REPORTING, attempts=row.attempts + 1)
    until = now + timedelta(seconds=lease_s)
    taken = {"state": leased.state, "attempts": leased.attempts, "leased_by": who, "leased_until": until}
    connection.execute(update(table).where(table.c.request_id == row.request_id).values(taken))
    return leased


def _free(now: datetime) -> ColumnElement[bool]:
    return or_(
        and_(table.c.state == CommitmentState.WAITING, table.c.next_attempt_at <= now),
        and_(table.c.state == CommitmentState.REPORTING, table.c.leased_until <= now),
    )


def _stored(instances: Sequence[AskedInstance]) -> list[list[object]]:
    return [[one.sop_class_uid, one.sop_instance_uid, one.verdict] for one in instances]


def _task_of(row: Row[Any]) -> CommitmentTask:
    return CommitmentTask(
        request_id=row.request_id,
        transaction_uid=row.transaction_uid,
        requester=row.requester,
        instances=tuple(AskedInstance(*one) for one in row.instances),
        state=CommitmentState(row.state),
        attempts=row.attempts,
        failures=row.failures,
        requested_at=row.requested_at,
        owed_since=row.owed_since,
        next_attempt_at=row.next_attempt_at,
        last_error=row.last_error,
        reported_at=row.reported_at,
    )
