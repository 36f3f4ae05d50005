"""The tables, as they stand after the newest migration."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
    true,
)

if TYPE_CHECKING:
    from sqlalchemy import Dialect

__all__ = [
    "OPEN_JOBS",
    "JobState",
    "UtcTime",
    "circuits",
    "commitment_asks",
    "deliveries",
    "events",
    "instances",
    "jobs",
    "metadata",
    "results",
    "slides",
]


class JobState(StrEnum):
    """Where the work on one revision of a slide stands."""

    WAITING = "waiting"
    LEASED = "leased"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    """A late instance made it pointless."""


OPEN_JOBS: Final = (JobState.WAITING, JobState.LEASED)


class UtcTime(TypeDecorator[datetime]):
    """An instant with zone; SQLite keeps none, so all are stored in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """To UTC.

        Raises:
            ValueError: the time has no zone.
        """
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without zone")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """With zone UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

slides: Final = Table(
    "slides",
    metadata,
    Column("series_uid", String(64), primary_key=True),
    Column("study_uid", String(64), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("instances", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("code", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("result_folder", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("first_received_at", UtcTime, nullable=False),
    Column("last_received_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
)

instances: Final = Table(
    "instances",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("sop_instance_uid", String(64), nullable=False, unique=True),
    Column("sop_class_uid", String(64), nullable=False),
    # Deferred, because the instance goes in first: it is what two senders may contend for.
    Column(
        "series_uid",
        String(64),
        ForeignKey("slides.series_uid", deferrable=True, initially="DEFERRED"),
        nullable=False,
        index=True,
    ),
    Column("study_uid", String(64), nullable=False, index=True),
    Column("facts", JSON, nullable=False),
    Column("path", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sender", Text, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)

jobs: Final = Table(
    "jobs",
    metadata,
    Column("job_id", Integer, primary_key=True),
    Column("series_uid", String(64), ForeignKey("slides.series_uid"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("not_before", UtcTime, nullable=False),
    Column("leased_by", Text, nullable=False),
    Column("leased_until", UtcTime),
    Column("message", Text, nullable=False),
    Column("put_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
    sqlite_autoincrement=True,
)

_OPEN = text("state IN ('waiting', 'leased')")
Index("uq_jobs_one_open_per_slide", jobs.c.series_uid, unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)

results: Final = Table(
    "results",
    metadata,
    Column("series_uid", String(64), ForeignKey("slides.series_uid"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("result_folder", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("counted_at", UtcTime, nullable=False),
)

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("delivery_id", Integer, primary_key=True),
    Column("series_uid", String(64), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("destination", Text, nullable=False),
    Column("files", JSON, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("owed_since", UtcTime, nullable=False),
    Column("next_attempt_at", UtcTime, nullable=False),
    Column("leased_by", Text, nullable=False),
    Column("leased_until", UtcTime),
    Column("last_error", Text, nullable=False),
    Column("delivered_at", UtcTime),
    Column("commitment_uid", String(64), nullable=False, index=True),
    Column("taken", JSON),
    Column("asked_at", UtcTime),
    Column("asks", Integer, nullable=False, server_default=text("0")),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("subject_key", Text, nullable=False, server_default=text("''")),
    Column("skippable", Boolean, nullable=False, server_default=true()),
    Column("held_code", String(64), nullable=False, server_default=text("''")),
    Column("outcome", Text, nullable=False, server_default=text("''")),
    ForeignKeyConstraint(["series_uid", "revision"], ["results.series_uid", "results.revision"]),
    Index("ix_deliveries_series_uid_destination", "series_uid", "destination"),
    Index("ix_deliveries_subject_key_destination", "subject_key", "destination"),
    sqlite_autoincrement=True,
)

commitment_asks: Final = Table(
    "commitment_asks",
    metadata,
    Column("transaction_uid", String(64), primary_key=True),
    Column("delivery_id", Integer, ForeignKey("deliveries.delivery_id"), nullable=False),
    Column("asked_at", UtcTime, nullable=False),
)

circuits: Final = Table(
    "circuits",
    metadata,
    Column("destination", Text, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("failures", Integer, nullable=False),
    Column("openings", Integer, nullable=False),
    Column("until", UtcTime),
    Column("code", String(64), nullable=False),
)

events: Final = Table(
    "events",
    metadata,
    Column("event_id", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False),
    # No foreign key: history must never hold up the work.
    Column("series_uid", String(64), nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    sqlite_autoincrement=True,
)
