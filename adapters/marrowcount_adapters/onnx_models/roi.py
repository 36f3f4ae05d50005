"""The ROI model on onnxruntime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from marrowcount.ports import RoiModel
from marrowcount.result import ModelIdentity
from marrowcount.slides.manifest import ModelManifest, read_manifest, verified_bytes
from marrowcount.slides.model_input import checked_tile, halved
from marrowcount_adapters.onnx_models.session import open_session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

    from marrowcount.ports import Picture

__all__ = ["OnnxRoiModel", "load_roi_model", "roi_input"]


class OnnxRoiModel(RoiModel):
    """DenseNet121 in single precision."""

    def __init__(self, session: InferenceSession, manifest: ModelManifest, identity: ModelIdentity) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        self._manifest = manifest
        self._identity = identity

    @property
    def identity(self) -> ModelIdentity:
        """Which model it is."""
        return self._identity

    def probabilities(self, pictures: Sequence[Picture]) -> Sequence[float]:
        """Probability of being fit for each 512 px tile; one after the other, since batches are no faster here."""
        return [self._probability(picture) for picture in pictures]

    def _probability(self, picture: Picture) -> float:
        probabilities = np.asarray(self._session.run(None, {self._input: roi_input(picture, self._manifest)})[0])
        return float(probabilities[0, 1])


def roi_input(picture: Picture, manifest: ModelManifest) -> NDArray[np.float32]:
    """What the network takes of a 512 px tile, (1, 3, 256, 256)."""
    scaled = halved(checked_tile(picture)) * np.float32(manifest.pixel_scale)
    return np.asarray(scaled.transpose(2, 0, 1)[None])


def load_roi_model(
    folder: Path, *, threads: int = 2, threshold: float | None = None, file: str | None = None
) -> OnnxRoiModel:
    """Load the ROI model of a folder.

    Args:
        folder: the model's folder.
        threads: of one inference.
        file: in place of the one that the manifest says is to run.
        threshold: in place of the manifest's.

    Raises:
        ModelError: ``manifest-missing``, ``manifest-invalid``, ``model-task-differs``, ``model-classes-differ``,
            ``model-file-missing``, ``model-file-too-large``, ``model-hash-differs``, ``model-not-onnx``,
            ``model-shape-differs``.
    """
    manifest = read_manifest(folder).checked_for("roi", folder)
    chosen = file or manifest.onnx_file
    data = verified_bytes(folder, manifest, chosen)
    takes = (None, 3, manifest.input_px, manifest.input_px)
    session = open_session(folder / chosen, data, threads=threads, takes=takes, gives=(None, len(manifest.classes)))
    return OnnxRoiModel(session, manifest, ModelIdentity.of(manifest, chosen, threshold))
