"""The ROI model on onnxruntime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from marrowcount.ports import RoiModel
from marrowcount.result import ModelIdentity, ModelTask
from marrowcount.slides.manifest import ONNX_FILE, ModelManifest, read_manifest, verified_bytes
from marrowcount.slides.model_input import checked_tile, halved
from marrowcount_adapters.onnx_models.session import open_session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from onnxruntime import InferenceSession

    from marrowcount.ports import Picture

__all__ = ["OnnxRoiModel", "load_roi_model"]


class OnnxRoiModel(RoiModel):
    """DenseNet121 in single precision."""

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
        return ModelIdentity(ModelTask.ROI, m.name, m.version, digest, self._threshold, m.training_data)

    def probabilities(self, pictures: Sequence[Picture]) -> Sequence[float]:
        """Probability of being fit for each 512 px tile; one after the other, since batches are no faster here."""
        return [self._probability(picture) for picture in pictures]

    def _probability(self, picture: Picture) -> float:
        scaled = halved(checked_tile(picture)) * np.float32(self._manifest.pixel_scale)
        probabilities = np.asarray(self._session.run(None, {self._input: scaled.transpose(2, 0, 1)[None]})[0])
        return float(probabilities[0, 1])


def load_roi_model(folder: Path, *, threads: int = 2, threshold: float | None = None) -> OnnxRoiModel:
    """Load the ROI model of a folder.

    Args:
        folder: the model's folder.
        threads: of one inference.
        threshold: in place of the manifest's.

    Raises:
        ModelError: ``manifest-missing``, ``manifest-invalid``, ``model-task-differs``, ``model-classes-differ``,
            ``model-file-missing``, ``model-file-too-large``, ``model-hash-differs``, ``model-not-onnx``,
            ``model-shape-differs``.
    """
    manifest = read_manifest(folder).checked_for("roi")
    data = verified_bytes(folder, manifest, ONNX_FILE)
    takes = (None, 3, manifest.input_px, manifest.input_px)
    session = open_session(folder / ONNX_FILE, data, threads=threads, takes=takes, gives=(None, len(manifest.classes)))
    return OnnxRoiModel(session, manifest, manifest.threshold if threshold is None else threshold)
