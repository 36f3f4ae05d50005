"""Tiles are chosen one after the other, by strategies in turn, spread over slides and patients."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.active_learning.candidates import SeenTiles
from marrowcount.active_learning.expected_error import ErrorReduction
from marrowcount.active_learning.likeness import ALIKE, likest
from marrowcount.active_learning.strategies import Chance, Disagreement, RareClasses, Strategy
from marrowcount.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from marrowcount.active_learning.candidates import Candidate
    from marrowcount.active_learning.strategies import TileScore
    from marrowcount.slides.tiles import Tile

__all__ = ["DEFAULT_STRATEGIES", "NEEDING_VIEWS", "Asked", "Chosen", "choose"]

DEFAULT_STRATEGIES: Final[Mapping[Strategy, float]] = {
    Strategy.ERROR_REDUCTION: 1.0,
    Strategy.RARE: 1.0,
    Strategy.DISAGREEMENT: 1.0,
}
"""Each errs in a way of its own; a third of the tiles from each."""

NEEDING_VIEWS: Final = frozenset({Strategy.DISAGREEMENT, Strategy.ERROR_REDUCTION})
"""Strategies that compare views."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be chosen.

    Attributes:
        tiles: how many.
        strategies: with the weight of each; tiles are dealt out by weight.
        threshold: probability from which an object counts, and is a pre-label.
        seed: of chance, and of the order among equals.
        views: from how many sides the model looks.
        spread: no patient and no slide gives more than this many times its even share, unless others have no more.

    Raises:
        SettingsError: ``wrong-setting``.
    """

    tiles: int
    strategies: Mapping[Strategy, float] = field(default_factory=lambda: dict(DEFAULT_STRATEGIES))
    threshold: float = 0.5
    seed: int = 1
    views: int = 4
    spread: float = 2.0

    def __post_init__(self) -> None:
        if not self.strategies or min(self.strategies.values()) <= 0:
            raise SettingsError("wrong-setting", "at least one strategy is needed, and each needs a weight above 0")
        single = sorted(NEEDING_VIEWS & set(self.strategies))
        if self.views == 1 and single:
            raise SettingsError("wrong-setting", f"{' and '.join(single)} compare views; ask for 2 at least")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A tile that was chosen.

    Attributes:
        place: among the candidates.
        strategy: by which.
        gain: of that strategy when it was chosen.
        scores: what each strategy gave it before anything was chosen.
        why: in words.
    """

    place: int
    strategy: Strategy
    gain: float
    scores: Mapping[Strategy, float]
    why: str


def choose(
    candidates: Sequence[Candidate], labels: NDArray[np.float64], asked: Asked
) -> tuple[tuple[Chosen, ...], Mapping[Strategy, NDArray[np.float64]]]:
    """Choose tiles; fewer than were asked for where what is left lies beside, or looks like, what was chosen.

    Args:
        candidates: what the model sees on each tile.
        labels: labelled objects of each class, (19,).
        asked: how many, and how.

    Returns:
        the tiles in the order of choosing, and what each strategy asked gave to every candidate before that.
    """
    scores = _scores(SeenTiles(candidates, asked.threshold), labels, asked)
    before = {strategy: score.gains().copy() for strategy, score in scores.items()}
    free = _FreeTiles(candidates, asked)
    order = np.random.default_rng((asked.seed, 1)).permutation(len(candidates))
    chosen: list[Chosen] = []
    while len(chosen) < asked.tiles and (left := free.places(order)).size:
        strategy = _next(asked.strategies, Counter(one.strategy for one in chosen))
        gains = scores[strategy].gains()
        place = int(left[gains[left].argmax()])
        of_tile = {one: float(gains_[place]) for one, gains_ in before.items()}
        chosen.append(Chosen(place, strategy, float(gains[place]), of_tile, scores[strategy].why(place)))
        free.take(place)
        for score in scores.values():
            score.take(place)
    return tuple(chosen), before


def _scores(seen: SeenTiles, labels: NDArray[np.float64], asked: Asked) -> dict[Strategy, TileScore]:
    make: dict[Strategy, Callable[[], TileScore]] = {
        Strategy.RARE: lambda: RareClasses(seen, labels),
        Strategy.DISAGREEMENT: lambda: Disagreement(seen),
        Strategy.ERROR_REDUCTION: lambda: ErrorReduction(seen, labels),
        Strategy.RANDOM: lambda: Chance(seen.count, asked.seed),
    }
    return {strategy: make[strategy]() for strategy in asked.strategies}


def _next(weights: Mapping[Strategy, float], given: Mapping[Strategy, int]) -> Strategy:
    """The strategy that is furthest behind its share."""
    return min(weights, key=lambda strategy: (given.get(strategy, 0) + 1) / weights[strategy])


class _FreeTiles:
    """Which tiles may still be chosen: not beside or like a chosen one, nor of a patient or slide that gave enough."""

    def __init__(self, candidates: Sequence[Candidate], asked: Asked) -> None:
        tiles = [candidate.tile for candidate in candidates]
        self._free = np.ones(len(tiles), np.bool_)
        self._slides = [tile.group or tile.patient for tile in tiles]
        self._places = [tile.place for tile in tiles]
        self._likeness = np.array([candidate.likeness for candidate in candidates], np.float32)
        self._owners = [_numbers([tile.patient or tile.group for tile in tiles]), _numbers(self._slides)]
        self._most = [
            math.ceil(asked.spread * asked.tiles / max(1, owners.max(initial=0) + 1)) for owners in self._owners
        ]
        self._given = [np.zeros(owners.max(initial=0) + 1, np.int64) for owners in self._owners]

    def places(self, order: NDArray[np.intp]) -> NDArray[np.intp]:
        """The places of the tiles that may be chosen, in an order."""
        within = self._free.copy()
        for owners, given, most in zip(self._owners, self._given, self._most, strict=True):
            within &= given[owners] < most
        allowed = within if within.any() else self._free
        return order[allowed[order]]

    def take(self, place: int) -> None:
        """Choose a tile."""
        for owners, given in zip(self._owners, self._given, strict=True):
            given[owners[place]] += 1
        self._free[place] = False
        self._free &= likest(self._likeness[place], self._likeness) < ALIKE
        for other in np.flatnonzero(self._free):
            if self._slides[other] == self._slides[place] and _adjacent(self._places[other], self._places[place]):
                self._free[other] = False


def _numbers(names: Sequence[str]) -> NDArray[np.intp]:
    """The number of each tile's owner, (tiles,); all tiles whose owner is not known are of one."""
    return np.unique(np.array(names, dtype=np.str_), return_inverse=True)[1].astype(np.intp)


def _adjacent(one: Tile | None, other: Tile | None) -> bool:
    """Whether tiles touch on their slide, be it with a corner."""
    return one is not None and other is not None and max(abs(one.row - other.row), abs(one.column - other.column)) <= 1
