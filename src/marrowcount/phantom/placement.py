"""Which objects lie where on a phantom slide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

import numpy as np
from scipy.spatial import cKDTree

from marrowcount.cytology.cell_types import CellType
from marrowcount.phantom.atlas import BLUR_PX, ORIENTATIONS, Atlas, specimens_of
from marrowcount.phantom.ground import Fault, Ground
from marrowcount.slides.tiles import TILE_PX

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from marrowcount.phantom.profiles import Profile
    from marrowcount.slides.geometry import SizePx

__all__ = ["Placed", "degrees_of_blur", "place"]

PLOTS: Final = 6
"""A tile is parcelled into 6 x 6 plots with one cell each at most, so that cells touch but seldom hide each other."""

PLATELET_PLOTS: Final = 14

CROWDING: Final = 0.84
"""Cells may lie this share of the sum of their radii apart."""

TOO_THICK: Final = 0.45
TOO_EMPTY: Final = 0.6
"""Severities from which no single cell can be made out, or none lies."""

LARGE_PX: Final = 44.0


@dataclass(frozen=True, slots=True)
class Placed:
    """The objects of a slide as columns of one table, one row an object.

    Attributes:
        kind: class, (n,).
        number: specimen, (n,).
        orientation: 0 to 7, (n,).
        degree: of being out of focus, (n,).
        spot: x and y of the anchor pixel, (n, 2).
        reach: left, top, right, bottom of the box, from the anchor, (n, 4).
    """

    kind: NDArray[np.int64]
    number: NDArray[np.int64]
    orientation: NDArray[np.int64]
    degree: NDArray[np.int64]
    spot: NDArray[np.int64]
    reach: NDArray[np.int64]

    def chosen(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Placed:
        """Some of the rows."""
        return Placed(
            self.kind[which],
            self.number[which],
            self.orientation[which],
            self.degree[which],
            self.spot[which],
            self.reach[which],
        )

    @property
    def radius(self) -> NDArray[np.float64]:
        """Mean of the box's half sides, (n,)."""
        return (self.reach[:, 2] - self.reach[:, 0] + self.reach[:, 3] - self.reach[:, 1]) / 4

    @property
    def boxes(self) -> NDArray[np.int64]:
        """Left, top, right, bottom in pixels of the slide, (n, 4)."""
        return self.reach + np.tile(self.spot, 2)


def place(profile: Profile, size: SizePx, ground: Ground, atlas: Atlas, rng: np.random.Generator) -> Placed:
    """Strew the objects of a profile over the slide; none where the ground is empty or too thick."""
    kinds, spots = _strewn(profile, size, ground, rng)
    number = rng.integers(0, 1 << 30, len(kinds)) % np.array([specimens_of(kind) for kind in CellType])[kinds]
    orientation = rng.integers(0, ORIENTATIONS, len(kinds))
    degree = degrees_of_blur(ground, spots)
    reach = np.array(
        [
            atlas.cell(kind, specimen, turn, 0).reach
            for kind, specimen, turn in zip(kinds.tolist(), number.tolist(), orientation.tolist(), strict=True)
        ]
    ).reshape(-1, 4)
    placed = _inside(Placed(kinds, number, orientation, degree, spots, reach), size)
    placed = placed.chosen(_on_fit_ground(ground, placed.spot))
    return placed.chosen(_uncrowded(placed))


