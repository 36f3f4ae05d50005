"""The port of expectations, answered by the ledger's database."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, case, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from marrowcount.ports import Expectations
from marrowcount.slides.expectations import Expectation, ExpectationSource, ExpectedInstance, SeriesCount
from marrowcount_adapters.sql.expectation_tables import expectations, expected_instances, series_counts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row, Table

    from marrowcount_adapters.sql.database import SqlDatabase

__all__ = ["SqlExpectations"]

MOST_VARIABLES: Final = 500
"""Values in one IN clause; SQLite allows no more than some thousands of variables in a statement."""


class SqlExpectations(Expectations):
    """Expectations in the tables beside the ledger's."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    def expect(self, expectation: Expectation) -> None:
        """See the port."""
        with self._database.writing() as connection:
            number = _put(connection, expectation)
            connection.execute(delete(expected_instances).where(expected_instances.c.expectation_id == number))
            rows = [_item_row(number, item) for item in expectation.instances]
            if rows:
                connection.execute(insert(expected_instances), rows)

    def withdraw(self, source: ExpectationSource, key: str) -> bool:
        """See the port."""
        with self._database.writing() as connection:
            gone = delete(expectations).where(_is(source, key))  # its instances go with it
            return connection.execute(gone).rowcount == 1

    def find(self, source: ExpectationSource, key: str) -> Expectation | None:
        """See the port."""
        with self._database.reading() as connection:
            numbers = connection.execute(select(expectations.c.expectation_id).where(_is(source, key))).scalars().all()
            return next(_lists(connection, numbers), None)

    def naming(self, series_uid: str, sop_instance_uids: Collection[str]) -> Sequence[Expectation]:
        """See the port."""
        with self._database.reading() as connection:
            numbers = set(_numbers(connection, expected_instances.c.series_uid == series_uid))
            for uids in _portions(sop_instance_uids):
                numbers |= set(_numbers(connection, expected_instances.c.sop_instance_uid.in_(uids)))
            return sorted(_lists(connection, numbers), key=lambda one: (one.said_at, one.source, one.key))

    def note_count(self, series_uid: str, said_by: str, instances: int, at: datetime) -> None:
        """See the port."""
        with self._database.writing() as connection:
            put = _inserting(connection, series_counts).values(
                series_uid=series_uid, said_by=said_by, instances=instances, since=at, confirmed_at=at
            )
            same = series_counts.c.instances == put.excluded.instances
            connection.execute(
                put.on_conflict_do_update(
                    index_elements=[series_counts.c.series_uid, series_counts.c.said_by],
                    set_={
                        "instances": put.excluded.instances,
                        "since": case((same, series_counts.c.since), else_=put.excluded.since),
                        "confirmed_at": put.excluded.confirmed_at,
                    },
                )
            )

    def counts(self, series_uid: str) -> Sequence[SeriesCount]:
        """See the port."""
        wanted = select(series_counts).where(series_counts.c.series_uid == series_uid)
        with self._database.reading() as connection:
            return [SeriesCount(**row) for row in connection.execute(wanted.order_by("said_by")).mappings()]


def _put(connection: Connection, expectation: Expectation) -> int:
    """The list's number; its row stays locked until the transaction ends, so that two who replace it take turns."""
    put = _inserting(connection, expectations).values(
        source=expectation.source,
        key=expectation.key,
        said_by=expectation.said_by,
        said_at=expectation.said_at,
    )
    replaced = put.on_conflict_do_update(
        index_elements=[expectations.c.source, expectations.c.key],
        set_={"said_by": put.excluded.said_by, "said_at": put.excluded.said_at},
    )
    number: int = connection.execute(replaced.returning(expectations.c.expectation_id)).scalar_one()
    return number


def _inserting(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return make(table)


def _is(source: ExpectationSource, key: str) -> ColumnElement[bool]:
    return and_(expectations.c.source == source, expectations.c.key == key)


def _numbers(connection: Connection, condition: ColumnElement[bool]) -> Iterable[int]:
    return connection.execute(select(expected_instances.c.expectation_id).where(condition).distinct()).scalars()


def _portions(uids: Collection[str]) -> Iterator[Sequence[str]]:
    ordered = sorted(uids)
    return (ordered[start : start + MOST_VARIABLES] for start in range(0, len(ordered), MOST_VARIABLES))


def _lists(connection: Connection, numbers: Collection[int]) -> Iterator[Expectation]:
    """The lists of these numbers, whole."""
    if not numbers:
        return
    rows = connection.execute(
        select(
            expectations,
            expected_instances.c.sop_instance_uid,
            expected_instances.c.sop_class_uid,
            expected_instances.c.series_uid,
        )
        .outerjoin(expected_instances, expected_instances.c.expectation_id == expectations.c.expectation_id)
        .where(expectations.c.expectation_id.in_(numbers))
        .order_by(expectations.c.expectation_id, expected_instances.c.number)
    )
    for _, group in groupby(rows, key=lambda row: row.expectation_id):
        yield _expectation_of(list(group))


def _expectation_of(rows: Sequence[Row[Any]]) -> Expectation:
    first = rows[0]
    return Expectation(
        source=ExpectationSource(first.source),
        key=first.key,
        said_by=first.said_by,
        instances=tuple(
            ExpectedInstance(row.sop_instance_uid, row.sop_class_uid, row.series_uid)
            for row in rows
            if row.sop_instance_uid is not None
        ),
        said_at=first.said_at,
    )


def _item_row(number: int, item: ExpectedInstance) -> dict[str, object]:
    return {
        "expectation_id": number,
        "sop_instance_uid": item.sop_instance_uid,
        "sop_class_uid": item.sop_class_uid,
        "series_uid": item.series_uid,
    }
