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
    around: NDArray[np.float64] = spots + np.array(plan.centre)
    return around


def _round(paper: Paper, plan: Plan, rng: np.random.Generator) -> Floats:
    return outline(paper, plan.radius, rng, centre=plan.centre, aspect=rng.uniform(1.0, 1.12), wobble=0.02)


def _kidney(paper: Paper, plan: Plan, rng: np.random.Generator) -> Floats:
    body = outline(paper, plan.radius, rng, centre=plan.centre, aspect=rng.uniform(1.0, 1.2), wobble=0.03)
    inward = np.arctan2(-plan.centre[1], -plan.centre[0]) + rng.normal(0, 0.35)
    bite = plan.radius * rng.uniform(0.55, 1.0)
    reach = plan.radius * rng.uniform(0.25, 0.6) + bite
    x, y = plan.centre[0] + reach * np.cos(inward), plan.centre[1] + reach * np.sin(inward)
    bitten = np.hypot(paper.x - x, paper.y - y) - bite
    return _rounded_minimum(body, bitten.astype(np.float32), plan.radius * 0.16)


def _rounded_minimum(one: Floats, other: Floats, corner: float) -> Floats:
    """Cut one shape by another with rounded corners of about that radius."""
    blend = np.clip(0.5 + (other - one) / (2 * corner), 0, 1)
    return (other + (one - other) * blend - corner * blend * (1 - blend)).astype(np.float32)


def _arc(plan: Plan, span: float, distance: float, rng: np.random.Generator) -> NDArray[np.float64]:
    angles = rng.uniform(0, 2 * np.pi) + np.linspace(-span / 2, span / 2, 9)
    return _around(plan, angles, distance)


def _band(paper: Paper, plan: Plan, rng: np.random.Generator) -> Floats:
    points = _arc(plan, rng.uniform(2.8, 4.4), plan.cell_radius * rng.uniform(0.42, 0.52), rng)
    waist = rng.uniform(0.05, 0.35)
    radii = plan.cell_radius * rng.uniform(0.20, 0.26) * (1 + waist * (np.linspace(-1, 1, 9) ** 2 - 0.5))
    return np.maximum(union(paper, points, radii), strand(paper, points, float(radii.min())))


def _segmented(paper: Paper, plan: Plan, rng: np.random.Generator) -> Floats:
    lobes = int(rng.choice([2, 3, 3, 4, 4, 5]))
    turn = 4.6 / lobes * rng.uniform(0.85, 1.15)
    angles = rng.uniform(0, 2 * np.pi) + turn * np.arange(lobes) + rng.normal(0, 0.15, lobes)
    reach = plan.cell_radius * rng.uniform(0.36, 0.54, lobes)
    points = _around(plan, angles, reach)
    ends = _around(plan, angles + rng.normal(0, 0.5, lobes), reach * rng.uniform(0.75, 1.25, lobes))
    radii = plan.cell_radius * rng.uniform(0.19, 0.26, lobes) * (1.2 - 0.07 * lobes + 0.12)
    beans = np.maximum(union(paper, points, radii), union(paper, (points + 2 * ends) / 3, radii * 0.95))
    return np.maximum(beans, strand(paper, points, rng.uniform(1.2, 2.2)))


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
    lobes = int(rng.integers(5, 12))
    angles = rng.uniform(0, 2 * np.pi) + 2 * np.pi / lobes * np.arange(lobes) + rng.normal(0, 0.35, lobes)
    reach = plan.radius * rng.uniform(0.25, 0.75, lobes)
    points = np.concatenate([_around(plan, angles, reach), np.array([plan.centre])])
    radii = plan.radius * np.append(rng.uniform(0.26, 0.46, lobes), rng.uniform(0.3, 0.42))
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
