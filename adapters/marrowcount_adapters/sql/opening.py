"""Opening a database: right settings for durability, tables up to date, never one from the future."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import OperationalError
from typing import IO, TYPE_CHECKING, Final

from sqlalchemy import URL, create_engine, event, func, inspect, make_url, select, text
from sqlalchemy.exc import SQLAlchemyError

from marrowcount.errors import SettingsError, StorageError
from marrowcount_adapters.sql.database import READING, translated
from marrowcount_adapters.sql.ledger import SqlLedger

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from sqlite3 import Connection as SqliteConnection

    from sqlalchemy import Connection, Engine

__all__ = ["MIGRATIONS", "newest_revision", "open_ledger"]

MIGRATIONS: Final = Path(__file__).parent / "migrations"

REVISION_TABLE: Final = "alembic_version"

BUSY_S: Final = 30.0
"""How long a writer waits for another before it gives up; a receiving node with a slow disk needs seconds."""

CONNECTIONS: Final = 30
"""Most connections of one process: its listeners' threads, its workers and senders."""

_MIGRATION_LOCK: Final = 0x6D6172726F77
"""Number of PostgreSQL's advisory lock while tables are brought up to date."""


def open_ledger(url: str) -> SqlLedger:
    """Open the ledger of a database URL, and create or migrate its tables first.

    ``sqlite:///ledger.sqlite`` (a path relative to the working folder; four slashes for an absolute one) or
    ``postgresql://user@host/name``. Several processes may open the same database at once.

    Raises:
        SettingsError: the URL names no database that can be used, or its driver is not installed.
        StorageError: the database cannot be reached or read, or a newer version of the program has written it.
    """
    engine = _engine_of(_usable(url))
    try:
        with translated(), _alone(engine.url):
            _begin_file(engine.url)
            _migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return SqlLedger(engine)


def _usable(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except SQLAlchemyError as error:
        raise SettingsError(
            "database-url", "the database URL cannot be read; write sqlite:///FILE or postgresql://…"
        ) from error
    if backend == "sqlite" and parsed.database not in {None, "", ":memory:"}:
        return parsed.set(drivername="sqlite+pysqlite")
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise SettingsError("database-url", "the database must be a SQLite file or PostgreSQL")


def _engine_of(url: URL) -> Engine:
    # hide_parameters: what was to be stored stays out of error messages.
    if url.get_backend_name() == "sqlite":
        engine = create_engine(
            url, hide_parameters=True, pool_size=CONNECTIONS, max_overflow=0, connect_args={"timeout": BUSY_S}
        )
        event.listen(engine, "do_connect", _require_file)
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        return create_engine(url, hide_parameters=True, pool_size=5, max_overflow=CONNECTIONS - 5, pool_pre_ping=True)
    except ImportError as error:
        raise SettingsError("database-driver", "PostgreSQL needs a driver: install marrowcount[postgresql]") from error


def _begin_file(url: URL) -> None:
    """Make a new SQLite file; after that nobody else does."""
    if url.get_backend_name() == "sqlite":
        _file_of(url).touch()


def _require_file(_dialect: object, _record: object, arguments: Sequence[str], _options: object) -> None:
    """Never begin an empty database where one was moved away: the node would forget all that it answers for."""
    if not Path(arguments[0]).exists():
        raise OperationalError("unable to open database file: it is gone; bring it back")


def _set_up_sqlite(connection: SqliteConnection, _record: object) -> None:
    """WAL lets readers read beside the writer; FULL syncs each commit, so that it survives a power failure."""
    connection.isolation_level = None  # the driver must not begin transactions of its own
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes its place at once: a reader that turned writer could fail half-way."""
    reading = connection.get_execution_options().get(READING, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _make_folder(folder: Path) -> None:
    """Make a folder so that its name, too, survives a power failure."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _alone(url: URL) -> Iterator[None]:
    """Only one process at a time brings the tables up to date.

    SQLite cannot take turns by itself here: switching a new file to WAL fails at once where another process does
    the same. PostgreSQL has its advisory lock.
    """
    if url.get_backend_name() != "sqlite":
        yield
        return
    with _lock_file(_file_of(url)) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _lock_file(database: Path) -> IO[str]:
    try:
        _make_folder(database.parent)
        return database.with_name(f"{database.name}.lock").open("a")
    except OSError as error:
        raise StorageError(
            "database-folder",
            f"the database's folder cannot be made or written ({error.strerror}); mend its path or its owner",
        ) from error


def _file_of(url: URL) -> Path:
    return Path(url.database or "").absolute()


def _migrate(engine: Engine) -> None:
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        if _revision(connection) != newest_revision():
            from marrowcount_adapters.sql.upgrading import upgrade  # noqa: PLC0415 - 12 MB, once a version

            upgrade(connection)


def newest_revision() -> str:
    """The version of the tables that this program works with: the name of its last migration without its letter."""
    return max(path.stem for path in (MIGRATIONS / "versions").glob("v*.py")).removeprefix("v")


def _revision(connection: Connection) -> str | None:
    """The version of the tables that are there; None where there are none, or several."""
    if not inspect(connection).has_table(REVISION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {REVISION_TABLE}")).scalars().all()  # noqa: S608 - our own name
    return str(found[0]) if len(found) == 1 else None
