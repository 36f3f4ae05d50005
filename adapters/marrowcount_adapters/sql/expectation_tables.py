"""The tables of what somebody said belongs to a slide."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from marrowcount_adapters.sql.tables import UtcTime, metadata

__all__ = ["expectations", "expected_instances", "series_counts"]

expectations: Final = Table(
    "expectations",
    metadata,
    Column("expectation_id", Integer, primary_key=True),
    Column("source", String(16), nullable=False),
    Column("key", String(128), nullable=False),
    Column("said_by", Text, nullable=False),
    Column("said_at", UtcTime, nullable=False),
    UniqueConstraint("source", "key"),
    sqlite_autoincrement=True,
)

expected_instances: Final = Table(
    "expected_instances",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("expectation_id", Integer, ForeignKey("expectations.expectation_id", ondelete="CASCADE"), nullable=False),
    Column("sop_instance_uid", String(64), nullable=False, index=True),
    Column("sop_class_uid", String(64), nullable=False),
    # No foreign key to slides: most lists come before the first instance.
    Column("series_uid", String(64), nullable=False, index=True),
    Index("ix_expected_instances_expectation_id", "expectation_id"),
    sqlite_autoincrement=True,
)

series_counts: Final = Table(
    "series_counts",
    metadata,
    Column("series_uid", String(64), primary_key=True),
    Column("said_by", String(64), primary_key=True),
    Column("instances", Integer, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("confirmed_at", UtcTime, nullable=False),
)
