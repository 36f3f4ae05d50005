"""Splits by patient: seeded, stratified by class, and never parting what belongs together."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.datasets.examples import Split
from marrowcount.datasets.units import units_of
from marrowcount.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from marrowcount.datasets.examples import Dataset, Example

__all__ = ["PAPER_FOLDS", "Shares", "folds", "split_dataset"]

PAPER_FOLDS: Final = 5
"""Tayebi 2022: five folds by patient, 80/20."""

PAPER_TEST_SHARE: Final = 0.3
"""Of a fold's 20 %; the other 70 % choose the model (Tayebi 2022)."""

UNITS_A_FOLD: Final = 2
"""One to validate on, one to test on."""

Unit = tuple[int, ...]
"""Places of the examples that stay together."""


@dataclass(frozen=True, slots=True)
class Shares:
    """What part of the data each split is to hold; together 1.

    Raises:
        DatasetError: ``wrong-shares``.
    """

    train: float = 0.70
    validation: float = 0.15
    test: float = 0.15

    def __post_init__(self) -> None:
        values = (self.train, self.validation, self.test)
        if min(values) < 0 or not math.isclose(sum(values), 1.0, abs_tol=1e-6):
            raise DatasetError("wrong-shares", f"train, validation and test are {values}; they must add up to 1")

    @property
    def by_split(self) -> Mapping[Split, float]:
        """The splits that are to hold anything."""
        shares = zip(Split, (self.train, self.validation, self.test), strict=True)
        return {split: share for split, share in shares if share}


def split_dataset(dataset: Dataset, shares: Shares | None = None, seed: int = 0, *, keep: bool = False) -> Dataset:
    """Give every example a split: by patient, group and picture, each class shared out alike as far as that allows.

    Args:
        dataset: what to split.
        shares: of the splits; 70, 15 and 15 % when left out.
        seed: another seed gives another split; the same gives the same.
        keep: leave the splits that examples have, and add what is not yet split so that the whole comes out right.

    Raises:
        DatasetError: ``too-few-patients``: fewer patients (or groups, or single pictures) than splits;
            ``leak``: with ``keep``, a patient, group or picture lies in two splits already.
    """
    wanted = (shares or Shares()).by_split
    units = units_of(dataset.examples)
    _require_units(len(units), len(wanted), "one for each split")
    splits = tuple(wanted)
    fixed = [_split_of(dataset.examples, unit) if keep else None for unit in units]
    begun = [None if split is None else _place(splits, split) for split in fixed]
    dealt = _dealt(_strata(dataset.examples, units), np.array(list(wanted.values())), seed, begun)
    said = ", ".join(f"{split} {share:.0%}" for split, share in wanted.items())
    line = f"split by patient into {said}, seed {seed}{', what was split was kept' if keep else ''}"
    return _with_splits(dataset, units, [splits[part] for part in dealt], line)


def folds(dataset: Dataset, count: int = PAPER_FOLDS, seed: int = 0) -> tuple[Dataset, ...]:
    """The data set in ``count`` splits for cross-validation (Tayebi 2022: 80/20, the 20 % parted 70/30).

    Each unit (patient, group, picture) is held out in one fold, where it serves validation or test; in all others it
    is trained on.

    Raises:
        DatasetError: ``too-few-patients``: not two units for every fold.
    """
    units = units_of(dataset.examples)
    _require_units(len(units), UNITS_A_FOLD * count, f"two for each of {count} folds")
    strata = _strata(dataset.examples, units)
    fold_of = np.array(_dealt(strata, np.full(count, 1 / count), seed, least=UNITS_A_FOLD))
    held = (np.flatnonzero(fold_of == fold).tolist() for fold in range(count))
    return tuple(
        _with_splits(dataset, units, _fold(strata, places, seed), f"fold {fold} of {count} by patient, seed {seed}")
        for fold, places in enumerate(held, 1)
    )


def _fold(strata: NDArray[np.float64], held: list[int], seed: int) -> list[Split]:
    """The split of every unit where those held out are parted into validation and test."""
    splits = [Split.TRAIN] * len(strata)
    dealt = _dealt(strata[held], np.array([1 - PAPER_TEST_SHARE, PAPER_TEST_SHARE]), seed)
    for unit, part in zip(held, dealt, strict=True):
        splits[unit] = (Split.VALIDATION, Split.TEST)[part]
    return splits


