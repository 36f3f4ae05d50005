"""Is this folder a model that can be run here? Asked by ``marrowcount check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marrowcount.result import ModelTask
from marrowcount.slides.manifest import read_manifest
from marrowcount_adapters.onnx_models.cells import load_cell_model
from marrowcount_adapters.onnx_models.roi import load_roi_model

if TYPE_CHECKING:
    from pathlib import Path

    from marrowcount.result import ModelIdentity

__all__ = ["verify"]


def verify(folder: Path) -> ModelIdentity:
    """Load the model as a count would, and say which it is.

    Raises:
        ModelError: as :func:`load_roi_model` and :func:`load_cell_model`.
    """
    task = ModelTask(read_manifest(folder).task)
    model = load_roi_model(folder, threads=1) if task is ModelTask.ROI else load_cell_model(folder, threads=1)
    return model.identity
