from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest

from marrowcount.active_learning import Action, StudyRound
from marrowcount.cytology.cell_types import CellType
from marrowcount.errors import DatasetError
from marrowcount_adapters.learning_curve import draw_learning_curve, read_round, write_round

if TYPE_CHECKING:
    from pathlib import Path

ROUND = StudyRound("active", 2, 40, {CellType.MAST_CELL: 3}, {CellType.BLAST: 0.5}, 0.25, 0.2, 0.3, {Action.ADDED: 4})


def test_a_round_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Classes, figures and actions come back."""
    write_round(tmp_path / "round.json", ROUND)
    assert read_round(tmp_path / "round.json") == ROUND


def test_what_does_not_exist_is_null(tmp_path: Path) -> None:
    """JSON knows no NaN."""
    write_round(tmp_path / "round.json", StudyRound("a", 1, 1, {}, {CellType.BLAST: math.nan}, math.nan))
    assert "NaN" not in (tmp_path / "round.json").read_text(encoding="utf-8")
    read = read_round(tmp_path / "round.json")
    assert math.isnan(read.mean)
    assert math.isnan(read.average_precision[CellType.BLAST])


UNKNOWN_CLASS = {
    "arm": "a", "number": 1, "tiles": 1, "labels": {"unicorn": 1}, "average_precision": {}, "mean": 0, "low": 0,
    "high": 0, "actions": {},
}  # fmt: skip


@pytest.mark.parametrize("text", ["{", '{"arm": "a"}', json.dumps(UNKNOWN_CLASS)])
def test_a_damaged_round_is_named(tmp_path: Path, text: str) -> None:
    """With the file and what to do."""
    (tmp_path / "round.json").write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match="round-malformed") as failure:
        read_round(tmp_path / "round.json")
    assert str(tmp_path / "round.json") in failure.value.message


def test_the_curve_is_a_picture() -> None:
    """The same bytes for the same rounds; other rounds give another picture."""
    rounds = [ROUND, StudyRound("random", 2, 40, {CellType.BLAST: 9}, {}, 0.2)]
    assert draw_learning_curve(rounds) == draw_learning_curve(rounds)
    assert draw_learning_curve(rounds) != draw_learning_curve(rounds[:1])
    assert draw_learning_curve(rounds).startswith(b"\x89PNG")
