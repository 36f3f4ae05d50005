"""What all tests share: where real data lies, and that nothing stands aside in CI."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[1]
IN_CI = os.environ.get("CI") == "true"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real pictures and DICOM files that are not part of the project; tests stand aside without."""
    folder = Path(os.environ.get("MARROWCOUNT_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("real data are not here: set MARROWCOUNT_SHARED_DATA to their folder")
    return folder


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """An empty schema of its own on a PostgreSQL server; tests stand aside where none answers."""
    server = os.environ.get("MARROWCOUNT_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/test")
    try:
        connection = psycopg.connect(server, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError:
        pytest.skip("no PostgreSQL answers: set MARROWCOUNT_TEST_POSTGRESQL to the URL of one for tests")
    schema = f"marrowcount_{uuid.uuid4().hex}"
    with connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        try:
            yield f"{server}?options=-csearch_path%3D{schema}"
        finally:
            connection.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a test that stands aside is a failure: there every peer and all data are present."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", ())) if reporter is not None else 0
    if IN_CI and skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(f"{skipped} tests stood aside; in CI none may", red=True)
