"""Workitems that the node took on, and how far counts have come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005_tasks"
down_revision = "0004_instances_of_study"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    time = sa.DateTime(timezone=True)
    op.create_table(
        "tasks",
        sa.Column("task_id", sa.Integer, nullable=False),
        sa.Column("worklist", sa.String(64), nullable=False),
        sa.Column("workitem_uid", sa.String(64), nullable=False),
        sa.Column("transaction_uid", sa.String(64), nullable=False),
        sa.Column("workitem_codes", sa.JSON, nullable=False),
        sa.Column("inputs", sa.JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("opened_at", time, nullable=False),
        sa.Column("claimed_at", time),
        sa.Column("changed_at", time, nullable=False),
        sa.Column("looks", sa.Integer, nullable=False),
        sa.Column("leased", sa.Boolean, nullable=False),
        sa.Column("due_at", time, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("percent", sa.Integer, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("wish", sa.JSON),
        sa.PrimaryKeyConstraint("task_id", name="pk_tasks"),
        sa.UniqueConstraint("worklist", "workitem_uid", name="uq_tasks_worklist_workitem_uid"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tasks_state_due_at", "tasks", ["state", "due_at"])
    op.create_table(
        "count_progress",
        sa.Column("series_uid", sa.String(64), nullable=False),
        sa.Column("tiles", sa.Integer, nullable=False),
        sa.Column("cells", sa.Integer, nullable=False),
        sa.Column("share", sa.Float, nullable=False),
        sa.Column("at", time, nullable=False),
        sa.PrimaryKeyConstraint("series_uid", name="pk_count_progress"),
    )
