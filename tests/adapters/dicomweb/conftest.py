"""Nodes that answer DICOMweb, and files to give them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from web_nodes import Started, WebNode, web_node

if TYPE_CHECKING:
    from marrowcount.workflow.receive import ReceiveLimits


@pytest.fixture
def start(tmp_path: Path) -> Started:
    """Starts a node with settings of the test's own."""

    def started(limits: ReceiveLimits | None = None, **changes: object) -> WebNode:
        return web_node(tmp_path / "node", limits=limits, **changes)  # type: ignore[arg-type] # whatever it takes

    return started


@pytest.fixture
def node(start: Started) -> WebNode:
    return start()
