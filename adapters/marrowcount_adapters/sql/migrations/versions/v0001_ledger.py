"""The first tables: slides, instances, jobs, results, deliveries, events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _slides()
    _instances()
    _jobs()
    _results()
    _deliveries()
    _events()


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _code(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def _slides() -> None:
    op.create_table(
        "slides",
        _code("series_uid", 64),
        _code("study_uid", 64),
        _code("state", 16),
        _number("revision"),
        _number("instances"),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        _text("evidence"),
        _code("code", 64),
        _text("message"),
        _text("result_folder"),
        _text("sender"),
        _time("first_received_at"),
        _time("last_received_at"),
        _time("changed_at"),
        sa.PrimaryKeyConstraint("series_uid", name="pk_slides"),
    )
    op.create_index("ix_slides_state", "slides", ["state"])


def _instances() -> None:
    op.create_table(
        "instances",
        _number("number"),
        _code("sop_instance_uid", 64),
        _code("sop_class_uid", 64),
        _code("series_uid", 64),
        _code("study_uid", 64),
        sa.Column("facts", sa.JSON, nullable=False),
        _text("path"),
        _code("sha256", 64),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        _text("sender"),
        _time("received_at"),
        sa.PrimaryKeyConstraint("number", name="pk_instances"),
        sa.UniqueConstraint("sop_instance_uid", name="uq_instances_sop_instance_uid"),
        sa.ForeignKeyConstraint(
            ["series_uid"],
            ["slides.series_uid"],
            name="fk_instances_series_uid_slides",
            deferrable=True,
            initially="DEFERRED",
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_instances_series_uid", "instances", ["series_uid"])


def _jobs() -> None:
    op.create_table(
        "jobs",
        _number("job_id"),
        _code("series_uid", 64),
        _number("revision"),
        _code("state", 16),
        _number("attempt"),
        _time("not_before"),
        _text("leased_by"),
        _time("leased_until", nullable=True),
        _text("message"),
        _time("put_at"),
        _time("closed_at", nullable=True),
        sa.PrimaryKeyConstraint("job_id", name="pk_jobs"),
        sa.ForeignKeyConstraint(["series_uid"], ["slides.series_uid"], name="fk_jobs_series_uid_slides"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_jobs_state", "jobs", ["state"])
    still_open = sa.text("state IN ('waiting', 'leased')")
    op.create_index(
        "uq_jobs_one_open_per_slide",
        "jobs",
        ["series_uid"],
        unique=True,
        sqlite_where=still_open,
        postgresql_where=still_open,
    )


def _results() -> None:
    op.create_table(
        "results",
        _code("series_uid", 64),
        _number("revision"),
        _text("result_folder"),
        _text("summary"),
        _time("counted_at"),
        sa.PrimaryKeyConstraint("series_uid", "revision", name="pk_results"),
        sa.ForeignKeyConstraint(["series_uid"], ["slides.series_uid"], name="fk_results_series_uid_slides"),
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        _number("delivery_id"),
        _code("series_uid", 64),
        _number("revision"),
        _code("kind", 16),
        _text("destination"),
        sa.Column("files", sa.JSON, nullable=False),
        _code("state", 16),
        _number("attempts"),
        _time("owed_since"),
        _time("next_attempt_at"),
        _text("leased_by"),
        _time("leased_until", nullable=True),
        _text("last_error"),
        _time("delivered_at", nullable=True),
        _code("commitment_uid", 64),
        sa.PrimaryKeyConstraint("delivery_id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(
            ["series_uid", "revision"],
            ["results.series_uid", "results.revision"],
            name="fk_deliveries_series_uid_revision_results",
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deliveries_state", "deliveries", ["state"])
    op.create_index("ix_deliveries_commitment_uid", "deliveries", ["commitment_uid"])
    op.create_index("ix_deliveries_series_uid_destination", "deliveries", ["series_uid", "destination"])


def _events() -> None:
    op.create_table(
        "events",
        _number("event_id"),
        _time("at"),
        _code("series_uid", 64),
        _code("kind", 32),
        _text("detail"),
        sa.PrimaryKeyConstraint("event_id", name="pk_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_series_uid", "events", ["series_uid"])