def _strewn(
    profile: Profile, size: SizePx, ground: Ground, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Classes and places before any is thinned out."""
    kinds: list[NDArray[np.int64]] = []
    spots: list[NDArray[np.int64]] = []
    rows, columns = -(-size.height // TILE_PX), -(-size.width // TILE_PX)
    for row in range(rows):
        for column in range(columns):
            fit = row < ground.fit.shape[0] and column < ground.fit.shape[1] and bool(ground.fit[row, column])
            cells = _cells_of_tile(profile, rng, at_least=int(fit))
            platelets = np.full(rng.poisson(profile.bystanders[CellType.PLATELET]), int(CellType.PLATELET))
            corner = np.array([column, row]) * TILE_PX
            for group, plots in ((cells, PLOTS), (platelets[: PLATELET_PLOTS**2], PLATELET_PLOTS)):
                kinds.append(group)
                spots.append(corner + _plots(len(group), plots, rng))
    return np.concatenate(kinds), np.concatenate(spots)


def _cells_of_tile(profile: Profile, rng: np.random.Generator, at_least: int) -> NDArray[np.int64]:
    """Classes on one tile but for platelets: cellularity and mix waver from tile to tile."""
    shares = np.array(list(profile.differential.values())) / 100
    mix = rng.dirichlet(shares * profile.concentration)
    cellularity = rng.gamma(profile.cellularity_shape, 1 / profile.cellularity_shape)
    count = max(at_least, int(rng.poisson(profile.cells_per_tile * cellularity)))
    counts = rng.multinomial(count, mix)
    kinds = np.repeat([int(kind) for kind in profile.differential], counts)
    rare = [(int(kind), mean) for kind, mean in profile.bystanders.items() if kind is not CellType.PLATELET]
    others = np.repeat([kind for kind, _ in rare], rng.poisson([mean for _, mean in rare]))
    return rng.permutation(np.concatenate([kinds, others]))[: PLOTS**2].astype(np.int64)


def _plots(count: int, per_side: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Places within a tile, one to a plot, shaken."""
    chosen = rng.permutation(per_side * per_side)[:count]
    side = TILE_PX / per_side
    middles = np.stack([chosen % per_side, chosen // per_side], axis=1) * side + side / 2
    shaken = middles + rng.uniform(-0.5, 0.5, (count, 2)) * side
    return np.floor(shaken).astype(np.int64)


def degrees_of_blur(ground: Ground, spots: NDArray[np.int64]) -> NDArray[np.int64]:
    """How far out of focus things at these places, (n, 2), are: indices of ``BLUR_PX``."""
    blurred = ground.at(Fault.BLURRED, spots[:, 0], spots[:, 1])
    degree: NDArray[np.int64] = np.ceil(blurred * (len(BLUR_PX) - 1) - 0.25).clip(0).astype(np.int64)
    return degree


def _inside(placed: Placed, size: SizePx) -> Placed:
    """Objects near the edge of the slide are moved in, so that they are whole."""
    least = -placed.reach[:, :2]
    most = np.array([size.width, size.height]) - placed.reach[:, 2:]
    spot = np.clip(placed.spot, least, most)
    return Placed(placed.kind, placed.number, placed.orientation, placed.degree, spot, placed.reach)


def _on_fit_ground(ground: Ground, spots: NDArray[np.int64]) -> NDArray[np.bool_]:
    x, y = spots[:, 0], spots[:, 1]
    return (ground.at(Fault.THICK, x, y) < TOO_THICK) & (ground.at(Fault.EMPTY, x, y) < TOO_EMPTY)


def _uncrowded(placed: Placed) -> NDArray[np.int64]:
    """Rows that stay when of two that lie too close the lesser goes: large cells stay, then the earlier ones."""
    radius = placed.radius
    order = np.lexsort((np.arange(len(radius)), radius <= LARGE_PX))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    gone = np.zeros(len(order), np.bool_)
    for first, second in _close_pairs(placed.spot, radius):
        if not gone[first] and not gone[second]:
            gone[first if rank[first] > rank[second] else second] = True
    return np.nonzero(~gone)[0]


def _close_pairs(spot: NDArray[np.int64], radius: NDArray[np.float64]) -> Iterable[tuple[int, int]]:
    tree = cKDTree(spot)
    pairs = tree.query_pairs(2 * CROWDING * LARGE_PX, output_type="ndarray")
    large = np.nonzero(radius > LARGE_PX)[0]
    reach = CROWDING * (radius[large] + radius.max(initial=0))
    near = cast("list[list[int]]", tree.query_ball_point(spot[large], reach))
    wide = [
        np.stack([np.full(len(found), one), np.array(found)], axis=1) for one, found in zip(large, near, strict=True)
    ]
    every = np.concatenate([pairs, *wide]).astype(np.int64)
    every = every[every[:, 0] != every[:, 1]]
    apart = np.hypot(*(spot[every[:, 0]] - spot[every[:, 1]]).T)
    close = every[apart < CROWDING * (radius[every[:, 0]] + radius[every[:, 1]])]
    close = close[np.lexsort((close[:, 1], close[:, 0]))]
    return ((int(first), int(second)) for first, second in close)
