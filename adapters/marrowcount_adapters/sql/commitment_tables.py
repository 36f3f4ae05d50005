"""The table of what the node was asked to answer for."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, Column, Integer, String, Table, Text, UniqueConstraint

from marrowcount_adapters.sql.tables import UtcTime, metadata

__all__ = ["commitment_requests"]

commitment_requests: Final = Table(
    "commitment_requests",
    metadata,
    Column("request_id", Integer, primary_key=True),
    Column("transaction_uid", String(64), nullable=False),
    # 0 for the request that the transaction belongs to; those above use its UID a second time.
    Column("number", Integer, nullable=False),
    Column("requester", String(16), nullable=False),
    Column("instances", JSON, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("requested_at", UtcTime, nullable=False),
    Column("owed_since", UtcTime, nullable=False),
    Column("next_attempt_at", UtcTime, nullable=False),
    Column("leased_by", Text, nullable=False),
    Column("leased_until", UtcTime),
    Column("last_error", Text, nullable=False),
    Column("reported_at", UtcTime),
    UniqueConstraint("transaction_uid", "number"),
    sqlite_autoincrement=True,
)
