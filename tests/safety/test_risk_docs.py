"""The table of hazards names tests that there are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (REPOSITORY / "docs" / "risk.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)))
def test_a_control_is_held_by_a_test(file: str, name: str) -> None:
    """By the one that is named."""
    tree = ast.parse((REPOSITORY / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_hazard_has_controls_and_tests() -> None:
    """What may happen, whom it harms, what is done; a hazard without a test is one that somebody will forget."""
    text = (REPOSITORY / "docs" / "risk.md").read_text(encoding="utf-8")
    hazards = text.split("\n## ")[1:]
    assert len(hazards) >= 12
    for hazard in hazards:
        for part in ("**Cause**", "**Harm**", "**Controls**"):
            assert part in hazard, (part, hazard[:60])
        assert "**Tests**: `tests/" in hazard, hazard[:60]
