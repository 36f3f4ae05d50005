"""Opening a ledger's database: right settings, right tables, plain words where it cannot be."""

from __future__ import annotations

import fcntl
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from marrowcount.errors import SettingsError, StorageError
from marrowcount.review import ReportStatus
from marrowcount.slides.states import SlideState
from marrowcount.testing import made_up_instance
from marrowcount_adapters.sql import SqlReports, open_ledger
from marrowcount_adapters.sql.opening import MIGRATIONS, newest_revision
from marrowcount_adapters.sql.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from marrowcount_adapters.sql import SqlLedger

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.sqlite"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[SqlLedger]:
    with closing(open_ledger(sqlite_url)) as ledger:
        yield ledger


def record_many(ledger: SqlLedger, most: int) -> None:
    for number in range(most):
        ledger.record_instance(made_up_instance("1.2.3", number, NOW))


def run(url: str, statement: str) -> None:
    with closing(open_ledger(url)) as ledger, ledger._engine.begin() as connection:
        connection.execute(text(statement))


def test_migrations_make_the_tables_that_the_code_uses(url: str) -> None:
    """No drift between the migrations and the tables' description."""
    with closing(open_ledger(url)) as ledger, ledger._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_what_was_recorded_is_there_after_reopening(url: str) -> None:
    """The ledger outlives the process."""
    with closing(open_ledger(url)) as ledger:
        ledger.record_instance(made_up_instance("1.2.3", 1, NOW))
        ledger.mark_ready("1.2.3", 1, "complete", NOW)
        slides = ledger.slides()
    with closing(open_ledger(url)) as ledger:
        assert ledger.slides() == slides
        assert ledger.slides(SlideState.READY)


def test_a_database_from_the_future_is_refused(url: str) -> None:
    """An older program must not write what a newer one has changed."""
    run(url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StorageError, match="database-too-new"):
        open_ledger(url)


def test_the_databases_folder_is_made(tmp_path: Path) -> None:
    """A fresh node needs no preparation."""
    file = tmp_path / "node" / "state" / "ledger.sqlite"
    open_ledger(f"sqlite:///{file}").close()
    assert file.is_file()


def test_sqlite_syncs_every_commit(sqlite: SqlLedger) -> None:
    """WAL with full syncing: an acknowledged instance survives a power failure."""
    with sqlite._engine.connect() as connection:
        pragmas = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
        assert pragmas == ["wal", 2]
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000


def test_readers_do_not_wait_for_a_writer(sqlite: SqlLedger) -> None:
    """A page is shown while a commit is under way."""
    sqlite.record_instance(made_up_instance("1.2.3", 1, NOW))
    with sqlite._engine.begin() as writer:
        writer.execute(text("UPDATE slides SET sender = 'X'"))
        (slide,) = sqlite.slides()
    assert slide.sender == "SCANNER"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/x", "nonsense", ""])
def test_only_databases_that_keep_their_word_are_taken(url: str) -> None:
    """Memory forgets; other servers were not tried."""
    with pytest.raises(SettingsError, match="database-url"):
        open_ledger(url)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    """It is left as it is."""
    file = tmp_path / "ledger.sqlite"
    file.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StorageError, match="database-failed"):
        open_ledger(f"sqlite:///{file}")
    assert file.read_bytes().startswith(b"not a database")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """Where a file stands in the way."""
    (tmp_path / "node").write_text("")
    with pytest.raises(StorageError, match="database-folder"):
        open_ledger(f"sqlite:///{tmp_path}/node/ledger.sqlite")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Where the database's lock cannot be had."""
    (tmp_path / "ledger.sqlite.lock").mkdir()
    with pytest.raises(StorageError, match="database-folder"):
        open_ledger(f"sqlite:///{tmp_path}/ledger.sqlite")


def test_only_one_process_at_a_time_touches_a_fresh_file(tmp_path: Path) -> None:
    """Two that switch it to WAL at once would disturb each other now and then."""
    file = tmp_path / "ledger.sqlite"
    with (tmp_path / "ledger.sqlite.lock").open("a") as lock, ThreadPoolExecutor(1) as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        opening = pool.submit(open_ledger, f"sqlite:///{file}")
        with pytest.raises(TimeoutError):
            opening.result(timeout=0.5)
        assert not file.exists()
        fcntl.flock(lock, fcntl.LOCK_UN)
        opening.result(timeout=60).close()
    assert file.is_file()


