"""One colour for each class, told apart by colour-blind readers too."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount.cytology.palette import PALETTE

# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
VISIONS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def lab(colour: str, vision: np.ndarray) -> np.ndarray:
    encoded = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(vision @ linear, 0, 1) / np.array([0.95047, 1, 1.08883])
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize(("vision", "least"), [("normal", 35), ("protanopia", 15), ("deuteranopia", 15)])
def test_any_two_classes_are_told_apart(vision: str, least: float) -> None:
    """Any two colours differ by 35 (CIE 1976) for normal vision and by 15 for colour-blind readers."""
    seen = {cell_type: lab(colour, VISIONS[vision]) for cell_type, colour in PALETTE.items()}
    nearest = min(float(np.linalg.norm(seen[one] - seen[other])) for one, other in combinations(CellType, 2))
    assert nearest >= least


def test_every_class_has_a_colour() -> None:
    """No class is drawn without a colour of its own."""
    assert set(PALETTE) == set(CellType)
    assert len(set(PALETTE.values())) == len(CellType)
