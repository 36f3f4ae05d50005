"""The cell model on torch: ultralytics' network, our own decoding of its output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load

from marrowcount.errors import ModelError
from marrowcount.ports import CellModel
from marrowcount.result import ModelIdentity, ModelTask
from marrowcount.slides.manifest import WEIGHTS_FILE, ModelManifest, read_manifest, verified_bytes
from marrowcount.slides.model_input import checked_tile
from marrowcount.slides.suppression import detections_of
from marrowcount_adapters.ultralytics_models.network import channels_last, from_folded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ultralytics.nn.tasks import DetectionModel

    from marrowcount.ports import Picture
    from marrowcount.slides.detections import Detection

__all__ = ["TorchCellModel", "load_cell_model"]


class TorchCellModel(CellModel):
    """YOLO11n on a torch device."""

    def __init__(
        self, network: DetectionModel, manifest: ModelManifest, threshold: float, device: torch.device
    ) -> None:
        self._network = channels_last(network).to(device)
        self._manifest = manifest
        self._threshold = threshold
        self._device = device

    @property
    def identity(self) -> ModelIdentity:
        """Which model it is."""
        m = self._manifest
        digest = m.files[WEIGHTS_FILE]
        return ModelIdentity(ModelTask.CELLS, m.name, m.version, digest, self._threshold, m.training_data)

    def detect(self, picture: Picture) -> Sequence[Detection]:
        """Objects at or above the threshold, best first."""
        pixels = torch.from_numpy(np.ascontiguousarray(checked_tile(picture))[None]).to(self._device)
        with torch.inference_mode():
            predictions = self._network(pixels.permute(0, 3, 1, 2).mul(self._manifest.pixel_scale))
        raw = predictions[0].float().cpu().numpy()
        return detections_of(raw, threshold=self._threshold, iou=self._manifest.suppression_iou)


def load_cell_model(folder: Path, *, device: str | None = None, threshold: float | None = None) -> TorchCellModel:
    """Load YOLO11n from ``weights.safetensors``.

    Args:
        folder: the model's folder.
        device: torch's name of the device; the first GPU where there is one, else the CPU.
        threshold: in place of the manifest's.

    Raises:
        ModelError: the manifest's own codes, ``model-not-safetensors``, ``model-weights-differ``.
    """
    manifest = read_manifest(folder).checked_for("cells")
    data = verified_bytes(folder, manifest, WEIGHTS_FILE)
    try:
        network = from_folded(load(data))
    except SafetensorError as error:
        raise ModelError("model-not-safetensors", f"{folder / WEIGHTS_FILE} is not safetensors: {error}") from error
    except RuntimeError as error:
        raise ModelError("model-weights-differ", f"{folder / WEIGHTS_FILE} is not of YOLO11n: {error}") from error
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    return TorchCellModel(network, manifest, manifest.threshold if threshold is None else threshold, chosen)
