"""The default stopping rule is the calibrated one."""

import numpy as np

from marrowcount.cytology.cell_types import CHI_SQUARE_CLASSES
from marrowcount.cytology.convergence import ConvergenceRule
from marrowcount.evaluation.convergence_study import DIAGNOSES, PAPER_TILES, calibrate, tiles_to_stop


def test_the_default_rule_stops_normal_marrow_in_the_papers_range() -> None:
    """Of simulated normal marrows most stop within 100-200 tiles under the defaults."""
    rule = ConvergenceRule()
    (share,) = calibrate([rule.threshold], rule.run, slides=30, seed=5).values()
    assert share >= 0.75


def test_marrows_with_few_erythroblasts_are_read_longer() -> None:
    """The plain ratio BMME makes the rule adapt: AML takes about twice the tiles of normal marrow."""
    normal, aml = (
        tiles_to_stop(name, ConvergenceRule(), slides=16, seed=5).quantile(0.5) for name in ("normal", "aml")
    )
    assert 1.6 < aml / normal < 3.0


def test_the_study_is_repeatable() -> None:
    """A seed gives the same slides."""
    first, second = (tiles_to_stop("mds", ConvergenceRule(), slides=4, seed=9).tiles for _ in range(2))
    assert np.array_equal(first, second)


def test_the_simulated_marrows_are_whole() -> None:
    """Each differential covers the classes of the distance and sums to about 100 %."""
    for diagnosis in DIAGNOSES.values():
        assert set(diagnosis.percent) == set(CHI_SQUARE_CLASSES)
        assert abs(sum(diagnosis.percent.values()) - 100) < 1.5
    assert set(PAPER_TILES) <= set(DIAGNOSES)
