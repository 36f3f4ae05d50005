"""When to stop reading tiles: convergence of the IHCT (Tayebi 2022, Eq. 1), precision, cap, exhaustion.

The paper leaves open what exactly is compared. Decision (method section 5): relative frequencies of the twelve
classes, with BMME appended as the plain ratio; a 0/0 term is 0; an undefined ratio is "not converged"; convergence
is a run of consecutive tiles below the threshold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.cytology.cell_types import CHI_SQUARE_CLASSES, NDC_CLASSES, CellType
from marrowcount.cytology.differential import bmme, clopper_pearson
from marrowcount.cytology.histogram import Histogram

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "ConvergenceRule",
    "IntervalRule",
    "Stopping",
    "StoppingReason",
    "StoppingRule",
    "StoppingWatch",
    "chi_square_distance",
    "ihct_distance",
]

ICSH_MINIMUM_CELLS: Final = 500
"""Cells to count where an exact percentage decides a diagnosis (ICSH 2008)."""


class StoppingReason(StrEnum):
    """Why no further tile was read; published with every result."""

    CONVERGED = "converged"
    PRECISE_ENOUGH = "precise-enough"
    CAP = "cap"
    SLIDE_EXHAUSTED = "slide-exhausted"


def chi_square_distance(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Half the sum of (x - y)^2 / (x + y), Eq. 1; terms where both are 0 count 0.

    Args:
        x: non-negative values, shape (n,).
        y: likewise.
    """
    total = x + y
    terms = np.divide((x - y) ** 2, total, out=np.zeros_like(total), where=total > 0)
    return float(terms.sum() / 2)


def ihct_distance(before: Histogram, after: Histogram) -> float:
    """Distance between two integrated histograms: twelve shares and BMME; infinite while BMME is undefined."""
    ratio_before, ratio_after = bmme(before), bmme(after)
    if ratio_before is None or ratio_after is None:
        return math.inf
    return chi_square_distance(
        np.append(before.shares_of(CHI_SQUARE_CLASSES), ratio_before),
        np.append(after.shares_of(CHI_SQUARE_CLASSES), ratio_after),
    )


@dataclass(frozen=True, slots=True)
class ConvergenceRule:
    """Stop when the IHCT no longer changes: the paper's rule.

    Attributes:
        threshold: a tile that moves the IHCT less than this counts as still; calibrated by
            ``marrowcount.evaluation.convergence_study``.
        run: consecutive still tiles that make convergence; a single one is chance.
        first_tile: tiles read before the rule is asked (the paper: 80).
        cap: tiles after which reading ends whatever the rule says.
    """

    threshold: float = 1.0e-4
    run: int = 20
    first_tile: int = 80
    cap: int = 800

    @property
    def name(self) -> str:
        """The rule as published: name and parameters."""
        return f"chi-square<{self.threshold:g} for {self.run} tiles after {self.first_tile}"


@dataclass(frozen=True, slots=True)
class IntervalRule:
    """Stop when the share of a class is known well enough; beyond the paper, a site's choice.

    Attributes:
        cell_type: the class watched, usually blasts or plasma cells.
        width_percent: stop when the 95 % interval is narrower than this, in percentage points; None to ignore.
        cut_offs_percent: stop when the interval holds none of these decision points; empty to ignore.
        minimum_cells: NDC cells before the rule is asked; never below 500 (ICSH 2008).
        cap: tiles after which reading ends whatever the rule says.
    """

    cell_type: CellType = CellType.BLAST
    width_percent: float | None = None
    cut_offs_percent: tuple[float, ...] = (5.0, 10.0, 20.0)
    minimum_cells: int = ICSH_MINIMUM_CELLS
    cap: int = 800

    def __post_init__(self) -> None:
        if self.cell_type not in NDC_CLASSES:
            msg = f"{self.cell_type.label} has no share in the NDC"
            raise ValueError(msg)
        if self.minimum_cells < ICSH_MINIMUM_CELLS:
            msg = f"minimum_cells is {self.minimum_cells}, at least {ICSH_MINIMUM_CELLS} are asked for (ICSH 2008)"
            raise ValueError(msg)
        if self.width_percent is None and not self.cut_offs_percent:
            msg = "set width_percent or cut_offs_percent, or the rule never stops"
            raise ValueError(msg)

    @property
    def name(self) -> str:
        """The rule as published: name and parameters."""
        width = f" narrower than {self.width_percent:g} points" if self.width_percent is not None else ""
        cut_offs = ", ".join(f"{cut:g}" for cut in self.cut_offs_percent)
        clear = f" clear of {cut_offs} %" if cut_offs else ""
        return f"{self.cell_type.label} interval{width}{clear} after {self.minimum_cells} cells"

    def satisfied(self, histogram: Histogram) -> bool:
        """Whether the class's share is known well enough."""
        total = histogram.sum_of(NDC_CLASSES)
        if total < self.minimum_cells:
            return False
        interval = clopper_pearson(histogram[self.cell_type], total)
        low, high = 100 * interval.low, 100 * interval.high
        if self.width_percent is not None and high - low < self.width_percent:
            return True
        return bool(self.cut_offs_percent) and not any(low <= cut <= high for cut in self.cut_offs_percent)


StoppingRule = ConvergenceRule | IntervalRule


@dataclass(frozen=True, slots=True)
class Stopping:
    """How reading ended.

    Attributes:
        rule: name and parameters of the rule in force.
        distance: chi-square distance of the last tile; None where it is undefined.
        distances: of each tile counted, in the order of reading, likewise: the convergence curve.
    """

    reason: StoppingReason
    rule: str
    tiles: int
    distance: float | None
    distances: tuple[float | None, ...] = ()


@dataclass(slots=True)
class StoppingWatch:
    """Adds up tile histograms and says when to stop."""

    rule: StoppingRule
    ihct: Histogram = field(default_factory=Histogram)
    tiles: int = 0
    still: int = 0
    distances: list[float] = field(default_factory=list[float])

    def add(self, hct: Histogram) -> None:
        """Take in the histogram of one more tile."""
        after = self.ihct + hct
        distance = ihct_distance(self.ihct, after)
        self.ihct, self.tiles = after, self.tiles + 1
        self.distances.append(distance)
        if isinstance(self.rule, ConvergenceRule):
            below = distance < self.rule.threshold and self.tiles > self.rule.first_tile
            self.still = self.still + 1 if below else 0

    @property
    def reason(self) -> StoppingReason | None:
        """Why to stop now; None to go on."""
        if isinstance(self.rule, ConvergenceRule):
            if self.still >= self.rule.run:
                return StoppingReason.CONVERGED
        elif self.rule.satisfied(self.ihct):
            return StoppingReason.PRECISE_ENOUGH
        return StoppingReason.CAP if self.tiles >= self.rule.cap else None

    def stopping(self) -> Stopping:
        """The record of the end; without a reason to stop, the slide had no more tiles."""
        defined = tuple(distance if math.isfinite(distance) else None for distance in self.distances)
        return Stopping(
            self.reason or StoppingReason.SLIDE_EXHAUSTED,
            self.rule.name,
            self.tiles,
            defined[-1] if defined else None,
            defined,
        )
