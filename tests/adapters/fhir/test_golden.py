"""What people read and found right is what is written still."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from golden_bundles import GOLDEN, PROJECTIONS, TURNS, bundles

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.fixture(scope="module")
def made() -> Mapping[str, str]:
    return bundles()


@pytest.mark.parametrize("name", [f"{projection}.{turn}.json" for projection in PROJECTIONS for turn in TURNS])
def test_a_bundle_is_the_one_that_was_read(name: str, made: Mapping[str, str]) -> None:
    """To the last digit. Where a change is meant: ``python tests/support/golden_bundles.py``, and read what changed."""
    assert (GOLDEN / name).read_text(encoding="utf-8") == made[name]
    assert json.loads(made[name])["resourceType"] == "Bundle"


def test_no_golden_file_is_left_over(made: Mapping[str, str]) -> None:
    """None of a projection or a turn that is no more."""
    assert {path.name for path in GOLDEN.iterdir()} == set(made)
