"""Bringing tables up to date; a module of its own, since a node that is up to date need not load the tool for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from marrowcount.errors import StorageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["upgrade"]


def upgrade(connection: Connection) -> None:
    """Make or change the tables as the newest migration wants them, within the connection's transaction.

    Raises:
        StorageError: ``database-too-new``.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    _require_known(connection, ScriptDirectory.from_config(config))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _require_known(connection: Connection, scripts: ScriptDirectory) -> None:
    present = set(MigrationContext.configure(connection).get_current_heads())
    if present - {script.revision for script in scripts.walk_revisions()}:
        raise StorageError(
            "database-too-new",
            "a newer version of marrowcount has written this database; install that version, or restore a backup",
        )
