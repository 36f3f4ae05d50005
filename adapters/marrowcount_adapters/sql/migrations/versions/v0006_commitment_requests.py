"""What the node was asked to answer for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_commitment_requests"
down_revision = "0005_tasks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "commitment_requests",
        sa.Column("request_id", sa.Integer, nullable=False),
        sa.Column("transaction_uid", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("requester", sa.String(16), nullable=False),
        sa.Column("instances", sa.JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owed_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_by", sa.Text, nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True)),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("request_id", name="pk_commitment_requests"),
        sa.UniqueConstraint("transaction_uid", "number", name="uq_commitment_requests_transaction_uid_number"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_commitment_requests_state", "commitment_requests", ["state"])
