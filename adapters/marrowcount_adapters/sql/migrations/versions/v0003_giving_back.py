"""What destinations said of each file, and every commitment transaction asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_giving_back"
down_revision = "0002_expectations"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, and the table, into which go the transactions asked for so far."""
    op.add_column("deliveries", sa.Column("taken", sa.JSON))
    op.add_column("deliveries", sa.Column("asked_at", sa.DateTime(timezone=True)))
    op.add_column("deliveries", sa.Column("asks", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.create_table(
        "commitment_asks",
        sa.Column("transaction_uid", sa.String(64), nullable=False),
        sa.Column("delivery_id", sa.Integer, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("transaction_uid", name="pk_commitment_asks"),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.delivery_id"], name="fk_commitment_asks_delivery_id_deliveries"
        ),
    )
    _carry_over()


def _carry_over() -> None:
    op.execute("UPDATE deliveries SET asked_at = delivered_at, asks = 1 WHERE commitment_uid <> ''")
    op.execute(
        "INSERT INTO commitment_asks (transaction_uid, delivery_id, asked_at) "
        "SELECT commitment_uid, delivery_id, delivered_at FROM deliveries "
        "WHERE commitment_uid <> '' AND delivered_at IS NOT NULL"
    )
