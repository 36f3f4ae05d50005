"""The ground of a slide: where the smear is a fit monolayer, and what is wrong with it elsewhere.

Five smooth random fields tell thickness, focus, agglutination and debris at nodes 64 px apart. The *margin* of a place
is how far it is from each fault; it is shifted so that the wanted share of tiles lies at or above zero, but for a share
of their ground that each fault is allowed.
Below zero the severity of the fault grows with the distance, so that the tiles between are truly intermediate.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import ndimage

from marrowcount.slides.tiles import TILE_PX, Tile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from marrowcount.phantom.primitives import Floats
    from marrowcount.slides.geometry import SizePx

__all__ = ["NODE_PX", "Fault", "Ground"]

NODE_PX: Final = 64
NODES: Final = TILE_PX // NODE_PX

ROI_SHARE: Final = (0.12, 0.18)
"""Least and greatest share of tiles fit for cytology; the paper saw 10 to 20 %."""

TOLERATED: Final = (0.02, 0.25, 0.02, 0.02, 0.02)
"""Share of a fit tile's nodes that may lie below margin zero, by :class:`Fault`.

Bare glass spoils no cell, and red cells leave gaps by chance: in a corner nobody can tell the one from the other.
So a tile is unfit for emptiness only where more than a quarter of it is bare. Any other fault spoils what lies in it.
"""

RAMP: Final = 0.12
"""Change of the margin from no fault to full fault, in standard deviations of the fields."""

ONSET: Final = 0.35
"""Severity at margin zero: a fault is about to be seen where the ground ceases to count as fit."""


class Fault(IntEnum):
    """What makes ground unfit; the number is its place in the fields."""

    THICK = 0
    EMPTY = 1
    BLURRED = 2
    AGGLUTINATED = 3
    STAINED = 4


LIMITS: Final = np.array([0.55, 0.85, 1.0, 1.15, 1.3], np.float32)
"""Where each fault begins, in standard deviations of its field, before the shift."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The faults of a slide.

    Attributes:
        severity: (5, node rows, node columns), 0 to 1, by :class:`Fault`.
        fit: (tile rows, tile columns), whether the whole tile is in-focus monolayer.
    """

    severity: Floats
    fit: NDArray[np.bool_]

    @classmethod
    def drawn(cls, size: SizePx, rng: np.random.Generator) -> Ground:
        """The ground of a slide at random."""
        rows, columns = -(-size.height // TILE_PX), -(-size.width // TILE_PX)
        beyond = _fields(rows * NODES + 1, columns * NODES + 1, rng) - LIMITS[:, None, None]
        score = _tile_scores(-beyond, size)
        shift = _widest_gap(score)
        severity = np.clip((beyond + shift) / RAMP + ONSET, 0, 1).astype(np.float32)
        return cls(severity, score >= shift)

    def at(self, fault: Fault, x: NDArray[np.int64], y: NDArray[np.int64]) -> Floats:
        """Severity at the nodes nearest to the given pixels."""
        field = self.severity[fault]
        rows = np.clip((y + NODE_PX // 2) // NODE_PX, 0, field.shape[0] - 1)
        columns = np.clip((x + NODE_PX // 2) // NODE_PX, 0, field.shape[1] - 1)
        nearest: Floats = field[rows, columns]
        return nearest

    def worst_in(self, tile: Tile) -> Floats:
        """Severity of the worst fault in each of the tile's 8 x 8 places, (8, 8): the mean of a place's four nodes.

        Bare glass counts where there is more of it than a fit tile may have.
        """
        top, left = tile.row * NODES, tile.column * NODES
        faults = self.severity[:, top : top + NODES + 1, left : left + NODES + 1]
        bare = np.quantile(faults[Fault.EMPTY], 1 - TOLERATED[Fault.EMPTY]) > ONSET
        worst = (faults if bare else np.delete(faults, Fault.EMPTY, axis=0)).max(axis=0)
        means: Floats = (worst[1:, 1:] + worst[1:, :-1] + worst[:-1, 1:] + worst[:-1, :-1]) / 4
        return means

    def over(self, fault: Fault, tile: Tile) -> Floats | None:
        """Severity at each pixel of a tile, (512, 512); None where it is nowhere above zero."""
        nodes = self.severity[
            fault,
            tile.row * NODES : tile.row * NODES + NODES + 1,
            tile.column * NODES : tile.column * NODES + NODES + 1,
        ]
        return _between(_between(nodes).T).T if nodes.any() else None


def _between(nodes: Floats) -> Floats:
    """Interpolate along the rows: 9 nodes become the 512 pixel centres between them."""
    step = ((np.arange(NODE_PX) + 0.5) / NODE_PX).astype(np.float32)
    start, end = nodes[:, :-1, None], nodes[:, 1:, None]
    return (start + (end - start) * step).reshape(len(nodes), TILE_PX)


def _fields(rows: int, columns: int, rng: np.random.Generator) -> Floats:
    """The five fields; thick and empty are the two ends of one."""
    grain = float(np.clip(min(rows, columns) / 8, 5, 13))
    noise = rng.standard_normal((4, rows, columns))
    smooth = ndimage.gaussian_filter(noise, (0, grain, grain), mode="wrap") * (2 * grain * np.sqrt(np.pi))
    thickness, focus, agglutination, stain = smooth
    return np.stack([thickness, -thickness, focus, agglutination, stain]).astype(np.float32)


def _tile_scores(margins: Floats, size: SizePx) -> Floats:
    """For each whole tile the margin that all but the tolerated share of its nodes reach, from the nearest fault."""
    rows, columns = size.height // TILE_PX, size.width // TILE_PX
    scores = np.empty((rows, columns), np.float32)
    for row in range(rows):
        for column in range(columns):
            nodes = margins[:, row * NODES : (row + 1) * NODES + 1, column * NODES : (column + 1) * NODES + 1]
            scores[row, column] = min(map(np.quantile, nodes, TOLERATED))
    return scores


def _widest_gap(scores: Floats) -> float:
    """The limit between fit and unfit: where the scores, inside the wanted share, lie farthest apart."""
    falling = np.sort(scores, axis=None)[::-1]
    least, most = (round(share * falling.size) for share in ROI_SHARE)
    least, most = max(1, least), max(1, most)
    upper, lower = falling[least - 1 : most], falling[least : most + 1]
    place = int((upper - lower).argmax())
    return float((upper[place] + lower[place]) / 2)
