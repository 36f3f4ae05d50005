"""The port of tasks, answered by the ledger's database."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from marrowcount.errors import StorageError
from marrowcount.ports import CountProgress, NewTask, Task, TaskLedger, TaskState
from marrowcount.workitems import Code, Discontinuation, InstanceReference, ReferencedSeries
from marrowcount_adapters.sql.task_tables import count_progress, tasks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row

    from marrowcount_adapters.sql.database import SqlDatabase

__all__ = ["SqlTasks"]

OPEN: Final = tuple(state.value for state in TaskState if state.is_open)


class SqlTasks(TaskLedger):
    """Tasks in the tables beside the ledger's."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    def open_task(self, order: NewTask, now: datetime) -> Task | None:
        """See the port."""
        with self._database.writing() as connection:
            row = connection.execute(_inserted_or_reopened(connection, order, now)).first()
            return None if row is None else _task(row)

    def lease_task(self, worklist: str, now: datetime, lease_s: float) -> Task | None:
        """See the port."""
        due = and_(tasks.c.worklist == worklist, tasks.c.state.in_(OPEN), tasks.c.due_at <= now)
        oldest = select(tasks.c.task_id).where(due).order_by(tasks.c.due_at, tasks.c.task_id).limit(1)
        with self._database.writing() as connection:
            number = connection.execute(oldest.with_for_update(skip_locked=True)).scalar()
            if number is None:
                return None
            leased = (
                update(tasks)
                .where(tasks.c.task_id == number)
                .values(looks=tasks.c.looks + 1, leased=True, due_at=now + timedelta(seconds=lease_s))
            )
            return _task(connection.execute(leased.returning(tasks)).one())

    def extend_task(self, task: Task, now: datetime, lease_s: float) -> bool:
        """See the port."""
        extended = update(tasks).where(_holds(task)).values(due_at=now + timedelta(seconds=lease_s))
        with self._database.writing() as connection:
            return connection.execute(extended).rowcount == 1

    def keep_task(self, task: Task, now: datetime, look_again_at: datetime) -> bool:
        """See the port."""
        with self._database.writing() as connection:
            row = connection.execute(select(tasks).where(_holds(task)).with_for_update()).first()
            if row is None:
                return False
            before = _task(row)
            came_meanwhile = before.wish is not None and before.wish != task.wish
            same = (before.state, before.message) == (task.state, task.message)
            kept = (
                update(tasks)
                .where(_holds(task))
                .values(
                    state=task.state,
                    claimed_at=task.claimed_at,
                    changed_at=before.changed_at if same else now,
                    leased=False,
                    due_at=now if came_meanwhile else look_again_at,
                    failures=task.failures,
                    percent=task.percent,
                    message=task.message,
                )
            )
            return connection.execute(kept).rowcount == 1

    def wish_cancel(self, worklist: str, workitem_uid: str, why: Discontinuation, now: datetime) -> bool:
        """See the port."""
        wished = update(tasks).where(_is_open(worklist, workitem_uid)).values(wish=asdict(why))
        with self._database.writing() as connection:
            known = connection.execute(wished).rowcount == 1
            _wake(connection, worklist, workitem_uid, now)
            return known

    def wake_task(self, worklist: str, workitem_uid: str, now: datetime) -> bool:
        """See the port."""
        known = select(tasks.c.task_id).where(_is_open(worklist, workitem_uid))
        with self._database.writing() as connection:
            _wake(connection, worklist, workitem_uid, now)
            return connection.execute(known).first() is not None

    def tasks(self, *states: TaskState) -> Sequence[Task]:
        """See the port."""
        wanted = select(tasks).order_by(tasks.c.task_id)
        if states:
            wanted = wanted.where(tasks.c.state.in_(states))
        with self._database.reading() as connection:
            return [_task(row) for row in connection.execute(wanted)]

    def note_progress(self, progress: CountProgress) -> None:
        """See the port."""
        with self._database.writing() as connection:
            make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            put = make(count_progress).values(**asdict(progress))
            changed = {name: put.excluded[name] for name in ("tiles", "cells", "share", "at")}
            connection.execute(put.on_conflict_do_update(index_elements=[count_progress.c.series_uid], set_=changed))

    def count_progress(self, series_uid: str) -> CountProgress | None:
        """See the port."""
        wanted = select(count_progress).where(count_progress.c.series_uid == series_uid)
        with self._database.reading() as connection:
            row = connection.execute(wanted).first()
        return None if row is None else CountProgress(row.series_uid, row.tiles, row.cells, row.share, row.at)


def _inserted_or_reopened(connection: Connection, order: NewTask, now: datetime) -> Any:  # noqa: ANN401 - of either dialect
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    fresh = {
        "transaction_uid": order.transaction_uid,
        "workitem_codes": [asdict(code) for code in order.workitem_codes],
        "inputs": [asdict(series) for series in order.inputs],
        "state": TaskState.CLAIMING.value,
        "opened_at": now,
        "claimed_at": None,
        "changed_at": now,
        "leased": False,
        "due_at": now,
        "failures": 0,
        "percent": -1,
        "message": "",
        "wish": None,
    }
    put = make(tasks).values(worklist=order.worklist, workitem_uid=order.workitem_uid, looks=0, **fresh)
    return put.on_conflict_do_update(
        index_elements=[tasks.c.worklist, tasks.c.workitem_uid],
        set_={name: put.excluded[name] for name in fresh},
        where=tasks.c.state.not_in(OPEN),
    ).returning(tasks)


def _wake(connection: Connection, worklist: str, workitem_uid: str, now: datetime) -> None:
    """Have it looked at now; whoever looks at it at this moment is not disturbed."""
    asleep = and_(_is_open(worklist, workitem_uid), tasks.c.leased.is_(False), tasks.c.due_at > now)
    connection.execute(update(tasks).where(asleep).values(due_at=now))


def _is_open(worklist: str, workitem_uid: str) -> ColumnElement[bool]:
    return and_(tasks.c.worklist == worklist, tasks.c.workitem_uid == workitem_uid, tasks.c.state.in_(OPEN))


def _holds(task: Task) -> ColumnElement[bool]:
    # The number of looks is the fence: whoever leases the task again raises it.
    return and_(tasks.c.task_id == task.task_id, tasks.c.looks == task.looks, tasks.c.leased.is_(True))


def _task(row: Row[Any]) -> Task:
    try:
        order = NewTask(
            row.worklist,
            row.workitem_uid,
            row.transaction_uid,
            tuple(Code(**code) for code in row.workitem_codes),
            tuple(_series(series) for series in row.inputs),
        )
        wish = None if row.wish is None else Discontinuation(Code(**row.wish["reason"]), row.wish["words"])
        return Task(
            row.task_id,
            order,
            TaskState(row.state),
            row.opened_at,
            row.claimed_at,
            row.changed_at,
            row.looks,
            row.failures,
            row.percent,
            row.message,
            wish,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StorageError("ledger-damaged", "a task cannot be read; restore the database from its backup") from error


def _series(stored: dict[str, Any]) -> ReferencedSeries:
    series = ReferencedSeries(**stored)
    return replace(
        series,
        instances=tuple(InstanceReference(**one) for one in stored["instances"]),
        retrieve_aes=tuple(series.retrieve_aes),
        retrieve_urls=tuple(series.retrieve_urls),
    )
