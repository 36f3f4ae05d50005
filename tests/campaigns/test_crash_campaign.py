"""A short campaign in every run of the tests; ``make crash-test`` runs a long one."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from crash_campaign import campaign

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_ten_kills_lose_nothing(tmp_path: Path) -> None:
    """After ten kill -9 all that was acknowledged is there, counted once, delivered everywhere, and nothing is left."""
    progress = io.StringIO()
    report = campaign(tmp_path, kills=10, seed=20261122, out=progress)
    assert report.faults == [], f"{report.told()}\n{progress.getvalue()}"
    assert report.kills.total() == 10
    assert report.acknowledged > 0
