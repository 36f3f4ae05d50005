"""The page on EHR access names all that an administrator meets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import marrowcount_adapters.smart_backend as smart
from marrowcount.main import keys_commands
from marrowcount.settings import EhrSection, KeysSection
from marrowcount_adapters.smart_backend import KeyState
from marrowcount_adapters.smart_backend.granting import ADVICE

PAGE = (Path(__file__).parents[2] / "docs" / "ehr-access.md").read_text(encoding="utf-8")
SOURCES = [*Path(smart.__file__).parent.glob("*.py"), Path(keys_commands.__file__)]
RAISED = {code for file in SOURCES for code in re.findall(r'Error\(\s*"([a-z-]+)"', file.read_text(encoding="utf-8"))}
CODES = RAISED | {error.replace("_", "-") for error in ADVICE}


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_is_explained(code: str) -> None:
    """With what to do."""
    assert len(CODES) > 20
    assert f"`{code}`" in PAGE


@pytest.mark.parametrize("state", list(KeyState))
def test_every_state_of_a_key_is_explained(state: str) -> None:
    """As `keys list` shows it."""
    assert f"| `{state}` |" in PAGE


def test_every_setting_is_explained() -> None:
    """Of SMART and of the keys."""
    smart_fields = {name for name in EhrSection.model_fields if name.startswith("smart_")}
    missing = [name for name in smart_fields | set(KeysSection.model_fields) if not re.search(rf"\b{name}\b", PAGE)]
    assert not missing


def test_every_scope_is_explained() -> None:
    """Whoever registers the node reads it there."""
    scopes = EhrSection.model_fields["smart_scopes"].default
    assert not [scope for scope in scopes if f"`{scope}`" not in PAGE]
