"""The study of active learning: a run so small that it shows the machinery and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from marrowcount.errors import SettingsError
from marrowcount.main import active_study_rounds, active_study_tiles
from marrowcount.main.active_study import StudyRequest, run_active_study
from marrowcount.main.models import bundled_models
from marrowcount.settings import CountSection

if TYPE_CHECKING:
    from pathlib import Path

QUIET = Console(quiet=True)
REPORT = "active-learning-study"


def request(folder: Path) -> StudyRequest:
    return StudyRequest(
        work=folder / "work", out=folder / "docs", arms=("error-reduction", "random"), iterations=2, tiles=2,
        first_tiles=2, candidates=4, views=2, pool_slides=1, held_out_slides=1, slide_px=2048, first_steps=1, steps=1,
        batch=2, rate=1e-6, later_rate=1e-6, threshold=0.4, seed=1, threads=1,
        start=bundled_models() / CountSection().cell_model,
    )  # fmt: skip


@pytest.mark.slow
def test_a_study_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One round, then both: what is done is not done again, and all arms begin with the same first set."""
    monkeypatch.setattr(active_study_tiles, "PROFILES", ("normal", "aml"))
    (first, also) = run_active_study(replace(request(tmp_path), iterations=1), QUIET)
    assert (first.arm, also.arm) == ("error-reduction", "random")
    assert replace(first, arm="") == replace(also, arm="")
    assert first.tiles == 2
    assert first.mean > 0.3  # the shipped model knows the phantom

    rounds = run_active_study(request(tmp_path), QUIET)
    assert [(one.arm, one.number, one.tiles) for one in rounds] == [
        ("error-reduction", 1, 2), ("random", 1, 2), ("error-reduction", 2, 4), ("random", 2, 4),
    ]  # fmt: skip
    assert sum(rounds[2].actions.values()) > 0
    assert rounds[2].objects > rounds[0].objects
    report = (tmp_path / "docs" / f"{REPORT}.md").read_bytes()
    assert b"phantom figures" in report
    assert (tmp_path / "docs" / "images" / f"{REPORT}.png").read_bytes().startswith(b"\x89PNG")
    content = json.loads((tmp_path / "docs" / f"{REPORT}.json").read_text(encoding="utf-8"))
    assert [one["number"] for one in content["rounds"]] == [1, 2, 1, 2]

    monkeypatch.setattr(active_study_rounds, "fit", None)  # nothing is trained any more
    assert run_active_study(request(tmp_path), QUIET) == rounds
    assert (tmp_path / "docs" / f"{REPORT}.md").read_bytes() == report


def test_a_study_does_not_change_its_settings(tmp_path: Path) -> None:
    """Rounds of other sizes would not be comparable."""
    (tmp_path / "work").mkdir()
    settings = {"tiles": 250}
    (tmp_path / "work" / "study.json").write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(SettingsError, match="study-differs") as failure:
        run_active_study(request(tmp_path), QUIET)
    assert "tiles" in failure.value.message


def test_an_unknown_arm_is_refused(tmp_path: Path) -> None:
    """Before anything is drawn."""
    with pytest.raises(SettingsError, match="wrong-setting"):
        run_active_study(replace(request(tmp_path), arms=("clever",)), QUIET)
    assert not (tmp_path / "work").exists()
