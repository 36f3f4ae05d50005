"""The worklist's own tables."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, Boolean, Column, Float, Index, MetaData, String, Table, Text

__all__ = ["deleted", "global_subscriptions", "metadata", "subscriptions", "workitems"]

metadata: Final = MetaData()

workitems: Final = Table(
    "workitems",
    metadata,
    Column("uid", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("transaction_uid", String(64), nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("changed_at", Float, nullable=False),
    Index("ix_workitems_state", "state"),
)

deleted: Final = Table("deleted", metadata, Column("uid", String(64), primary_key=True))

subscriptions: Final = Table(
    "subscriptions",
    metadata,
    Column("ae_title", String(64), primary_key=True),
    Column("uid", String(64), primary_key=True),
    Column("locked", Boolean, nullable=False),
    Index("ix_subscriptions_uid", "uid"),
)

global_subscriptions: Final = Table(
    "global_subscriptions",
    metadata,
    Column("ae_title", String(64), primary_key=True),
    # The well-known UID subscribed to; the filter belongs to the filtered one.
    Column("uid", String(64), primary_key=True),
    Column("filter", Text, nullable=False),
    Column("locked", Boolean, nullable=False),
)
