"""What is in a data set, in numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets.examples import Split

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from marrowcount.datasets.examples import Dataset, Example

__all__ = ["BoxSides", "DatasetStatistics", "SplitCounts", "statistics_of"]

QUANTILES: Final = (0.05, 0.5, 0.95)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BoxSides:
    """Square root of the boxes' area, in pixels, and in micrometres where the resolution is known.

    Attributes:
        count: of boxes.
        pixels: 5 %, 50 % and 95 % quantile.
        micrometres: the same over boxes of known resolution; None without any.
    """

    count: int
    pixels: tuple[float, float, float]
    micrometres: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """What one split holds.

    Attributes:
        examples: pictures.
        patients: known patients.
        groups: known groups.
        unlabelled: pictures that nobody boxed.
        fit: pictures fit for cytology; ``unfit`` those that are not, the rest is unknown.
        objects: by class; None is a nucleated cell of unstated class.
    """

    examples: int
    patients: int
    groups: int
    unlabelled: int
    fit: int
    unfit: int
    objects: Mapping[CellType | None, int]


@dataclass(frozen=True, slots=True)
class DatasetStatistics:
    """The whole data set.

    Attributes:
        total: everything.
        by_split: the splits that hold anything; None is unsplit.
        sides: of boxes, by class.
        resolutions: number of examples by um/px, rounded to 0.001; None where it is unknown.
        sizes: number of examples by width and height in pixels.
        objects_by_patient: how many objects each known patient has.
    """

    total: SplitCounts
    by_split: Mapping[Split | None, SplitCounts]
    sides: Mapping[CellType | None, BoxSides]
    resolutions: Mapping[float | None, int]
    sizes: Mapping[tuple[int, int], int]
    objects_by_patient: Mapping[str, int]


def statistics_of(dataset: Dataset) -> DatasetStatistics:
    """Count everything."""
    examples = dataset.examples
    parts = {split: [example for example in examples if example.split is split] for split in (*Split, None)}
    return DatasetStatistics(
        total=_counts(examples),
        by_split={split: _counts(part) for split, part in parts.items() if part},
        sides={kind: sides for kind in (*CellType, None) if (sides := _sides(examples, kind)) is not None},
        resolutions=_counted(None if one.um_per_px is None else round(one.um_per_px, 3) for one in examples),
        sizes=_counted((one.size.width, one.size.height) for one in examples),
        objects_by_patient=_by_patient(examples),
    )


def _counts(examples: Sequence[Example]) -> SplitCounts:
    return SplitCounts(
        examples=len(examples),
        patients=len({example.patient for example in examples if example.patient}),
        groups=len({example.group for example in examples if example.group}),
        unlabelled=sum(example.objects is None for example in examples),
        fit=sum(example.fit is True for example in examples),
        unfit=sum(example.fit is False for example in examples),
        objects=Counter(one.cell_type for example in examples for one in example.objects or ()),
    )


def _sides(examples: Iterable[Example], kind: CellType | None) -> BoxSides | None:
    found = [
        (one.box.area**0.5, example.um_per_px)
        for example in examples
        for one in example.objects or ()
        if one.cell_type is kind
    ]
    if not found:
        return None
    known = [side * um_per_px for side, um_per_px in found if um_per_px is not None]
    return BoxSides(len(found), _quantiles([side for side, _ in found]), _quantiles(known) if known else None)


def _quantiles(values: Sequence[float]) -> tuple[float, float, float]:
    low, middle, high = np.quantile(values, QUANTILES).tolist()
    return low, middle, high


def _counted(values: Iterable[T]) -> Mapping[T, int]:
    return dict(Counter(values).most_common())


def _by_patient(examples: Iterable[Example]) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for example in examples:
        if example.patient:
            counts[example.patient] += len(example.objects or ())
    return dict(counts)
