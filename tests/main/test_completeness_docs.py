"""The page on completeness names all that it is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from marrowcount.settings.completeness import CompletenessSection
from marrowcount.slides.completeness import Basis
from marrowcount.slides.expectations import ExpectationSource
from marrowcount.slides.states import SlideState

PAGE = (Path(__file__).parents[2] / "docs" / "completeness.md").read_text(encoding="utf-8")
SETTINGS = ["receive.settle_s", "receive.quiet_s", "receive.incomplete_s", "count.coarsest_um_per_px"]


@pytest.mark.parametrize("name", [*Basis, *ExpectationSource, *SlideState])
def test_every_basis_list_and_state_is_explained(name: str) -> None:
    """An administrator meets them in `status`."""
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("name", [*SETTINGS, *(f"completeness.{name}" for name in CompletenessSection.model_fields)])
def test_every_setting_is_explained(name: str) -> None:
    """With its default."""
    assert f"| `{name}` |" in PAGE
