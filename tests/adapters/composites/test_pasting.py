"""Pasting: the box is exactly what is seen of the cell, and the light on it is that of its new ground."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawn_smears import single_cell
from marrowcount_adapters.composites.cutting import CutOut, cut_out
from marrowcount_adapters.composites.pasting import INSIDE, paste, restained, rotated
from marrowcount_adapters.composites.scanner import scanned


@pytest.fixture(scope="module")
def cut() -> CutOut:
    found = cut_out(single_cell(np.random.default_rng(1), 0.125))
    assert isinstance(found, CutOut)
    return found


@given(degrees=st.floats(0, 360), scale=st.floats(0.8, 1.2), mirrored=st.booleans())
def test_turning_keeps_the_whole_cell(cut: CutOut, degrees: float, scale: float, *, mirrored: bool) -> None:
    """Its area changes by the scale alone, and nothing of it is cut off."""
    seen = rotated(cut, degrees, scale, mirrored=mirrored)
    assert float(seen.alpha.sum()) == pytest.approx(float(cut.alpha.sum()) * scale**2, rel=0.02)


@given(left=st.integers(-90, 250), top=st.integers(-90, 250))
def test_the_box_is_what_is_seen(cut: CutOut, left: int, top: int) -> None:
    """The pixels that are more cell than ground span the box, at the edge of the canvas too."""
    canvas = np.full((240, 240, 3), 230, np.float32)
    pasted = paste(canvas, cut, left, top)
    expected = np.zeros((1000, 1000), np.bool_)
    rows, columns = cut.alpha.shape
    expected[400 + top : 400 + top + rows, 400 + left : 400 + left + columns] = cut.alpha > INSIDE
    seen = expected[400:640, 400:640]
    if pasted is None:
        assert not seen.any()
        assert (canvas == 230).all()
        return
    y, x = np.nonzero(seen)
    assert (pasted.box.left, pasted.box.top) == (x.min(), y.min())
    assert (pasted.box.right, pasted.box.bottom) == (x.max() + 1, y.max() + 1)
    assert (pasted.opaque == seen).all()


def test_the_light_is_that_of_the_new_ground(cut: CutOut) -> None:
    """On ground half as bright a cell is about half as bright; colours stay colours."""
    rng = np.random.default_rng(5)
    dim = cut.glass / 2
    inside = cut.alpha > 0.9
    seen = [restained(cut, dim, rng).picture for _ in range(30)]
    assert all(one.min() >= 0 and one.max() <= 255 for one in seen)
    assert np.mean([one[inside].mean() for one in seen]) == pytest.approx(cut.picture[inside].mean() * 0.55, rel=0.12)


def test_on_its_own_ground_a_cell_varies_a_little(cut: CutOut) -> None:
    """Stain differs from laboratory to laboratory; a neutrophil does not turn green."""
    rng = np.random.default_rng(6)
    inside = cut.alpha > 0.9
    colours = np.array([restained(cut, cut.glass, rng).picture[inside].mean(axis=0) for _ in range(40)])
    assert (colours.std(axis=0) > 1).all()
    assert np.abs(colours.mean(axis=0) - cut.picture[inside].mean(axis=0)).max() < 15


def test_a_scanner_changes_little_and_never_the_size() -> None:
    """Blur, grain, light and JPEG leave a picture recognisable, and the same chance gives the same bytes."""
    canvas = single_cell(np.random.default_rng(1)).astype(np.float32)
    seen, again = (scanned(canvas, np.random.default_rng(3)) for _ in range(2))
    assert (seen == again).all()
    assert seen.shape == canvas.shape
    assert np.abs(seen - canvas).mean() < 15
