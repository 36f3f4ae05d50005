"""What somebody said belongs to a slide: lists of instances, counts of series."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_expectations"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "expectations",
        sa.Column("expectation_id", sa.Integer, nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("said_by", sa.Text, nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("expectation_id", name="pk_expectations"),
        sa.UniqueConstraint("source", "key", name="uq_expectations_source_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "expected_instances",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("expectation_id", sa.Integer, nullable=False),
        sa.Column("sop_instance_uid", sa.String(64), nullable=False),
        sa.Column("sop_class_uid", sa.String(64), nullable=False),
        sa.Column("series_uid", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_expected_instances"),
        sa.ForeignKeyConstraint(
            ["expectation_id"],
            ["expectations.expectation_id"],
            name="fk_expected_instances_expectation_id_expectations",
            ondelete="CASCADE",
        ),
        sqlite_autoincrement=True,
    )
    for column in ("expectation_id", "sop_instance_uid", "series_uid"):
        op.create_index(f"ix_expected_instances_{column}", "expected_instances", [column])
    op.create_table(
        "series_counts",
        sa.Column("series_uid", sa.String(64), nullable=False),
        sa.Column("said_by", sa.String(64), nullable=False),
        sa.Column("instances", sa.Integer, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("series_uid", "said_by", name="pk_series_counts"),
    )
