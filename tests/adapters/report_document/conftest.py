"""A result with pictures of a slide on which every pixel tells its place."""

from __future__ import annotations

import numpy as np
import pytest

from made_up_result import make_result
from marrowcount.testing import PictureSlide
from marrowcount.workflow.illustrate import Illustrations, illustrate, thumbnail_of


@pytest.fixture(scope="package")
def slide() -> PictureSlide:
    """Of the size that the made-up result says: smooth, so that its pictures are small."""
    size = make_result().size
    y, x = np.mgrid[0 : size.height, 0 : size.width]
    return PictureSlide(
        np.stack([x * 255 // size.width, y * 255 // size.height, (x + y) % 32 + 128], 2).astype(np.uint8)
    )


@pytest.fixture(scope="package")
def illustrations(slide: PictureSlide) -> Illustrations:
    return illustrate(slide, make_result(), thumbnail_of(*slide.overview()))
