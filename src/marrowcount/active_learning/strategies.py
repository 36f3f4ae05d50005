"""What makes a tile worth an expert's time: four answers, each of which scores every tile and says why.

A strategy's gain for a tile is what choosing it next would add, so that it falls as tiles like it are chosen.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from marrowcount.cytology.cell_types import CellType

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from marrowcount.active_learning.candidates import SeenTiles

__all__ = ["Chance", "Disagreement", "RareClasses", "Strategy", "TileScore", "of_classes"]

NAMED: Final = 3
"""Classes that a reason names."""


class Strategy(StrEnum):
    """By what tiles are chosen."""

    RARE = "rare"
    """Classes of which few objects are labelled."""
    DISAGREEMENT = "disagreement"
    """Objects that the model sees otherwise when the picture is turned."""
    ERROR_REDUCTION = "error-reduction"
    """Labels after which the expected error falls most (the strategy that the paper names)."""
    RANDOM = "random"
    """By chance, as a control."""


class TileScore(Protocol):
    """Scores all tiles; hears which are chosen."""

    def gains(self) -> NDArray[np.float64]:
        """What each tile would add now, (tiles,)."""
        ...

    def take(self, place: int) -> None:
        """The tile is chosen, by this or another strategy."""
        ...

    def why(self, place: int) -> str:
        """What makes up a tile's gain now, in words."""
        ...


class RareClasses(TileScore):
    """How much the tile would add to the classes that are under-represented among the labels.

    A class is under-represented where it has fewer labelled objects than an even share would give it. Its part of the
    gain is ``log2((n + 1 + m) / (n + 1))``: the doublings of its n labels by the m objects expected on the tile. For
    few objects this is m / (n + 1), each object weighted by how rare its class is; and it falls as labels come in.

    Args:
        seen: the tiles.
        labels: labelled objects of each class, (19,).
    """

    def __init__(self, seen: SeenTiles, labels: NDArray[np.float64]) -> None:
        self._expected = seen.expected
        self._labels = labels.astype(np.float64)

    def gains(self) -> NDArray[np.float64]:
        """Doublings, summed over the classes."""
        gains: NDArray[np.float64] = self._parts(self._expected).sum(axis=1)
        return gains

    def take(self, place: int) -> None:
        """Its expected objects count as labelled."""
        self._labels = self._labels + self._expected[place]

    def why(self, place: int) -> str:
        """Which classes, how many of each are expected and how many there are."""
        expected = self._expected[place]
        parts = self._parts(expected)
        return "expects " + of_classes(
            parts, lambda kind: f"{expected[kind]:.2g} (with {self._labels[kind]:.0f} labelled)"
        )

    def _parts(self, expected: NDArray[np.float64]) -> NDArray[np.float64]:
        rare = self._labels <= self._labels.mean()
        parts: NDArray[np.float64] = np.where(rare, np.log2(1 + expected / (self._labels + 1)), 0.0)
        return parts


class Disagreement(TileScore):
    """On how many objects of the tile the model disagrees with itself when the picture is turned.

    The sum over the objects of the mean distance of two views (:attr:`SeenObject.disagreement`): an object about which
    all agree counts 0, one that half of the views miss, or take for another class, about 1/2.

    Args:
        seen: the tiles, from two views at least.
    """

    def __init__(self, seen: SeenTiles) -> None:
        self._parts = seen.summed(seen.disagreement)

    def gains(self) -> NDArray[np.float64]:
        """In objects."""
        gains: NDArray[np.float64] = self._parts.sum(axis=1)
        return gains

    def take(self, place: int) -> None:
        """It changes nothing in what is doubtful on the others."""

    def why(self, place: int) -> str:
        """How much of it is about classes, how much about presence."""
        of_class, of_presence = self._parts[place]
        return f"views disagree by {of_class:.2g} objects on the class and by {of_presence:.2g} on whether there is one"


class Chance(TileScore):
    """A number drawn for each tile, 0 to 1; the control that every other strategy must beat.

    Args:
        tiles: how many.
        seed: the same numbers for the same seed.
    """

    def __init__(self, tiles: int, seed: int) -> None:
        self._drawn = np.random.default_rng((seed, tiles)).random(tiles)

    def gains(self) -> NDArray[np.float64]:
        """The numbers."""
        return self._drawn

    def take(self, place: int) -> None:
        """It changes nothing."""

    def why(self, place: int) -> str:
        """There is no other reason."""
        return f"drawn by chance ({self._drawn[place]:.3f})"


def of_classes(parts: NDArray[np.float64], said: Callable[[int], str]) -> str:
    """The classes with the largest parts, and what is said of each; ``nothing`` where all parts are 0."""
    largest = [int(kind) for kind in np.argsort(-parts, kind="stable")[:NAMED] if parts[kind] > 0]
    return ", ".join(f"{CellType(kind).label} {said(kind)}" for kind in largest) or "nothing"
