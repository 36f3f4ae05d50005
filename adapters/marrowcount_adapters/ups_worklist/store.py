"""The worklist's memory: workitems, who holds them, and who hears of them."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import create_engine, delete, event, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from marrowcount.errors import StorageError
from marrowcount.workitems import FINAL_STATES, WorkitemState
from marrowcount_adapters.ups_worklist.tables import (
    deleted,
    global_subscriptions,
    metadata,
    subscriptions,
    workitems,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from sqlite3 import Connection as SqliteConnection

    from sqlalchemy import Connection, Engine

    from marrowcount_adapters.ups_worklist.json_model import Attributes

__all__ = ["GlobalSubscription", "StoredWorkitem", "Transaction", "WorklistStore", "open_store"]

BUSY_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class StoredWorkitem:
    """A workitem as it lies here.

    Attributes:
        transaction_uid: of whoever holds or held it; empty while nobody does. It never leaves the store.
        attributes: all others, with its UIDs and its state.
        changed_at: seconds since the epoch.
    """

    uid: str
    state: WorkitemState
    transaction_uid: str
    attributes: Attributes
    changed_at: float


@dataclass(frozen=True, slots=True)
class GlobalSubscription:
    """An application's wish to hear of new workitems.

    Attributes:
        uid: the well-known UID subscribed to.
        filter: as it was given; empty for all workitems.
        locked: whether its workitems stay until it unsubscribes.
    """

    ae_title: str
    uid: str
    filter: str
    locked: bool


def open_store(file: Path) -> WorklistStore:
    """Open the database, made where there is none.

    Raises:
        StorageError: it cannot be made or read.
    """
    engine = create_engine(
        f"sqlite+pysqlite:///{file}", hide_parameters=True, connect_args={"timeout": BUSY_S}, pool_size=20
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        metadata.create_all(engine)
    except (OSError, SQLAlchemyError) as error:
        engine.dispose()
        raise StorageError("worklist-database", f"the worklist's database cannot be opened: {_said(error)}") from error
    return WorklistStore(engine)


def _set_up(connection: SqliteConnection, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    for pragma in ("journal_mode = WAL", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {str(getattr(error, 'orig', error)).partition(chr(10))[0]}"


class WorklistStore:
    """Transactions on the worklist; one at a time, so that of two claims one comes first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A transaction; rolled back where the block fails.

        Raises:
            StorageError: the database failed.
        """
        try:
            with self._engine.begin() as connection:
                yield Transaction(connection)
        except SQLAlchemyError as error:
            raise StorageError("worklist-database", f"the worklist's database failed: {_said(error)}") from error

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()


class Transaction:
    """What can be asked and changed within a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, uid: str) -> StoredWorkitem | None:
        """A workitem; None where there is none."""
        row = self._connection.execute(select(workitems).where(workitems.c.uid == uid)).first()
        return None if row is None else _workitem(row)

    def all(self, state: WorkitemState | None = None) -> Sequence[StoredWorkitem]:
        """Workitems, the oldest first, of one state or of all."""
        wanted = select(workitems).order_by(workitems.c.changed_at, workitems.c.uid)
        if state is not None:
            wanted = wanted.where(workitems.c.state == state)
        return [_workitem(row) for row in self._connection.execute(wanted)]

    def was_deleted(self, uid: str) -> bool:
        """Whether there was such a workitem."""
        return self._connection.execute(select(deleted.c.uid).where(deleted.c.uid == uid)).first() is not None

    def add(self, workitem: StoredWorkitem) -> None:
        """Keep a new workitem."""
        self._connection.execute(insert(workitems).values(**_columns(workitem)))
        self._connection.execute(delete(deleted).where(deleted.c.uid == workitem.uid))

    def change(self, workitem: StoredWorkitem) -> None:
        """Keep a workitem as it is now."""
        self._connection.execute(update(workitems).where(workitems.c.uid == workitem.uid).values(**_columns(workitem)))

    def delete_final(self, before: float) -> int:
        """Delete what ended before that time and nobody has a lock on; how many."""
        locked = select(subscriptions.c.uid).where(subscriptions.c.locked)
        old = select(workitems.c.uid).where(
            workitems.c.state.in_(sorted(FINAL_STATES)),
            workitems.c.changed_at < before,
            workitems.c.uid.not_in(locked),
        )
        uids = list(self._connection.execute(old).scalars())
        for uid in uids:
            self._connection.execute(insert(deleted).values(uid=uid))
            self._connection.execute(delete(subscriptions).where(subscriptions.c.uid == uid))
            self._connection.execute(delete(workitems).where(workitems.c.uid == uid))
        return len(uids)

    def subscribers(self, uid: str) -> Sequence[str]:
        """AE titles that hear of a workitem."""
        found = select(subscriptions.c.ae_title).where(subscriptions.c.uid == uid)
        return list(self._connection.execute(found.order_by(subscriptions.c.ae_title)).scalars())

    def subscription_of(self, ae_title: str, uid: str) -> bool | None:
        """Whether the subscription to a workitem holds a lock; None without a subscription."""
        mine = select(subscriptions.c.locked).where(subscriptions.c.ae_title == ae_title, subscriptions.c.uid == uid)
        locked = self._connection.execute(mine).scalar()
        return None if locked is None else bool(locked)

    def subscribe(self, ae_title: str, uid: str, *, locked: bool) -> None:
        """Subscribe to a workitem, or change the lock of a subscription."""
        self.unsubscribe(ae_title, uid)
        self._connection.execute(insert(subscriptions).values(ae_title=ae_title, uid=uid, locked=locked))

    def unsubscribe(self, ae_title: str, uid: str) -> bool:
        """Unsubscribe from a workitem; False where there was no subscription."""
        mine = delete(subscriptions).where(subscriptions.c.ae_title == ae_title, subscriptions.c.uid == uid)
        return self._connection.execute(mine).rowcount > 0

    def unsubscribe_all(self, ae_title: str) -> None:
        """Unsubscribe from every workitem."""
        self._connection.execute(delete(subscriptions).where(subscriptions.c.ae_title == ae_title))

    def global_subscriptions(self) -> Sequence[GlobalSubscription]:
        """Who wants to hear of new workitems."""
        rows = self._connection.execute(select(global_subscriptions).order_by(global_subscriptions.c.ae_title))
        return [GlobalSubscription(row.ae_title, row.uid, row.filter, bool(row.locked)) for row in rows]

    def subscribe_globally(self, wish: GlobalSubscription) -> None:
        """Keep the wish, in the place of an older one."""
        self.suspend(wish.ae_title, wish.uid)
        self._connection.execute(
            insert(global_subscriptions).values(
                ae_title=wish.ae_title, uid=wish.uid, filter=wish.filter, locked=wish.locked
            )
        )

    def suspend(self, ae_title: str, uid: str) -> bool:
        """Let go of the wish; False where there was none."""
        mine = delete(global_subscriptions).where(
            global_subscriptions.c.ae_title == ae_title, global_subscriptions.c.uid == uid
        )
        return self._connection.execute(mine).rowcount > 0


def _workitem(row: Any) -> StoredWorkitem:  # noqa: ANN401 - a row of SQLAlchemy
    attributes = copy.deepcopy(row.attributes)
    return StoredWorkitem(row.uid, WorkitemState(row.state), row.transaction_uid, attributes, row.changed_at)


def _columns(workitem: StoredWorkitem) -> dict[str, object]:
    return {
        "uid": workitem.uid,
        "state": workitem.state,
        "transaction_uid": workitem.transaction_uid,
        "attributes": workitem.attributes,
        "changed_at": workitem.changed_at,
    }
