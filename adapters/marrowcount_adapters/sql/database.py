"""A database as several ports share it: its connections, its transactions, its errors in our words."""

from __future__ import annotations

import threading
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError

from marrowcount.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection, Engine

__all__ = ["READING", "SqlDatabase", "translated"]

READING: Final = "marrowcount_reading"
"""Execution option of connections that only read; they need not wait for a writer."""


@contextmanager
def translated() -> Iterator[None]:
    """Turn the database's own errors into ours."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        said = str(cause).partition("\n")[0]  # what follows may quote a row
        raise StorageError(
            "database-failed",
            f"the ledger's database failed ({type(cause).__name__}: {said}); look at its disk, its server and its log",
        ) from error


class SqlDatabase:
    """SQLite or PostgreSQL; the ports that live in it share one of these in a process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # SQLite has one writer at a time and lets the others poll: threads of one process wait better in line.
        self._turn: AbstractContextManager[object] = (
            threading.Lock() if engine.dialect.name == "sqlite" else nullcontext()
        )

    def close(self) -> None:
        """Let go of the connections; nothing of it may be used afterwards."""
        self._engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that may write; committed where the block ends well.

        Raises:
            StorageError: the database failed; nothing was changed.
        """
        with translated(), self._turn, self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that only reads, and waits for no writer.

        Raises:
            StorageError: the database failed.
        """
        with translated(), self._engine.connect().execution_options(**{READING: True}) as connection:
            yield connection
