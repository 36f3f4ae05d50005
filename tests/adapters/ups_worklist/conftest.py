"""A worklist, empty at the beginning of each test; one server for all, since starting one takes longer than a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from marrowcount_adapters.ups_worklist.tables import metadata
from workitems import RunningWorklist, running_worklist

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def shared_worklist(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorklist]:
    with running_worklist(tmp_path_factory.mktemp("worklist")) as worklist:
        yield worklist


@pytest.fixture
def worklist(shared_worklist: RunningWorklist) -> RunningWorklist:
    with shared_worklist.operations.store._engine.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.delete())
    return shared_worklist
