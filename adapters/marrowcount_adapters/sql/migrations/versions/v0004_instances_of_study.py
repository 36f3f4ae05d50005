"""Instances are looked up by their study."""

from __future__ import annotations

from alembic import op

revision = "0004_instances_of_study"
down_revision = "0003_giving_back"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.create_index("ix_instances_study_uid", "instances", ["study_uid"])
