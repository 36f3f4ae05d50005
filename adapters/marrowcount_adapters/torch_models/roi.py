"""The ROI model on torch, from safetensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load

from marrowcount.errors import ModelError
from marrowcount.ports import RoiModel
from marrowcount.result import ModelIdentity, ModelTask
from marrowcount.slides.manifest import WEIGHTS_FILE, ModelManifest, read_manifest, verified_bytes
from marrowcount.slides.model_input import checked_tile, halved
from marrowcount_adapters.torch_models.densenet import DenseNet121

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from marrowcount.ports import Picture

__all__ = ["TorchRoiModel", "load_roi_model"]


class TorchRoiModel(RoiModel):
    """DenseNet121 on a torch device."""

    def __init__(self, network: DenseNet121, manifest: ModelManifest, threshold: float, device: torch.device) -> None:
        self._network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's stub
        self._manifest = manifest
        self._threshold = threshold
        self._device = device

    @property
    def identity(self) -> ModelIdentity:
        """Which model it is."""
        m = self._manifest
        digest = m.files[WEIGHTS_FILE]
        return ModelIdentity(ModelTask.ROI, m.name, m.version, digest, self._threshold, m.training_data)

    def probabilities(self, pictures: Sequence[Picture]) -> Sequence[float]:
        """Probability of being fit for each 512 px tile."""
        if not pictures:
            return ()
        halves = torch.from_numpy(np.stack([halved(checked_tile(picture)) for picture in pictures])).to(self._device)
        with torch.inference_mode():
            logits = self._network(halves.permute(0, 3, 1, 2).mul(self._manifest.pixel_scale))
        fit = logits.softmax(dim=1)[:, 1]
        return [float(probability) for probability in fit]


def load_roi_model(folder: Path, *, device: str | None = None, threshold: float | None = None) -> TorchRoiModel:
    """Load DenseNet121 from ``weights.safetensors``.

    Args:
        folder: the model's folder.
        device: torch's name of the device; the first GPU where there is one, else the CPU.
        threshold: in place of the manifest's.

    Raises:
        ModelError: the manifest's own codes, ``model-not-safetensors``, ``model-weights-differ``.
    """
    manifest = read_manifest(folder).checked_for("roi")
    data = verified_bytes(folder, manifest, WEIGHTS_FILE)
    network = DenseNet121().eval()
    try:
        network.load_state_dict({name: value.float() for name, value in load(data).items()})
    except SafetensorError as error:
        raise ModelError("model-not-safetensors", f"{folder / WEIGHTS_FILE} is not safetensors: {error}") from error
    except RuntimeError as error:
        raise ModelError("model-weights-differ", f"{folder / WEIGHTS_FILE} is not of DenseNet121: {error}") from error
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    return TorchRoiModel(network, manifest, manifest.threshold if threshold is None else threshold, chosen)
