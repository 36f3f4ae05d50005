"""Photographs on which somebody overlooked a nucleated cell: not to be trained on as if it were ground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import ndimage

from marrowcount_adapters.composites.cutting import NUCLEAR_STAIN
from marrowcount_adapters.composites.glass import glass_of, optical_density
from marrowcount_adapters.composites.photographs import at_scale

if TYPE_CHECKING:
    from marrowcount_adapters.composites.photographs import Photograph

__all__ = ["overlooks_nuclei"]

LOOKED_AT_UM_PER_PX: Final = 0.25
LEAST_NUCLEUS_UM2: Final = 16.0
"""A lymphocyte's nucleus has 30 and more, a large platelet 12."""
MARGIN_PX: Final = 6


def overlooks_nuclei(photograph: Photograph) -> bool:
    """Whether something stained as large as a nucleus lies outside of all boxes."""
    picture, objects = at_scale(photograph, LOOKED_AT_UM_PER_PX)
    density = optical_density(picture, glass_of(picture))
    stained = density[..., 1] - density[..., 2] > NUCLEAR_STAIN
    for one in objects:
        top, left = max(0, int(one.box.top) - MARGIN_PX), max(0, int(one.box.left) - MARGIN_PX)
        stained[top : int(one.box.bottom) + MARGIN_PX, left : int(one.box.right) + MARGIN_PX] = False
    labels, _ = ndimage.label(ndimage.binary_opening(stained))
    areas = np.bincount(labels.ravel())[1:]
    return bool(areas.size and areas.max() * LOOKED_AT_UM_PER_PX**2 >= LEAST_NUCLEUS_UM2)
