from __future__ import annotations

from marrowcount.active_learning import PAPER_ROUNDS, Action, StudyRound, study_lines
from marrowcount.cytology.cell_types import CellType


def test_the_papers_table_is_quoted_rightly() -> None:
    """Eight iterations, 6,128 objects and 0.52 to 24,735 and 0.75 (Tayebi 2022, table 4)."""
    assert (len(PAPER_ROUNDS), PAPER_ROUNDS[0], PAPER_ROUNDS[-1]) == (8, (6128, 0.52), (24735, 0.75))


def test_the_tables_hold_every_round() -> None:
    """Counts and average precision by class, means, intervals, and what the expert had to do."""
    first = StudyRound("active", 1, 10, {CellType.BLAST: 7, CellType.DEBRIS: 3}, {CellType.BLAST: 0.5}, 0.25, 0.2, 0.3)
    second = StudyRound("random", 2, 20, {CellType.BLAST: 9}, {}, 0.5, actions={Action.CONFIRMED: 4, Action.ADDED: 1})
    lines = list(study_lines([first, second]))
    assert "| active | 1 | 10 | 10 | 0.250 | 0.200 to 0.300 |  |" in lines
    assert "| random | 2 | 20 | 9 | 0.500 |  | 4 confirmed, 1 added |" in lines
    assert "| blast | 7 | 0.50 |" in lines
    assert "| blast | 9 | - |" in lines
    assert "| mast cell (not scored by the paper) | 0 | - |" in lines


def test_arms_are_set_beside_chance() -> None:
    """Round by round after the first, which all share: what an arm has more or less than random; without it nothing."""
    rounds = [
        StudyRound(arm, number, 10 * number, {CellType.BLAST: labels}, {}, mean)
        for arm, number, labels, mean in (
            ("active", 1, 7, 0.2), ("active", 2, 19, 0.5), ("random", 1, 7, 0.2), ("random", 2, 14, 0.53),
        )
    ]  # fmt: skip
    assert [line for line in study_lines(rounds) if line.startswith("| active |")][2:] == [
        "| active | 2 | -0.030 | +5 |"
    ]
    assert not [line for line in study_lines(rounds[:2]) if "less that of random" in line]
