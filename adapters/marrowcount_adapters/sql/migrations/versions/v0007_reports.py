"""Versions of reports, and which version each delivery belongs to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007_reports"
down_revision = "0006_commitment_requests"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; every result there is becomes a version of its slide's report."""
    op.create_table(
        "reports",
        sa.Column("series_uid", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("given_out", sa.Boolean, nullable=False),
        sa.Column("signature", sa.JSON),
        sa.Column("counts", sa.JSON),
        sa.PrimaryKeyConstraint("series_uid", "version", name="pk_reports"),
        sa.ForeignKeyConstraint(
            ["series_uid", "revision"],
            ["results.series_uid", "results.revision"],
            name="fk_reports_series_uid_revision_results",
        ),
    )
    op.add_column("deliveries", sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")))
    op.execute(
        """
        INSERT INTO reports (series_uid, version, revision, status, issued_at, folder, given_out)
        SELECT series_uid, row_number() OVER (PARTITION BY series_uid ORDER BY revision), revision,
               CASE WHEN result_folder = '' THEN 'cancelled' ELSE 'preliminary' END, counted_at, result_folder, true
        FROM results
        """
    )
    op.execute(
        """
        UPDATE deliveries SET version = (
            SELECT version FROM reports
            WHERE reports.series_uid = deliveries.series_uid AND reports.revision = deliveries.revision
        )
        """
    )
