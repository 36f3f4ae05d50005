"""Data sets of known content, and Hypothesis' own of any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import Dataset, Example, LabelledBox, Split
from marrowcount.slides.geometry import PixelBox, SizePx

if TYPE_CHECKING:
    from collections.abc import Iterable

    from marrowcount.ports import Picture

__all__ = ["boxed", "datasets", "example", "noise", "whole"]


def noise(seed: int, width: int = 40, height: int = 30) -> Picture:
    """Pixels of their own for each seed."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def boxed(*kinds: CellType | None) -> tuple[LabelledBox, ...]:
    """One box of 6 px for each class, side by side."""
    return tuple(LabelledBox(PixelBox(8 * n, 2, 8 * n + 6, 8), kind) for n, kind in enumerate(kinds))


def example(
    name: str, *kinds: CellType | None, patient: str = "", group: str = "", split: Split | None = None
) -> Example:
    """A labelled picture of 200 x 30 px at 0.25 um/px."""
    size = SizePx(200, 30)
    return Example(
        name, f"digest of {name}", size, boxed(*kinds), um_per_px=0.25, patient=patient, group=group, split=split
    )


def whole(examples: Iterable[Example], name: str = "made up") -> Dataset:
    """A data set of these."""
    return Dataset(name, tuple(examples), "a test", "CC0")


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    """Any data set of up to 60 pictures, some of which share patient, group or pixels."""
    count = draw(st.integers(20, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    patients = draw(st.integers(1, count))
    few = tuple(CellType)[: draw(st.integers(1, 6))]
    return whole(_any_example(number, rng, patients, few) for number in range(count))


def _any_example(number: int, rng: np.random.Generator, patients: int, kinds: tuple[CellType, ...]) -> Example:
    return example(
        f"picture {number}",
        *(kinds[place] for place in rng.integers(0, len(kinds), rng.integers(0, 5))),
        patient=f"p{rng.integers(patients)}" if rng.random() < 0.8 else "",
        group=f"g{rng.integers(30)}" if rng.random() < 0.2 else "",
    )
