"""Cross-validation: folds one by one, none twice, and what stands over them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from marrowcount.errors import SettingsError
from marrowcount_adapters.training.config import CellTraining, DataSource
from marrowcount_adapters.training.crossvalidation import crossvalidated

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def config(folder: Path, **fields: object) -> CellTraining:
    return CellTraining(out=folder, data=(DataSource(folders=(folder / "set",)),), **fields)


class Folds:
    """Measures a fold as its number; breaks at one of them."""

    def __init__(self, breaks_at: int = 0) -> None:
        self.done: list[int] = []
        self.folders: list[Path] = []
        self.breaks_at = breaks_at

    def __call__(self, asked: CellTraining, number: int) -> Mapping[str, float]:
        if number == self.breaks_at:
            raise KeyboardInterrupt
        self.done.append(number)
        self.folders.append(asked.out)
        assert asked.cache is not None
        assert asked.cache.name == "tiles"
        figures = {"precision": number / 10}
        return figures if number == 2 else figures | {"recall": 0.5}


def test_mean_and_spread_stand_in_the_report(tmp_path: Path) -> None:
    """0.1, 0.2, 0.3: mean 0.2, deviation 0.1; a figure that one fold lacks is of the others."""
    folds = Folds()
    spreads = crossvalidated(config(tmp_path), 3, folds)
    assert spreads["precision"].mean == pytest.approx(0.2)
    assert spreads["precision"].deviation == pytest.approx(0.1)
    assert spreads["recall"].folds == 2
    assert folds.folders == [tmp_path / f"fold-{number}" for number in (1, 2, 3)]
    report = json.loads((tmp_path / "crossvalidation.json").read_text())
    assert report["over_folds"]["precision"] == {"mean": 0.2, "deviation": 0.1, "folds": 3}
    assert "| precision | 0.2 | 0.1 | 0.1 | 0.2 | 0.3 |" in (tmp_path / "crossvalidation.md").read_text()
    assert "| recall | 0.5 | 0 | 0.5 | - | 0.5 |" in (tmp_path / "crossvalidation.md").read_text()


def test_folds_that_are_done_are_not_done_again(tmp_path: Path) -> None:
    """Stopped in the second, the next call begins there; the report is that of all."""
    with pytest.raises(KeyboardInterrupt):
        crossvalidated(config(tmp_path), 3, Folds(breaks_at=2))
    assert not (tmp_path / "crossvalidation.json").exists()
    again = Folds()
    assert crossvalidated(config(tmp_path), 3, again)["precision"].mean == pytest.approx(0.2)
    assert again.done == [2, 3]


def test_folds_choose_their_own_validation(tmp_path: Path) -> None:
    """A configuration that names validation data is refused: it would be the same patients in every fold."""
    asked = config(tmp_path, validation=(DataSource(folders=(tmp_path,)),))
    with pytest.raises(SettingsError, match="validation"):
        crossvalidated(asked, 3, Folds())