def _require_units(there: int, wanted: int, why: str) -> None:
    if there < wanted:
        raise DatasetError(
            "too-few-patients",
            f"there are {there} patients, groups or single pictures that may be parted; at least {wanted} are needed, "
            f"{why}",
        )


def _split_of(examples: Sequence[Example], unit: Unit) -> Split | None:
    found = sorted({split for place in unit if (split := examples[place].split) is not None})
    if len(found) > 1:
        names = ", ".join(examples[place].name for place in unit[:4])
        raise DatasetError("leak", f"{names} belong together and lie in {' and '.join(found)}; run check, split anew")
    return found[0] if found else None


def _place(splits: Sequence[Split], split: Split) -> int:
    if split not in splits:
        raise DatasetError("wrong-shares", f"{split} already holds examples that are to be kept; give it a share")
    return splits.index(split)


def _strata(examples: Sequence[Example], units: Sequence[Unit]) -> NDArray[np.float64]:
    """Share of every stratum that each unit holds, (units, strata): pictures, fit and unfit ones, objects by class."""
    counts = [Counter(stratum for place in unit for stratum in _strata_of(examples[place])) for unit in units]
    names = sorted({stratum for count in counts for stratum in count})
    table = np.array([[count[name] for name in names] for count in counts], np.float64)
    shares: NDArray[np.float64] = table / table.sum(axis=0)
    return shares


def _strata_of(example: Example) -> Iterable[str]:
    yield "pictures"
    if example.fit is not None:
        yield f"fit {example.fit}"
    for one in example.objects or ():
        yield f"class {one.cell_type}"


def _dealt(
    strata: NDArray[np.float64],
    shares: NDArray[np.float64],
    seed: int,
    begun: Sequence[int | None] | None = None,
    least: int = 1,
) -> list[int]:
    """Which part each unit goes to: the largest first, each to where it brings all strata nearest to the shares.

    Args:
        strata: (units, strata), columns that add up to 1.
        shares: what each part is to hold of every stratum.
        seed: of the order among units of the same weight.
        begun: the part of units that have one already.
        least: units that no part goes without, as far as free units allow.
    """
    fixed = list(begun or [None] * len(strata))
    filled = np.zeros((len(shares), strata.shape[1]))
    for unit, part in enumerate(fixed):
        if part is not None:
            filled[part] += strata[unit]
    dealt = {unit: part for unit, part in enumerate(fixed) if part is not None}
    free = [unit for unit in _order(strata, seed) if unit not in dealt]
    for unit in free:
        dealt[unit] = _neediest(filled, strata[unit], shares)
        filled[dealt[unit]] += strata[unit]
    _fill_up(dealt, free, len(shares), least)
    return [dealt[unit] for unit in range(len(strata))]


def _order(strata: NDArray[np.float64], seed: int) -> list[int]:
    shuffled = np.random.default_rng(seed).permutation(len(strata))
    weight = strata.max(axis=1)[shuffled]
    order: list[int] = shuffled[np.argsort(-weight, kind="stable")].tolist()
    return order


def _neediest(filled: NDArray[np.float64], unit: NDArray[np.float64], shares: NDArray[np.float64]) -> int:
    """The part whose squared shortfall, relative to its share, shrinks most by the unit."""
    before = filled - shares[:, None]
    gain = (before**2 - (before + unit) ** 2) / shares[:, None]
    return int(np.argmax(gain.sum(axis=1)))


def _fill_up(dealt: dict[int, int], free: Sequence[int], parts: int, least: int) -> None:
    """Give each part that has fewer than ``least`` units the lightest free ones of parts that can spare them.

    Args:
        dealt: part of each unit; changed.
        free: units that may move, the heaviest first.
        parts: how many there are.
        least: units a part.
    """
    for part in range(parts):
        while (sizes := Counter(dealt.values()))[part] < least:
            spare = [unit for unit in free if sizes[dealt[unit]] > least]
            if not spare:
                break
            dealt[spare[-1]] = part


def _with_splits(dataset: Dataset, units: Sequence[Unit], splits: Sequence[Split], line: str) -> Dataset:
    examples = list(dataset.examples)
    for unit, split in zip(units, splits, strict=True):
        for place in unit:
            examples[place] = replace(examples[place], split=split)
    return replace(dataset, examples=tuple(examples), history=(*dataset.history, line))
