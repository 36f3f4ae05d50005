"""The nucleated differential cell count (NDC), its intervals, and the two myeloid-to-erythroid ratios."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.cytology.cell_types import (
    ERYTHROID_CLASSES,
    MYELOID_CLASSES,
    NDC_CLASSES,
    PAPER_MYELOID_CLASSES,
    CellType,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from marrowcount.cytology.histogram import Histogram

__all__ = [
    "CONFIDENCE",
    "ClassShare",
    "Differential",
    "Interval",
    "bmme",
    "clopper_pearson",
    "differential_of",
    "me_ratio",
    "rounded_percentages",
]

CONFIDENCE: Final = 0.95
"""Coverage of every published interval."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Lower and upper bound, in the unit of the value they belong to. Sampling error only."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """Distance between the bounds."""
        return self.high - self.low

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class ClassShare:
    """One class of the NDC.

    Attributes:
        count: cells counted.
        percent: of the NDC, rounded by largest remainder so that all classes sum to 100.0.
        interval: exact binomial (Clopper-Pearson) 95 % interval in percent, of the unrounded share.
    """

    cell_type: CellType
    count: int
    percent: Decimal
    interval: Interval


@dataclass(frozen=True, slots=True)
class Differential:
    """The NDC of a slide: one share for each class of ``NDC_CLASSES``, in that order.

    Attributes:
        total: cells in the denominator.
        me_ratio: myeloid over erythroid cells as ICSH 2008 defines it; None where there is no erythroblast.
        bmme: the paper's ratio (Eq. 2); None where there is no erythroblast.
        other_share: "other" cells over NDC plus other, 0 to 1; unclassified cells may hide blasts.
    """

    total: int
    shares: tuple[ClassShare, ...]
    me_ratio: float | None
    bmme: float | None
    other_share: float

    def share(self, cell_type: CellType) -> ClassShare:
        """The share of a class of the NDC.

        Raises:
            KeyError: the class is not in the NDC.
        """
        for share in self.shares:
            if share.cell_type is cell_type:
                return share
        raise KeyError(cell_type.label)


def differential_of(histogram: Histogram) -> Differential:
    """The differential of an integrated histogram."""
    counts = [histogram[cell_type] for cell_type in NDC_CLASSES]
    total, other = sum(counts), histogram[CellType.OTHER_CELL]
    shares = tuple(
        ClassShare(cell_type, count, percent, _percent_interval(count, total))
        for cell_type, count, percent in zip(NDC_CLASSES, counts, rounded_percentages(counts), strict=True)
    )
    return Differential(
        total, shares, me_ratio(histogram), bmme(histogram), other / (total + other) if total + other else 0.0
    )


def me_ratio(histogram: Histogram) -> float | None:
    """Granulocytes, monocytes and their precursors over erythroblasts (ICSH 2008); None without erythroblasts."""
    return _ratio(histogram, MYELOID_CLASSES)


def bmme(histogram: Histogram) -> float | None:
    """Bone marrow myeloid-to-erythroid ratio (Tayebi 2022, Eq. 2); None without erythroblasts."""
    return _ratio(histogram, PAPER_MYELOID_CLASSES)


def _ratio(histogram: Histogram, numerator: Iterable[CellType]) -> float | None:
    erythroid = histogram.sum_of(ERYTHROID_CLASSES)
    return histogram.sum_of(numerator) / erythroid if erythroid else None


def clopper_pearson(successes: int, trials: int, confidence: float = CONFIDENCE) -> Interval:
    """Exact binomial interval of a share (Clopper and Pearson 1934), between 0 and 1.

    Raises:
        ValueError: not 0 <= successes <= trials.
    """
    if not 0 <= successes <= trials:
        msg = f"{successes} of {trials} is not a share"
        raise ValueError(msg)
    from scipy.special import betaincinv  # noqa: PLC0415 - 17 MB that a listener need not carry

    tail = (1 - confidence) / 2
    low = float(betaincinv(successes, trials - successes + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, trials - successes, 1 - tail)) if successes < trials else 1.0
    return Interval(low, high)


def _percent_interval(count: int, total: int) -> Interval:
    interval = clopper_pearson(count, total)
    return Interval(100 * interval.low, 100 * interval.high)


def rounded_percentages(counts: Sequence[int], places: int = 1) -> tuple[Decimal, ...]:
    """Percentages that sum to exactly 100, by the method of largest remainder; all zero where nothing was counted.

    Whole-number arithmetic throughout; of equal remainders the larger count, then the earlier class, is raised.
    """
    total, units = sum(counts), 100 * 10**places
    quantum = Decimal(1).scaleb(-places)
    if not total:
        return tuple(Decimal(0).quantize(quantum) for _ in counts)
    floors, remainders = zip(*(divmod(count * units, total) for count in counts), strict=True)
    by_remainder = sorted(range(len(counts)), key=lambda i: (-remainders[i], -counts[i], i))
    raised = np.array(floors, dtype=np.int64)
    raised[by_remainder[: units - sum(floors)]] += 1
    return tuple((Decimal(int(value)) * quantum).quantize(quantum) for value in raised)
