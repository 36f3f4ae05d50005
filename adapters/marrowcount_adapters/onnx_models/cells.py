"""The cell model on onnxruntime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.ports import CellModel
from marrowcount.result import ModelIdentity
from marrowcount.slides.manifest import ModelManifest, read_manifest, verified_bytes
from marrowcount.slides.model_input import checked_tile
from marrowcount.slides.suppression import detections_of
from marrowcount_adapters.onnx_models.session import open_session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

    from marrowcount.ports import Picture
    from marrowcount.slides.detections import Detection

__all__ = ["OnnxCellModel", "cell_input", "load_cell_model"]

STRIDES: Final = (8, 16, 32)
"""YOLO looks for objects on grids of these steps in pixels; one candidate each step."""


class OnnxCellModel(CellModel):
    """YOLO11n in single precision; decoded in the graph, suppressed by our own code."""

    def __init__(self, session: InferenceSession, manifest: ModelManifest, identity: ModelIdentity) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        self._manifest = manifest
        self._identity = identity

    @property
    def identity(self) -> ModelIdentity:
        """Which model it is."""
        return self._identity

    def detect(self, picture: Picture) -> Sequence[Detection]:
        """Objects at or above the threshold, best first."""
        predictions = np.asarray(self._session.run(None, {self._input: cell_input(picture, self._manifest)})[0])
        return detections_of(predictions[0], threshold=self._identity.threshold, iou=self._manifest.suppression_iou)


def cell_input(picture: Picture, manifest: ModelManifest) -> NDArray[np.float32]:
    """What the network takes of a 512 px tile, (1, 3, 512, 512)."""
    return np.ascontiguousarray(checked_tile(picture).transpose(2, 0, 1)[None] * np.float32(manifest.pixel_scale))


def load_cell_model(
    folder: Path, *, threads: int = 2, threshold: float | None = None, file: str | None = None
) -> OnnxCellModel:
    """Load the cell model of a folder.

    Args:
        folder: the model's folder.
        threads: of one inference.
        file: in place of the one that the manifest says is to run.
        threshold: in place of the manifest's; a very low one for measuring average precision.

    Raises:
        ModelError: ``manifest-missing``, ``manifest-invalid``, ``model-task-differs``, ``model-classes-differ``,
            ``model-file-missing``, ``model-file-too-large``, ``model-hash-differs``, ``model-not-onnx``,
            ``model-shape-differs``.
    """
    manifest = read_manifest(folder).checked_for("cells", folder)
    chosen = file or manifest.onnx_file
    data = verified_bytes(folder, manifest, chosen)
    side = manifest.input_px
    candidates = sum((side // stride) ** 2 for stride in STRIDES)
    gives = (1, 4 + len(manifest.classes), candidates)
    session = open_session(folder / chosen, data, threads=threads, takes=(1, 3, side, side), gives=gives)
    return OnnxCellModel(session, manifest, ModelIdentity.of(manifest, chosen, threshold))
