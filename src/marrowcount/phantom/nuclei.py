"""Shapes of nuclei, as depths (signed distances, positive inside) on a patch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.phantom.primitives import Floats, Paper, outline, strand, union
from marrowcount.phantom.recipes import NucleusShape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

__all__ = ["Plan", "nucleus_depth"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a nucleus goes: the cell's radius, the nucleus's own radius and its middle, in px."""

    cell_radius: float
    radius: float
    centre: tuple[float, float]


def nucleus_depth(shape: NucleusShape, paper: Paper, plan: Plan, rng: np.random.Generator) -> Floats:
    """Depth of a nucleus of that shape."""
    return _SHAPES[shape](paper, plan, rng)


def _around(plan: Plan, angles: NDArray[np.float64], distance: NDArray[np.float64] | float) -> NDArray[np.float64]:
    spots = np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.reshape(distance, (-1, 1))
    return spots + np.array(plan.centre)


def _round(paper: Paper, plan: Plan, rng: np.random.Generator) -> Floats:
    return outline(paper, plan.radius, rng, centre=plan.centre, aspect=rng.uniform(1.0, 1.15), wobble=0.03)


def _kidney(paper: Paper, plan: Plan, rng: np.random.Generator) -> Floats:
    body = outline(paper, plan.radius, rng, centre=plan.centre, aspect=1.15, wobble=0.03)
    inward = np.arctan2(-plan.centre[1], -plan.centre[0]) + rng.normal(0, 0.3)
    bite = plan.radius * rng.uniform(0.4, 0.6)
    reach = plan.radius * rng.uniform(0.85, 1.0)
    x, y = plan.centre[0] + reach * np.cos(inward), plan.centre[1] + reach * np.sin(inward)
    return np.minimum(body, np.hypot(paper.x - x, paper.y - y) - bite).astype(np.float32)


def _arc(plan: Plan, span: float, distance: float, rng: np.random.Generator) -> NDArray[np.float64]:
    angles = rng.uniform(0, 2 * np.pi) + np.linspace(-span / 2, span / 2, 9)
    return _around(plan, angles, distance)


def _band(paper: Paper, plan: Plan, rng: np.random.Generator) -> Floats:
    points = _arc(plan, rng.uniform(3.2, 4.6), plan.cell_radius * rng.uniform(0.46, 0.54), rng)
    radii = plan.cell_radius * rng.uniform(0.17, 0.21) * (1 + 0.22 * np.linspace(-1, 1, 9) ** 2)
    return np.maximum(union(paper, points, radii), strand(paper, points, float(radii.min())))


def _segmented(paper: Paper, plan: Plan, rng: np.random.Generator) -> Floats:
    lobes = int(rng.integers(3, 6))
    turn = rng.uniform(1.05, 1.45) if lobes > 3 else rng.uniform(1.5, 1.9)
    angles = rng.uniform(0, 2 * np.pi) + turn * np.arange(lobes) + rng.normal(0, 0.12, lobes)
    points = _around(plan, angles, plan.cell_radius * rng.uniform(0.38, 0.56, lobes))
    radii = plan.cell_radius * rng.uniform(0.20, 0.30, lobes) * (1.15 if lobes < 5 else 0.9)
    return np.maximum(union(paper, points, radii), strand(paper, points, 1.3))


def _bilobed(paper: Paper, plan: Plan, rng: np.random.Generator) -> Floats:
    turn = rng.uniform(0, 2 * np.pi)
    angles = np.array([turn, turn + rng.uniform(1.9, 2.8)])
    points = _around(plan, angles, plan.cell_radius * rng.uniform(0.36, 0.46, 2))
    radii = plan.cell_radius * rng.uniform(0.31, 0.40, 2)
    return np.maximum(union(paper, points, radii), strand(paper, points, 1.8))


def _folded(paper: Paper, plan: Plan, rng: np.random.Generator) -> Floats:
    points = _arc(plan, rng.uniform(2.2, 3.6), plan.radius * rng.uniform(0.42, 0.6), rng)
    radii = plan.radius * rng.uniform(0.38, 0.52, 9)
    return np.maximum(union(paper, points, radii), strand(paper, points, plan.radius * 0.4))


def _multilobed(paper: Paper, plan: Plan, rng: np.random.Generator) -> Floats:
    lobes = int(rng.integers(6, 11))
    angles = rng.uniform(0, 2 * np.pi) + 2 * np.pi / lobes * np.arange(lobes) + rng.normal(0, 0.25, lobes)
    points = _around(plan, angles, plan.radius * rng.uniform(0.35, 0.72, lobes))
    radii = plan.radius * rng.uniform(0.26, 0.44, lobes)
    return np.maximum(union(paper, points, radii), strand(paper, points, plan.radius * 0.2))


def _twin(paper: Paper, plan: Plan, rng: np.random.Generator) -> Floats:
    turn = rng.uniform(0, 2 * np.pi)
    points = _around(plan, np.array([turn, turn + np.pi]), plan.radius * rng.uniform(0.9, 1.1, 2))
    halves = [
        outline(paper, plan.radius * rng.uniform(0.75, 1.0), rng, centre=(float(x), float(y)), wobble=0.08)
        for x, y in points
    ]
    return np.maximum(*halves)


def _mitosis(paper: Paper, plan: Plan, rng: np.random.Generator) -> Floats:
    turn = rng.uniform(0, np.pi)
    along = rng.normal(0, plan.radius * 0.55, 16).clip(-plan.radius, plan.radius)
    across = rng.normal(0, plan.radius * 0.16, 16)
    points = np.stack(
        [along * np.cos(turn) - across * np.sin(turn), along * np.sin(turn) + across * np.cos(turn)], axis=1
    )
    return union(paper, points, plan.radius * rng.uniform(0.12, 0.26, 16))


_SHAPES: Final[Mapping[NucleusShape, Callable[[Paper, Plan, np.random.Generator], Floats]]] = {
    NucleusShape.ROUND: _round,
    NucleusShape.KIDNEY: _kidney,
    NucleusShape.BAND: _band,
    NucleusShape.SEGMENTED: _segmented,
    NucleusShape.BILOBED: _bilobed,
    NucleusShape.FOLDED: _folded,
    NucleusShape.MULTILOBED: _multilobed,
    NucleusShape.TWIN: _twin,
    NucleusShape.MITOSIS: _mitosis,
}
