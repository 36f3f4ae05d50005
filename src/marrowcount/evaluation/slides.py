"""Whole counted slides against slides of known truth: is what is published true within what it claims?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.cytology.cell_types import ERYTHROID_CLASSES, MYELOID_CLASSES, NDC_CLASSES, CellType
from marrowcount.cytology.differential import Interval, clopper_pearson
from marrowcount.evaluation.bootstrap import Estimate, Resampling, estimates

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "MOST_READ",
    "CountedShare",
    "CountedSlide",
    "Coverage",
    "SlideScores",
    "SlideTruth",
    "SlidesEvaluation",
    "evaluate_slides",
    "score_slide",
]

MOST_READ: Final = 0.5
"""From this share of the fit tiles on, a count is no longer a small sample of its slide."""


@dataclass(frozen=True, slots=True)
class SlideTruth:
    """What is truly on a slide.

    Attributes:
        profile: diagnosis profile of the phantom; empty where there is none.
        percent: of each class of the NDC, over the objects on its ROI tiles.
        roi_tiles: tiles fit for cytology.
    """

    profile: str
    percent: Mapping[CellType, float]
    roi_tiles: int

    @property
    def me_ratio(self) -> float:
        """Myeloid over erythroid cells (ICSH 2008); NaN without erythroblasts."""
        erythroid = sum(self.percent[cell_type] for cell_type in ERYTHROID_CLASSES)
        return sum(self.percent[cell_type] for cell_type in MYELOID_CLASSES) / erythroid if erythroid else math.nan


@dataclass(frozen=True, slots=True)
class CountedShare:
    """One class as it was published: cells, percentage, bounds of the interval in percent."""

    count: int
    percent: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class CountedSlide:
    """A slide as it was published.

    Attributes:
        shares: one for each class of the NDC.
        me_ratio: NaN where none was published.
        reason: why reading ended.
        distances: chi-square distance at each counted tile, shape (n,), infinite where undefined; empty where the
            result does not say.
    """

    shares: Mapping[CellType, CountedShare]
    me_ratio: float
    tiles_counted: int
    tiles_looked_at: int
    reason: str
    distances: NDArray[np.float64]

    @property
    def cells(self) -> int:
        """Cells of the differential."""
        return sum(share.count for share in self.shares.values())


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many percentages lie inside their stated interval; exact binomial bounds of that share.

    The bounds take the percentages for independent, which those of one slide are not quite.
    """

    inside: int
    percentages: int

    @property
    def share(self) -> float:
        """Inside, 0 to 1; NaN without any percentage."""
        return self.inside / self.percentages if self.percentages else math.nan

    @property
    def interval(self) -> Interval:
        """Of the share (Clopper and Pearson 1934)."""
        return clopper_pearson(self.inside, self.percentages) if self.percentages else Interval(math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class SlideScores:
    """One slide.

    Attributes:
        errors: counted less true percentage of each class, in percentage points.
        inside: whether the true percentage lies inside the stated interval.
        present: classes that are truly there; of the others an interval that begins at 0 is right for nothing.
        me_ratio_error: counted less true M:E ratio; NaN where either is undefined.
    """

    name: str
    truth: SlideTruth
    counted: CountedSlide
    errors: Mapping[CellType, float]
    inside: Mapping[CellType, bool]
    present: frozenset[CellType]
    me_ratio_error: float

    @property
    def sampled(self) -> bool:
        """Whether the count is a sample of its slide: else little error of sampling is left to judge intervals by."""
        return self.counted.tiles_counted < MOST_READ * self.truth.roi_tiles

    @property
    def mean_absolute_error(self) -> float:
        """Over the classes of the NDC, in percentage points."""
        return sum(abs(error) for error in self.errors.values()) / len(self.errors)

    def coverage(self, classes: Iterable[CellType] = NDC_CLASSES) -> Coverage:
        """Percentages inside their interval, among these classes."""
        inside = [self.inside[cell_type] for cell_type in classes]
        return Coverage(sum(inside), len(inside))


@dataclass(frozen=True, slots=True)
class SlidesEvaluation:
    """Several slides.

    Attributes:
        slides: those that were counted.
        refused: name and code of those that were not.
        figures: with intervals over slides: ``<class>/error`` (mean, which is the bias), ``<class>/absolute_error``,
            ``mean_absolute_error``, ``me_ratio_error``, ``me_ratio_relative_error`` (absolute, over the true ratio).
        coverage: over all slides and the 12 classes of the NDC.
        coverage_of_present: over the classes that are truly on each slide.
        coverage_of_sampled: over the slides of which less than :data:`MOST_READ` of the fit tiles were counted.
        coverage_by_class: over all slides.
    """

    slides: Sequence[SlideScores]
    refused: Sequence[tuple[str, str]]
    figures: Mapping[str, Estimate]
    coverage: Coverage
    coverage_of_present: Coverage
    coverage_of_sampled: Coverage
    coverage_by_class: Mapping[CellType, Coverage]


def score_slide(name: str, truth: SlideTruth, counted: CountedSlide) -> SlideScores:
    """Compare a counted slide with the truth."""
    errors = {kind: counted.shares[kind].percent - truth.percent[kind] for kind in NDC_CLASSES}
    inside = {kind: truth.percent[kind] in counted.shares[kind].interval for kind in NDC_CLASSES}
    present = frozenset(kind for kind in NDC_CLASSES if truth.percent[kind] > 0)
    return SlideScores(name, truth, counted, errors, inside, present, counted.me_ratio - truth.me_ratio)


def evaluate_slides(
    slides: Sequence[SlideScores], refused: Sequence[tuple[str, str]] = (), how: Resampling | None = None
) -> SlidesEvaluation:
    """Sum up slides, each counting the same.

    Args:
        slides: those that were counted.
        refused: name and code of those that were not; they are told, not scored.
        how: draws of the slides for the intervals.
    """
    table = np.array([_row(slide) for slide in slides], dtype=np.float64).reshape(-1, len(_NAMES))
    units = np.arange(len(slides))
    return SlidesEvaluation(
        slides,
        refused,
        estimates(lambda times: _means(table, times), units, how or Resampling()),
        _together(slide.coverage() for slide in slides),
        _together(slide.coverage(slide.present) for slide in slides),
        _together(slide.coverage() for slide in slides if slide.sampled),
        {kind: _together(slide.coverage((kind,)) for slide in slides) for kind in NDC_CLASSES},
    )


_NAMES = (
    *(f"{kind.label}/error" for kind in NDC_CLASSES),
    *(f"{kind.label}/absolute_error" for kind in NDC_CLASSES),
    "mean_absolute_error",
    "me_ratio_error",
    "me_ratio_relative_error",
)


def _row(slide: SlideScores) -> list[float]:
    errors = [slide.errors[kind] for kind in NDC_CLASSES]
    relative = abs(slide.me_ratio_error) / slide.truth.me_ratio if slide.truth.me_ratio else math.nan
    return [*errors, *map(abs, errors), slide.mean_absolute_error, slide.me_ratio_error, relative]


def _means(table: NDArray[np.float64], times: NDArray[np.int64]) -> dict[str, float]:
    """Mean of each column over the slides for which it exists."""
    exists = np.isfinite(table)
    weights = (exists * times[:, None]).sum(axis=0)
    sums = (np.where(exists, table, 0.0) * times[:, None]).sum(axis=0)
    means = [float(s / w) if w else math.nan for s, w in zip(sums, weights, strict=True)]
    return dict(zip(_NAMES, means, strict=True))


def _together(parts: Iterable[Coverage]) -> Coverage:
    all_parts = list(parts)
    return Coverage(sum(part.inside for part in all_parts), sum(part.percentages for part in all_parts))
