"""What all tests share: where real data lies, and that nothing stands aside in CI."""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[1]
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
"""How long an example takes depends on who else uses the machine; pytest-timeout ends what hangs."""
IN_CI = os.environ.get("CI") == "true"


@pytest.fixture(autouse=True)
def _logs_of_each_test() -> Iterator[None]:
    """A command that a test runs in this process sets up logs, which later tests do not see."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real pictures and DICOM files that are not part of the project; tests stand aside without."""
    folder = Path(os.environ.get("MARROWCOUNT_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("real data are not here: set MARROWCOUNT_SHARED_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def postgresql_server() -> str:
    """URL of a PostgreSQL database for tests; they stand aside where none answers."""
    psycopg = pytest.importorskip("psycopg", reason="install marrowcount[postgresql]")
    server = os.environ.get("MARROWCOUNT_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/test")
    try:
        psycopg.connect(server, connect_timeout=5).close()
    except psycopg.OperationalError:
        pytest.skip("no PostgreSQL answers: set MARROWCOUNT_TEST_POSTGRESQL to the URL of one for tests")
    return server


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """An empty schema of the test's own."""
    with postgresql_schema(postgresql_server) as url:
        yield url


@pytest.fixture(scope="session")
def postgresql_session_url(postgresql_server: str) -> Iterator[str]:
    """A schema for all tests that clean up behind themselves."""
    with postgresql_schema(postgresql_server) as url:
        yield url


@contextmanager
def postgresql_schema(server: str) -> Iterator[str]:
    """Make a schema; the URL with which everything happens in it. Commits are not synced: the schema is dropped."""
    import psycopg

    schema = f"marrowcount_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        try:
            yield f"{server}?options=-csearch_path%3D{schema}%20-csynchronous_commit%3Doff"
        finally:
            connection.execute("SET client_min_messages = error")
            connection.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a test that stands aside is a failure: there every peer and all data are present."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", ())) if reporter is not None else 0
    if IN_CI and skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(f"{skipped} tests stood aside; in CI none may", red=True)
