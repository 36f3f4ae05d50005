"""How it goes with destinations, for all who send to them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from sqlalchemy import and_, select, update

from marrowcount.ports import Circuit
from marrowcount_adapters.sql.rows import circuit_of
from marrowcount_adapters.sql.statements import insert_unless_there
from marrowcount_adapters.sql.tables import circuits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

__all__ = ["find", "find_one", "switch"]


def find_one(connection: Connection, destination: str) -> Circuit:
    """See :meth:`marrowcount.ports.Outbox.circuit`."""
    row = connection.execute(select(circuits).where(circuits.c.destination == destination)).first()
    return Circuit(destination) if row is None else circuit_of(row)


def find(connection: Connection) -> Sequence[Circuit]:
    """See :meth:`marrowcount.ports.Outbox.circuits`."""
    return [circuit_of(row) for row in connection.execute(select(circuits).order_by(circuits.c.destination))]


def switch(connection: Connection, before: Circuit, after: Circuit) -> bool:
    """See :meth:`marrowcount.ports.Outbox.switch`."""
    if before == Circuit(before.destination) and insert_unless_there(connection, circuits, asdict(after)):
        return True
    columns = circuits.c
    same = [columns[name].is_not_distinct_from(value) for name, value in asdict(before).items()]
    return connection.execute(update(circuits).where(and_(*same)).values(asdict(after))).rowcount == 1
