"""Is a slide like what the models were trained on? A network answers just as surely where it knows nothing.

Some plain figures of the counted tiles are compared with the ranges that the training tiles spanned, which the cell
model's manifest holds: how light the glass is, which colour and how dark the stain, how sharp the picture, how many
cells there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.slides.model_input import halved

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Appearance", "Feature", "Range", "Stranger", "features_of", "ranges_of", "strangers"]

SEEN_PERCENT: Final = (0.5, 99.5)
"""Of the training tiles; what the rarest hundredth looked like was hardly learnt."""

LIGHTEST_PERCENT: Final = 97.0
STAINED_DENSITY: Final = 0.25
"""Decadic optical density, mean of the colours, of stained nuclei and dark plasma; a red cell has some 0.1."""

LEAST_STAINED: Final = 0.002
"""Share of a tile that must be stained for its colour to be told."""


class Feature(StrEnum):
    """What is compared; the value is the code of the warning."""

    LIGHT = "light-unfamiliar"
    """Grey level of the glass, 0 to 255."""
    STAIN = "stain-unfamiliar"
    """Share of red in the optical density of stained ground: violet nuclei absorb more green than red."""
    BLUE = "stain-blue-unfamiliar"
    """Share of blue in the optical density of stained ground."""
    DARKNESS = "darkness-unfamiliar"
    """Optical density of the stained ground, its median."""
    FOCUS = "focus-unfamiliar"
    """Share of the contrast that lies in the finest detail: mean absolute difference of neighbours over deviation."""
    CELLS = "cells-unfamiliar"
    """Objects found on a tile."""


Appearance = dict[Feature, float]
"""Figures of one tile, or their medians over a slide; a figure that cannot be told is left out."""


@dataclass(frozen=True, slots=True)
class Range:
    """From the lowest to the highest that training saw."""

    low: float
    high: float

    def distance(self, value: float) -> float:
        """How far from the middle, in halves of the range: up to 1 inside it."""
        half = max((self.high - self.low) / 2, 1e-9)
        return abs(value - (self.low + self.high) / 2) / half


@dataclass(frozen=True, slots=True)
class Stranger:
    """A figure outside what training saw, and how far, in halves of the range from its middle."""

    feature: Feature
    value: float
    seen: Range
    distance: float

    def __str__(self) -> str:
        return f"{self.feature}: {self.value:.3g}, training saw {self.seen.low:.3g} to {self.seen.high:.3g}"


def features_of(picture: NDArray[np.uint8], objects: int) -> Appearance:
    """Figures of a tile, (512, 512, 3) RGB, on which so many objects were found."""
    small = halved(picture).astype(np.float32)
    grey = small.mean(axis=2)
    light = float(np.percentile(grey, LIGHTEST_PERCENT))
    told: Appearance = {Feature.LIGHT: light, Feature.FOCUS: _focus(grey), Feature.CELLS: float(objects)}
    return told | _stain(small, light)


def medians(appearances: Iterable[Appearance]) -> Appearance:
    """Of a slide: the median of each figure over the tiles for which it could be told."""
    return {feature: float(np.median(values)) for feature, values in _by_feature(appearances).items()}


def ranges_of(appearances: Iterable[Appearance]) -> dict[Feature, Range]:
    """What training saw, from its tiles: all but the rarest hundredth."""
    percentiles = {feature: np.percentile(values, SEEN_PERCENT) for feature, values in _by_feature(appearances).items()}
    return {feature: Range(float(low), float(high)) for feature, (low, high) in percentiles.items()}


def strangers(appearances: Sequence[Appearance], seen: Mapping[Feature, Range]) -> tuple[Stranger, ...]:
    """The figures in which a slide's counted tiles lie outside of what training saw, the farthest first."""
    told = medians(appearances)
    compared = [Stranger(f, told[f], seen[f], seen[f].distance(told[f])) for f in seen if f in told]
    return tuple(sorted((one for one in compared if one.distance > 1), key=lambda one: -one.distance))


def _by_feature(appearances: Iterable[Appearance]) -> dict[Feature, list[float]]:
    values: dict[Feature, list[float]] = {}
    for appearance in appearances:
        for feature, value in appearance.items():
            values.setdefault(feature, []).append(value)
    return values


def _focus(grey: NDArray[np.float32]) -> float:
    steps = (np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()) / 2
    return float(steps / max(float(grey.std()), 1e-3))


def _stain(small: NDArray[np.float32], light: float) -> Appearance:
    density = -np.log10((small + 1) / (light + 1)).clip(max=1)
    mean = density.mean(axis=2)
    stained = density[mean > STAINED_DENSITY]
    if len(stained) < LEAST_STAINED * mean.size:
        return {}
    red, _, blue = (float(share) for share in stained.mean(axis=0) / stained.mean() / 3)
    return {
        Feature.STAIN: red,
        Feature.BLUE: blue,
        Feature.DARKNESS: float(np.median(mean[mean > STAINED_DENSITY])),
    }
