"""The cell model on onnxruntime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.ports import CellModel
from marrowcount.result import ModelIdentity, ModelTask
from marrowcount.slides.manifest import ONNX_FILE, ModelManifest, read_manifest, verified_bytes
from marrowcount.slides.model_input import checked_tile
from marrowcount.slides.suppression import detections_of
from marrowcount_adapters.onnx_models.session import open_session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from onnxruntime import InferenceSession

    from marrowcount.ports import Picture
    from marrowcount.slides.detections import Detection

__all__ = ["OnnxCellModel", "load_cell_model"]

STRIDES: Final = (8, 16, 32)
"""YOLO looks for objects on grids of these steps in pixels; one candidate each step."""


class OnnxCellModel(CellModel):
    """YOLO11n in single precision; decoded in the graph, suppressed by our own code."""

    def __init__(self, session: InferenceSession, manifest: ModelManifest, threshold: float) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        self._manifest = manifest
        self._threshold = threshold

    @property
    def identity(self) -> ModelIdentity:
        """Which model it is."""
        m = self._manifest
        digest = m.files[ONNX_FILE]
        return ModelIdentity(ModelTask.CELLS, m.name, m.version, digest, self._threshold, m.training_data)

    def detect(self, picture: Picture) -> Sequence[Detection]:
        """Objects at or above the threshold, best first."""
        scaled = checked_tile(picture).transpose(2, 0, 1)[None] * np.float32(self._manifest.pixel_scale)
        predictions = np.asarray(self._session.run(None, {self._input: np.ascontiguousarray(scaled)})[0])
        return detections_of(predictions[0], threshold=self._threshold, iou=self._manifest.suppression_iou)


def load_cell_model(folder: Path, *, threads: int = 2, threshold: float | None = None) -> OnnxCellModel:
    """Load the cell model of a folder.

    Args:
        folder: the model's folder.
        threads: of one inference.
        threshold: in place of the manifest's; a very low one for measuring average precision.

    Raises:
        ModelError: ``manifest-missing``, ``manifest-invalid``, ``model-task-differs``, ``model-classes-differ``,
            ``model-file-missing``, ``model-file-too-large``, ``model-hash-differs``, ``model-not-onnx``,
            ``model-shape-differs``.
    """
    manifest = read_manifest(folder).checked_for("cells")
    data = verified_bytes(folder, manifest, ONNX_FILE)
    side = manifest.input_px
    candidates = sum((side // stride) ** 2 for stride in STRIDES)
    gives = (1, 4 + len(manifest.classes), candidates)
    session = open_session(folder / ONNX_FILE, data, threads=threads, takes=(1, 3, side, side), gives=gives)
    return OnnxCellModel(session, manifest, manifest.threshold if threshold is None else threshold)
