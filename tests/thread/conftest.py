"""The node of the thread's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from running_node import RunningNode, running_node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def node(tmp_path: Path) -> Iterator[RunningNode]:
    with running_node(tmp_path) as running:
        yield running
