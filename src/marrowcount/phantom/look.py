"""How one laboratory's stain and one scanner make a slide look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from marrowcount.phantom.primitives import Floats

__all__ = ["Look"]

PAPER: Final = np.array([244.0, 238.0, 236.0], np.float32)
"""The glass on which the recipes' colours were chosen."""


@dataclass(frozen=True, slots=True)
class Look:
    """Stain and scanner of one slide.

    Attributes:
        glass: colour of empty glass, (3,), 0 to 255.
        stain: mixes the optical densities of red, green and blue, (3, 3).
        blur_px: sigma of the scanner's blur.
        grain: standard deviation of the ground's noise in grey levels.
    """

    glass: Floats
    stain: Floats
    blur_px: float
    grain: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Look:
        """A look at random, as wide as laboratories differ."""
        brightness = rng.uniform(212, 250)
        warmth, greenness = rng.normal(0, 7), rng.normal(0, 4)
        glass = brightness + np.array([warmth, greenness, -warmth * 1.3])
        saturation = rng.uniform(0.8, 1.2)
        grey = np.full((3, 3), 1 / 3)
        gains = np.diag(np.exp(rng.normal(0, 0.11, 3)))
        crosstalk = rng.normal(0, 0.035, (3, 3))
        stain = (grey + saturation * (np.eye(3) - grey)) @ gains + crosstalk
        return cls(
            np.clip(glass, 170, 253).astype(np.float32),
            (stain * np.exp(rng.uniform(-0.28, 0.22))).astype(np.float32),
            float(rng.uniform(0.35, 0.85)),
            float(rng.uniform(0.8, 2.2)),
        )

    def applied(self, rgb: Floats) -> Floats:
        """The recipe colours (..., 3) as this slide shows them: Beer and Lambert, with this slide's stain."""
        density = -np.log(np.clip(rgb, 4, 255) / PAPER)
        seen: Floats = np.clip(self.glass * np.exp(-(density @ self.stain)), 0, 255)
        return seen
