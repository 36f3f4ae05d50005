"""The tables of workitems that the node took on, and of how far counts have come."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, Boolean, Column, Float, Index, Integer, String, Table, Text, UniqueConstraint

from marrowcount_adapters.sql.tables import UtcTime, metadata

__all__ = ["count_progress", "tasks"]

tasks: Final = Table(
    "tasks",
    metadata,
    Column("task_id", Integer, primary_key=True),
    Column("worklist", String(64), nullable=False),
    Column("workitem_uid", String(64), nullable=False),
    Column("transaction_uid", String(64), nullable=False),
    Column("workitem_codes", JSON, nullable=False),
    Column("inputs", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("claimed_at", UtcTime),
    Column("changed_at", UtcTime, nullable=False),
    Column("looks", Integer, nullable=False),
    Column("leased", Boolean, nullable=False),
    # End of its lease, or when it is looked at next.
    Column("due_at", UtcTime, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("percent", Integer, nullable=False),
    Column("message", Text, nullable=False),
    Column("wish", JSON(none_as_null=True)),
    UniqueConstraint("worklist", "workitem_uid"),
    Index("ix_tasks_state_due_at", "state", "due_at"),
    sqlite_autoincrement=True,
)

count_progress: Final = Table(
    "count_progress",
    metadata,
    Column("series_uid", String(64), primary_key=True),
    Column("tiles", Integer, nullable=False),
    Column("cells", Integer, nullable=False),
    Column("share", Float, nullable=False),
    Column("at", UtcTime, nullable=False),
)
