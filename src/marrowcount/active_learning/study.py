"""Table 4 of Tayebi 2022, replayed: mean average precision against the number of labelled objects, round by round."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from marrowcount.active_learning.strategies import Strategy
from marrowcount.cytology.cell_types import PAPER_SCORED_CLASSES, CellType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from marrowcount.active_learning.corrections import Action

__all__ = ["PAPER_ROUNDS", "StudyRound", "study_lines"]

PAPER_ROUNDS: Final = (
    (6128, 0.52),
    (10813, 0.56),
    (14004, 0.64),
    (16205, 0.66),
    (18491, 0.69),
    (20649, 0.72),
    (22629, 0.74),
    (24735, 0.75),
)
"""Labelled objects and mean average precision of each iteration (Tayebi 2022, table 4); active from the third on."""


@dataclass(frozen=True, slots=True)
class StudyRound:
    """One iteration of one arm.

    Attributes:
        arm: how tiles were chosen.
        number: 1 for the first set, which all arms share.
        tiles: labelled so far.
        labels: labelled objects so far, by class.
        average_precision: of each class with objects on the held-out tiles, IoU 0.5, 11 points.
        mean: over the paper's 16 classes.
        low: lower bound of its 95 % bootstrap interval over held-out slides; NaN without one.
        high: upper bound.
        actions: what the expert had to do with the pre-labels of this round's new tiles; empty in the first round.
    """

    arm: str
    number: int
    tiles: int
    labels: Mapping[CellType, int]
    average_precision: Mapping[CellType, float]
    mean: float
    low: float = math.nan
    high: float = math.nan
    actions: Mapping[Action, int] = field(default_factory=dict["Action", int])

    @property
    def objects(self) -> int:
        """All labelled objects."""
        return sum(self.labels.values())


def study_lines(rounds: Sequence[StudyRound]) -> Iterator[str]:
    """The rounds as Markdown: means of all arms, then the paper's table for each arm."""
    arms = list(dict.fromkeys(one.arm for one in rounds))
    yield from _means(rounds)
    yield from _differences(rounds)
    for arm in arms:
        of_arm = sorted((one for one in rounds if one.arm == arm), key=lambda one: one.number)
        yield ""
        yield f"## Labelled objects and average precision by class: {arm}"
        yield ""
        yield from _by_class(of_arm)


def _means(rounds: Sequence[StudyRound]) -> Iterator[str]:
    yield "| arm | iteration | tiles | labelled objects | mAP, 16 classes | 95 % interval | pre-labels |"
    yield "|---|---|---|---|---|---|---|"
    for one in rounds:
        interval = "" if math.isnan(one.low) else f"{one.low:.3f} to {one.high:.3f}"
        said = ", ".join(f"{count} {action}" for action, count in one.actions.items() if count)
        yield f"| {one.arm} | {one.number} | {one.tiles} | {one.objects} | {one.mean:.3f} | {interval} | {said} |"


def _differences(rounds: Sequence[StudyRound]) -> Iterator[str]:
    """Every arm beside chance, iteration by iteration; nothing where chance has no arm."""
    by_chance = {one.number: one for one in rounds if one.arm == Strategy.RANDOM}
    beside = [(one, by_chance[one.number]) for one in rounds if one.arm != Strategy.RANDOM and one.number in by_chance]
    later = [(one, other) for one, other in beside if one.number > 1]
    if later:
        yield ""
        yield "| arm | iteration | mAP less that of random | labelled objects less those of random |"
        yield "|---|---|---|---|"
    for one, other in later:
        yield f"| {one.arm} | {one.number} | {one.mean - other.mean:+.3f} | {one.objects - other.objects:+d} |"


def _by_class(rounds: Sequence[StudyRound]) -> Iterator[str]:
    yield "| class | " + " | ".join(f"{one.number}: count | AP" for one in rounds) + " |"
    yield "|---|" + "---|---|" * len(rounds)
    for kind in CellType:
        mark = "" if kind in PAPER_SCORED_CLASSES else " (not scored by the paper)"
        cells = (f"{one.labels.get(kind, 0)} | {_figure(one.average_precision.get(kind))}" for one in rounds)
        yield f"| {kind.label}{mark} | " + " | ".join(cells) + " |"
    yield "| all, mean | " + " | ".join(f"{one.objects} | {one.mean:.3f}" for one in rounds) + " |"


def _figure(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.2f}"