def test_a_server_that_does_not_answer_is_told_without_the_password() -> None:
    """The error names the trouble, not the secret."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        url = f"postgresql://somebody:secret@127.0.0.1:{deaf.getsockname()[1]}/none"
        with pytest.raises(StorageError, match="database-failed") as raised:
            open_ledger(url)
    assert "secret" not in str(raised.value)


def test_errors_do_not_quote_what_was_to_be_stored(sqlite: SqlLedger) -> None:
    """A failing database tells nothing about a slide."""
    with sqlite._engine.begin() as connection:
        connection.execute(text("DROP TABLE instances"))
    with pytest.raises(StorageError, match="no such table") as raised:
        sqlite.record_instance(made_up_instance("1.2.3", 1, NOW))
    assert "GLASS-1" not in f"{raised.value} {raised.value.__cause__}"


def test_a_failed_method_changes_nothing(sqlite: SqlLedger) -> None:
    """Each method is one transaction."""
    with sqlite._engine.begin() as connection:
        connection.execute(text("DROP TABLE events"))
    with pytest.raises(StorageError):
        sqlite.record_instance(made_up_instance("1.2.3", 1, NOW))
    assert not sqlite.slides()
    assert not sqlite.instances("1.2.3")


def test_a_time_without_zone_is_refused(sqlite: SqlLedger) -> None:
    """It could mean any instant."""
    with pytest.raises(StorageError, match="without zone"):
        sqlite.record_instance(made_up_instance("1.2.3", 1, NOW.replace(tzinfo=None)))


def test_a_full_disk_is_told(sqlite: SqlLedger) -> None:
    """Nothing is acknowledged that could not be kept."""
    with sqlite._engine.connect() as connection:
        used = connection.exec_driver_sql("PRAGMA page_count").scalar()
    sqlite.close()  # the limit holds for one connection: let it be the only one
    with sqlite._engine.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {used}")
    with pytest.raises(StorageError, match="full"):
        record_many(sqlite, 1000)
    kept = sqlite.instances("1.2.3")
    (slide,) = sqlite.slides()
    assert len(kept) == slide.instances < 1000


def test_newest_migration_is_known_by_its_file_name() -> None:
    """So that a database that is up to date is opened without loading the tool that brings others there."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert [newest_revision()] == list(scripts.get_heads())


def test_results_of_older_versions_become_versions_of_their_report(url: str) -> None:
    """A node that is brought up to date knows which deliveries belong to what."""
    older = "INSERT INTO {} VALUES {}"
    with closing(open_ledger(url)) as ledger:
        for number in (1, 2):
            ledger.record_instance(made_up_instance("1.2.3", number, NOW))
    _downgrade(url)
    results = ", ".join(
        f"('1.2.3', {revision}, '{folder}', '', '2026-01-05')" for revision, folder in ((1, "a"), (3, ""))
    )
    run_bare(url, older.format("results (series_uid, revision, result_folder, summary, counted_at)", results))
    columns = "series_uid, revision, kind, destination, files, state, attempts, owed_since, next_attempt_at, leased_by"
    values = "'1.2.3', 3, 'dicom', 'pacs', '[]', 'waiting', 0, '2026-01-05', '2026-01-05', '', '', ''"
    run_bare(url, older.format(f"deliveries ({columns}, last_error, commitment_uid)", f"({values})"))
    with closing(open_ledger(url)) as ledger:
        versions = SqlReports(ledger).versions("1.2.3")
        assert [(each.version, each.revision, each.status) for each in versions] == [
            (1, 1, ReportStatus.PRELIMINARY),
            (2, 3, ReportStatus.CANCELLED),
        ]
        assert [(each.version, each.order.subject) for each in ledger.deliveries()] == [(2, "")]
        assert ledger.lease_delivery("sender", NOW, 60) is not None


def _downgrade(url: str) -> None:
    """As migration 0006 left it."""
    run_bare(url, "DROP TABLE reports", "DROP TABLE circuits", "DROP INDEX ix_deliveries_subject_key_destination")
    for column in ("version", "subject_key", "skippable", "held_code", "outcome"):
        run_bare(url, f"ALTER TABLE deliveries DROP COLUMN {column}")
    run_bare(url, "UPDATE alembic_version SET version_num = '0006_commitment_requests'")


def run_bare(url: str, *statements: str) -> None:
    """Without opening the ledger, which would bring it up to date."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
