from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from marrowcount.active_learning import SeenTiles
from marrowcount.active_learning.expected_error import EXPONENT, ErrorReduction
from marrowcount.active_learning.strategies import Chance, Disagreement, RareClasses
from marrowcount.cytology.cell_types import CellType
from seen_objects import seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from marrowcount.active_learning import Candidate

BLAST, LYMPHOCYTE, MAST = CellType.BLAST, CellType.LYMPHOCYTE, CellType.MAST_CELL
THRESHOLD = 0.5


def labels(**counts: int) -> np.ndarray:
    known = np.zeros(len(CellType))
    for name, count in counts.items():
        known[CellType[name.upper()]] = count
    return known


@pytest.fixture
def tiles(candidate: Callable[..., Candidate]) -> SeenTiles:
    """A sure blast; a doubtful one; a mast cell and a blast; nothing."""
    sure = seen((BLAST, 0.96), (BLAST, 0.96))
    doubtful = seen((BLAST, 0.6), (LYMPHOCYTE, 0.7))
    mast = seen((MAST, 0.5), (MAST, 0.7))
    return SeenTiles([candidate(sure), candidate(doubtful), candidate(mast, sure), candidate()], THRESHOLD)


def test_rare_classes_count_by_doublings(tiles: SeenTiles) -> None:
    """Worked by hand: 0.6 mast cells to 3 labelled ones; blasts, which have more than an even share, count nothing."""
    known = np.full(len(CellType), 100.0)
    known[BLAST], known[MAST] = 500, 3
    score = RareClasses(tiles, known)
    lymphocytes = np.log2(1 + 0.35 / 101)
    assert score.gains() == pytest.approx([0, lymphocytes, np.log2(1 + 0.6 / 4), 0])
    assert "mast cell 0.6 (with 3 labelled)" in score.why(2)


def test_rare_classes_fall_as_they_are_chosen(tiles: SeenTiles) -> None:
    """What is expected on a chosen tile counts as labelled, so that the next such tile is worth less."""
    score = RareClasses(tiles, labels(blast=50))
    before = score.gains().copy()
    score.take(2)
    after = score.gains()
    assert after[2] < before[2]
    assert after[3] == before[3] == 0


def test_disagreement_sums_over_objects(tiles: SeenTiles) -> None:
    """Worked by hand: views that name two classes differ by the surer, views of one class by the difference."""
    score = Disagreement(tiles)
    assert score.gains() == pytest.approx([0, 0.7, 0.2, 0])
    assert "0.7 objects on the class" in score.why(1)


def test_chance_is_seeded() -> None:
    """The same seed draws the same tiles, another one others."""
    assert np.array_equal(Chance(50, 3).gains(), Chance(50, 3).gains())
    assert not np.array_equal(Chance(50, 3).gains(), Chance(50, 4).gains())


def mean_error(error: np.ndarray, before: np.ndarray, taught: np.ndarray) -> float:
    """The mean expected error after so much was taught, straight from the formula."""
    return float(
        np.mean([e * ((n + 1) / (n + 1 + m)) ** EXPONENT for e, n, m in zip(error, before, taught, strict=True)])
    )


def expected_by_hand(candidates: list[list[list[tuple[CellType, float] | None]]]) -> tuple[np.ndarray, np.ndarray]:
    """Expected error of each class, and what each tile teaches, by plain loops over the definition."""
    objects, wrong, doubt = (np.zeros(len(CellType)) for _ in range(3))
    raw = np.zeros((len(candidates), len(CellType)))
    for tile, of_tile in enumerate(candidates):
        for votes in of_tile:
            for kind in CellType:
                share = sum(p for vote in votes if vote for k, p in [vote] if k is kind) / len(votes)
                counted = votes[0] is not None and votes[0][1] >= THRESHOLD and votes[0][0] is kind
                objects[kind] += share
                wrong[kind] += 0 if counted else share
                doubt[kind] += share * (1 - share)
                raw[tile, kind] += share * (1 - share)
    error, unit = np.zeros(len(CellType)), np.ones(len(CellType))
    there = objects > 0
    error[there], unit[there] = wrong[there] / objects[there], doubt[there] / objects[there]
    return error, np.divide(raw, unit, out=np.zeros_like(raw), where=unit > 0)


def test_error_reduction_is_what_its_formula_says(candidate: Callable[..., Candidate]) -> None:
    """Each gain is the fall of the mean expected error, before and after other tiles were chosen."""
    rng = np.random.default_rng(8)
    kinds = [BLAST, LYMPHOCYTE, MAST]
    drawn = [
        [
            [None if rng.random() < 0.2 else (kinds[rng.integers(3)], float(rng.uniform(0.1, 1))) for _ in range(3)]
            for _ in range(rng.integers(5))
        ]
        for _ in range(6)
    ]
    known = labels(blast=40, lymphocyte=9)
    score = ErrorReduction(SeenTiles([candidate(*(seen(*v) for v in of)) for of in drawn], THRESHOLD), known)
    error, taught = expected_by_hand(drawn)
    assert score.error == pytest.approx(error)
    learnt = np.zeros(len(CellType))
    for chosen in (2, 0, 5):
        now = mean_error(error, known, learnt)
        falls = [now - mean_error(error, known, learnt + one) for one in taught]
        assert score.gains() == pytest.approx(falls, abs=1e-12)
        score.take(chosen)
        learnt += taught[chosen]


def test_error_reduction_prefers_doubt_to_certainty(tiles: SeenTiles) -> None:
    """The tile of the doubtful cell teaches more than that of the sure one; an empty tile teaches nothing."""
    gains = ErrorReduction(tiles, labels(blast=100, lymphocyte=100, mast_cell=100)).gains()
    assert gains[1] > gains[0]
    assert gains[3] == 0


def test_a_class_with_few_labels_gains_more(candidate: Callable[..., Candidate]) -> None:
    """Of two tiles with equal doubt, that of the class with fewer labels lets the error fall further."""
    views = (0.4, 0.6)  # the count, which sees the first view, would miss it
    pool = [candidate(seen(*((kind, p) for p in views))) for kind in (BLAST, MAST)]
    gains = ErrorReduction(SeenTiles(pool, THRESHOLD), labels(blast=1000, mast_cell=10)).gains()
    assert gains[1] > 10 * gains[0]


def test_the_exponent_is_that_of_the_papers_table() -> None:
    """log(0.48 / 0.25) over log(24735 / 6128)."""
    assert pytest.approx(np.log(0.48 / 0.25) / np.log(24735 / 6128), abs=0.005) == EXPONENT
