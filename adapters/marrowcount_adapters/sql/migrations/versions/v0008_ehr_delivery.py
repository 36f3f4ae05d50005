"""Deliveries in order by specimen, held by the node, with what the destination said; how it goes with destinations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008_ehr_delivery"
down_revision = "0007_reports"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, the order of what is owed so far by its series, and the table."""
    op.add_column("deliveries", sa.Column("subject_key", sa.Text, nullable=False, server_default=sa.text("''")))
    op.add_column("deliveries", sa.Column("skippable", sa.Boolean, nullable=False, server_default=sa.true()))
    op.add_column("deliveries", sa.Column("held_code", sa.String(64), nullable=False, server_default=sa.text("''")))
    op.add_column("deliveries", sa.Column("outcome", sa.Text, nullable=False, server_default=sa.text("''")))
    op.execute("UPDATE deliveries SET subject_key = series_uid")
    op.create_index("ix_deliveries_subject_key_destination", "deliveries", ["subject_key", "destination"])
    op.create_table(
        "circuits",
        sa.Column("destination", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("openings", sa.Integer, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.Column("code", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("destination", name="pk_circuits"),
    )
