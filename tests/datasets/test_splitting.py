"""Splits: nothing that belongs together is parted, the shares come out, the seed decides."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_up_data import datasets, example, whole
from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import Shares, Split, check_dataset, folds, split_dataset
from marrowcount.datasets.units import units_of
from marrowcount.errors import DatasetError

if TYPE_CHECKING:
    from marrowcount.datasets import Dataset


def leaks(dataset: Dataset) -> list[str]:
    return [finding.code for finding in check_dataset(dataset) if finding.code.startswith("leak")]


def parts(dataset: Dataset, value: str) -> dict[str, set[Split | None]]:
    found: defaultdict[str, set[Split | None]] = defaultdict(set)
    for one in dataset.examples:
        if getattr(one, value):
            found[getattr(one, value)].add(one.split)
    return found


def cohort(patients: int, seed: int = 5) -> Dataset:
    """Patients of 3 to 12 pictures, with a common and a rare class."""
    rng = np.random.default_rng(seed)
    return whole(
        example(
            f"{patient}/{number}",
            *[CellType.NEUTROPHIL] * int(rng.integers(1, 9)),
            *[CellType.BASOPHIL] * int(rng.random() < 0.15),
            patient=f"p{patient}",
        )
        for patient in range(patients)
        for number in range(int(rng.integers(3, 13)))
    )


@settings(deadline=None, max_examples=20)
@given(dataset=datasets(), seed=st.integers(0, 1000))
def test_nothing_that_belongs_together_is_parted(dataset: Dataset, seed: int) -> None:
    """Whatever shares patient, group or pixels shares the split, and every example has one."""
    if len(units_of(dataset.examples)) < 3:
        with pytest.raises(DatasetError, match="too-few-patients"):
            split_dataset(dataset, seed=seed)
        return
    done = split_dataset(dataset, seed=seed)
    assert all(one.split is not None for one in done.examples)
    assert all(len(splits) == 1 for value in ("patient", "group", "digest") for splits in parts(done, value).values())
    assert {one.split for one in done.examples} == set(Split)
    assert not leaks(done)


def test_chains_of_bonds_hold() -> None:
    """Two patients bound by a group, and a third by a copy of a picture, are one unit."""
    first = example("a", patient="p1", group="g")
    second = example("b", patient="p2", group="g")
    third = example("c", patient="p2")
    copy = example("c", patient="p3")
    alone = example("d")
    assert units_of((first, second, third, copy, alone)) == ((0, 1, 2, 3), (4,))


def test_every_class_is_shared_out_as_asked() -> None:
    """Over 60 patients each class and the pictures come within 4 points of the shares, the rare class too."""
    done = split_dataset(cohort(60), Shares(0.6, 0.2, 0.2), seed=1)
    counts = Counter((one.cell_type, each.split) for each in done.examples for one in each.objects or ())
    for kind in (CellType.NEUTROPHIL, CellType.BASOPHIL):
        total = sum(counts[kind, split] for split in Split)
        assert counts[kind, Split.TRAIN] / total == pytest.approx(0.6, abs=0.04)
        assert counts[kind, Split.TEST] / total == pytest.approx(0.2, abs=0.04)


def test_the_seed_decides() -> None:
    """The same seed gives the same split, another another, and the history says which."""
    dataset = cohort(30)
    assert split_dataset(dataset, seed=3) == split_dataset(dataset, seed=3)
    assert split_dataset(dataset, seed=3).examples != split_dataset(dataset, seed=4).examples
    assert "seed 3" in split_dataset(dataset, seed=3).history[-1]


def test_a_split_of_no_share_stays_empty() -> None:
    """80/20 without a test is a split into two."""
    done = split_dataset(cohort(10), Shares(0.8, 0.2, 0.0))
    assert {one.split for one in done.examples} == {Split.TRAIN, Split.VALIDATION}


@pytest.mark.parametrize("shares", [(0.5, 0.2, 0.2), (1.2, -0.2, 0.0)])
def test_shares_must_add_up(shares: tuple[float, float, float]) -> None:
    """Shares that are no partition of the whole are refused."""
    with pytest.raises(DatasetError, match="wrong-shares"):
        Shares(*shares)


def test_kept_splits_are_kept() -> None:
    """With keep, only what has no split is dealt out, and a patient's new picture follows the old ones."""
    done = split_dataset(cohort(20), seed=2)
    new = [example(f"new/{n}", CellType.BLAST, patient=f"p{n}") for n in range(20)] + [example("lone", CellType.BLAST)]
    again = split_dataset(whole((*done.examples, *new)), seed=9, keep=True)
    assert again.examples[: len(done.examples)] == done.examples
    of_patient = {one.patient: one.split for one in done.examples}
    assert all(one.split is of_patient[one.patient] for one in again.examples[len(done.examples) : -1])
    assert again.examples[-1].split is not None


def test_a_leak_cannot_be_kept() -> None:
    """A patient already in two splits is named instead of being dealt with silently."""
    leaking = [example("a", patient="p", split=Split.TRAIN), example("b", patient="p", split=Split.TEST)]
    with pytest.raises(DatasetError, match="leak"):
        split_dataset(whole([*leaking, example("c"), example("d")]), keep=True)


@settings(deadline=None, max_examples=8)
@given(dataset=datasets(), seed=st.integers(0, 100))
def test_each_unit_is_held_out_once(dataset: Dataset, seed: int) -> None:
    """Over the paper's five folds every picture is once in validation or test and four times trained on; none leaks."""
    if len(units_of(dataset.examples)) < 10:
        with pytest.raises(DatasetError, match="too-few-patients"):
            folds(dataset, seed=seed)
        return
    done = folds(dataset, seed=seed)
    held = Counter(one.name for fold in done for one in fold.examples if one.split is not Split.TRAIN)
    assert held == {one.name: 1 for one in dataset.examples}
    for fold in done:
        assert {one.split for one in fold.examples} == set(Split)
        assert not leaks(fold)


def test_folds_are_those_of_the_paper() -> None:
    """80/20, the 20 % parted 70/30, within what 50 patients allow."""
    for fold in folds(cohort(50), seed=1):
        shares = Counter(one.split for one in fold.examples)
        total = sum(shares.values())
        assert shares[Split.TRAIN] / total == pytest.approx(0.8, abs=0.05)
        assert shares[Split.VALIDATION] / (total - shares[Split.TRAIN]) == pytest.approx(0.7, abs=0.12)
