"""The ledgers on which the contract is held."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from marrowcount.testing import InMemoryLedger
from marrowcount_adapters.sql import open_ledger
from marrowcount_adapters.sql.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marrowcount.ports import Ledger
    from marrowcount_adapters.sql import SqlLedger


@pytest.fixture(scope="session")
def sqlite_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlLedger]:
    """One file for all tests: making a new one takes longer than a test."""
    ledger = open_ledger(f"sqlite:///{tmp_path_factory.mktemp('ledger')}/ledger.sqlite")
    yield ledger
    ledger.close()


@pytest.fixture(scope="session")
def postgresql_ledger(postgresql_session_url: str) -> Iterator[SqlLedger]:
    """One schema for all tests."""
    ledger = open_ledger(postgresql_session_url)
    yield ledger
    ledger.close()


@pytest.fixture(params=["in-memory", "sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    """An empty ledger of each kind."""
    if request.param == "in-memory":
        return InMemoryLedger()
    ledger: SqlLedger = request.getfixturevalue(f"{request.param}_ledger")
    with ledger._engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    return ledger
