"""The cell model on torch: ultralytics' network, our own decoding of its output."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load

from marrowcount.errors import ModelError
from marrowcount.ports import CellModel
from marrowcount.result import ModelIdentity, ModelTask
from marrowcount.slides.manifest import WEIGHTS_FILE, read_manifest, verified_bytes
from marrowcount.slides.model_input import checked_tile
from marrowcount.slides.suppression import detections_of
from marrowcount_adapters.ultralytics_models.network import channels_last, folded, from_folded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ultralytics.nn.tasks import DetectionModel

    from marrowcount.ports import Picture
    from marrowcount.slides.detections import Detection

__all__ = ["TorchCellModel", "cell_model_of", "load_cell_model"]

LEAST_PROBABILITY: Final = 0.01
"""Detections from here on make the precision-recall curves."""
SUPPRESSION_IOU: Final = 0.5
IN_TRAINING: Final = ModelIdentity(ModelTask.CELLS, "in-training", "0", "0" * 64, LEAST_PROBABILITY, "in training")


class TorchCellModel(CellModel):
    """YOLO11 on a torch device."""

    def __init__(
        self,
        network: DetectionModel,
        identity: ModelIdentity,
        device: torch.device,
        pixel_scale: float = 1 / 255,
        suppression_iou: float = SUPPRESSION_IOU,
    ) -> None:
        self._network = channels_last(network).to(device)
        self._identity = identity
        self._device = device
        self._pixel_scale = pixel_scale
        self._suppression_iou = suppression_iou

    @property
    def identity(self) -> ModelIdentity:
        """Which model it is."""
        return self._identity

    def detect(self, picture: Picture) -> Sequence[Detection]:
        """Objects at or above the threshold, best first."""
        pixels = torch.from_numpy(np.array(checked_tile(picture)[None])).to(self._device)
        with torch.inference_mode():
            predictions = self._network(pixels.permute(0, 3, 1, 2).mul(self._pixel_scale))
        raw = predictions[0].float().cpu().numpy()
        return detections_of(raw, threshold=self._identity.threshold, iou=self._suppression_iou)


def cell_model_of(network: DetectionModel) -> TorchCellModel:
    """The model of a network as it stands in training, which it does not change; with a very low threshold."""
    return TorchCellModel(folded(deepcopy(network)), IN_TRAINING, next(network.parameters()).device)


def load_cell_model(folder: Path, *, device: str | None = None, threshold: float | None = None) -> TorchCellModel:
    """Load YOLO11 of whatever size from ``weights.safetensors``.

    Args:
        folder: the model's folder.
        device: torch's name of the device; the first GPU where there is one, else the CPU.
        threshold: in place of the manifest's.

    Raises:
        ModelError: the manifest's own codes, ``model-not-safetensors``, ``model-weights-differ``.
    """
    manifest = read_manifest(folder).checked_for("cells", folder)
    data = verified_bytes(folder, manifest, WEIGHTS_FILE)
    try:
        network = from_folded(load(data))
    except SafetensorError as error:
        raise ModelError("model-not-safetensors", f"{folder / WEIGHTS_FILE} is not safetensors: {error}") from error
    except RuntimeError as error:
        raise ModelError("model-weights-differ", f"{folder / WEIGHTS_FILE} is not of YOLO11: {error}") from error
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    identity = ModelIdentity.of(manifest, WEIGHTS_FILE, threshold)
    return TorchCellModel(network, identity, chosen, manifest.pixel_scale, manifest.suppression_iou)
