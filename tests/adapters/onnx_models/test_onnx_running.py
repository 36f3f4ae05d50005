"""The models on onnxruntime: pixels in, the core's words out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount.slides.geometry import PixelBox
from marrowcount_adapters.onnx_models import load_cell_model, load_roi_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def grey(level: int) -> np.ndarray:
    return np.full((512, 512, 3), level, np.uint8)


def test_probability_is_the_second_output_of_the_scaled_tile(packaged: Callable[..., Path], roi_graph: bytes) -> None:
    """Black is 0, white is 1, 51 is 0.2 for a graph that measures brightness; one probability for each tile."""
    model = load_roi_model(packaged("roi", roi_graph), threads=1)
    assert model.probabilities([grey(0), grey(51), grey(255)]) == pytest.approx([0.0, 0.2, 1.0], abs=1e-5)
    assert list(model.probabilities([])) == []


def test_object_is_decoded_and_cut_at_the_threshold(packaged: Callable[..., Path], cell_graph: bytes) -> None:
    """The graph's blast has the brightness as probability: at 204 it is 0.8, at 102 it is below 0.5."""
    model = load_cell_model(packaged("cells", cell_graph), threads=1)
    (found,) = model.detect(grey(204))
    assert found.cell_type is CellType.BLAST
    assert found.box == PixelBox(90, 45, 110, 55)
    assert found.probability == pytest.approx(0.8)
    assert model.detect(grey(102)) == ()


def test_threshold_can_be_set_and_is_said(packaged: Callable[..., Path], roi_graph: bytes, cell_graph: bytes) -> None:
    """A site's own threshold takes the manifest's place, in the result's model identity too."""
    cells = load_cell_model(packaged("cells", cell_graph), threshold=0.1)
    assert len(cells.detect(grey(102))) == 1
    assert cells.identity.threshold == 0.1
    assert load_roi_model(packaged("roi", roi_graph), threshold=0.9).identity.threshold == 0.9


@pytest.mark.parametrize("shape", [(256, 256, 3), (512, 512), (512, 512, 4)])
def test_picture_of_another_size_is_a_programming_error(
    packaged: Callable[..., Path], roi_graph: bytes, cell_graph: bytes, shape: tuple[int, ...]
) -> None:
    """Only 512 px RGB tiles are judged."""
    with pytest.raises(ValueError, match="512"):
        load_roi_model(packaged("roi", roi_graph)).probabilities([np.zeros(shape, np.uint8)])
    with pytest.raises(ValueError, match="512"):
        load_cell_model(packaged("cells", cell_graph)).detect(np.zeros(shape, np.uint8))


def test_memory_layout_does_not_matter(packaged: Callable[..., Path], cell_graph: bytes) -> None:
    """A picture that is a view or lies column by column is the same picture."""
    picture = np.asfortranarray(grey(204))
    (found,) = load_cell_model(packaged("cells", cell_graph)).detect(picture)
    assert found.probability == pytest.approx(0.8)
