"""The table of reports."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, Boolean, Column, ForeignKeyConstraint, Integer, String, Table, Text

from marrowcount_adapters.sql.tables import UtcTime, metadata

__all__ = ["reports"]

reports: Final = Table(
    "reports",
    metadata,
    Column("series_uid", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("issued_at", UtcTime, nullable=False),
    Column("folder", Text, nullable=False),
    Column("given_out", Boolean, nullable=False),
    Column("signature", JSON),
    Column("counts", JSON),
    ForeignKeyConstraint(["series_uid", "revision"], ["results.series_uid", "results.revision"]),
)
