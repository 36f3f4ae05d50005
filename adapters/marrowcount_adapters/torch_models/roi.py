"""The ROI model on torch, from safetensors or straight from training."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load

from marrowcount.errors import ModelError
from marrowcount.ports import RoiModel
from marrowcount.result import ModelIdentity, ModelTask
from marrowcount.slides.manifest import WEIGHTS_FILE, read_manifest, verified_bytes
from marrowcount.slides.model_input import checked_tile, halved
from marrowcount_adapters.torch_models.densenet import DenseNet121

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from marrowcount.ports import Picture

__all__ = ["TorchRoiModel", "load_roi_model", "roi_model_of"]

IN_TRAINING: Final = ModelIdentity(ModelTask.ROI, "in-training", "0", "0" * 64, 0.5, "in training")


class TorchRoiModel(RoiModel):
    """DenseNet121 on a torch device."""

    def __init__(
        self, network: DenseNet121, identity: ModelIdentity, device: torch.device, pixel_scale: float = 1 / 255
    ) -> None:
        self._network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's stub
        self._identity = identity
        self._device = device
        self._pixel_scale = pixel_scale

    @property
    def identity(self) -> ModelIdentity:
        """Which model it is."""
        return self._identity

    def probabilities(self, pictures: Sequence[Picture]) -> Sequence[float]:
        """Probability of being fit for each 512 px tile."""
        if not pictures:
            return ()
        halves = torch.from_numpy(np.stack([halved(checked_tile(picture)) for picture in pictures])).to(self._device)
        with torch.inference_mode():
            logits = self._network(halves.permute(0, 3, 1, 2).mul(self._pixel_scale))
        fit = logits.softmax(dim=1)[:, 1]
        return [float(probability) for probability in fit]


def roi_model_of(network: DenseNet121) -> TorchRoiModel:
    """The model of a network as it stands in training, which it does not change."""
    return TorchRoiModel(deepcopy(network).eval(), IN_TRAINING, next(network.parameters()).device)


def load_roi_model(folder: Path, *, device: str | None = None, threshold: float | None = None) -> TorchRoiModel:
    """Load DenseNet121 from ``weights.safetensors``.

    Args:
        folder: the model's folder.
        device: torch's name of the device; the first GPU where there is one, else the CPU.
        threshold: in place of the manifest's.

    Raises:
        ModelError: the manifest's own codes, ``model-not-safetensors``, ``model-weights-differ``.
    """
    manifest = read_manifest(folder).checked_for("roi", folder)
    data = verified_bytes(folder, manifest, WEIGHTS_FILE)
    network = DenseNet121().eval()
    try:
        network.load_state_dict({name: value.float() for name, value in load(data).items()})
    except SafetensorError as error:
        raise ModelError("model-not-safetensors", f"{folder / WEIGHTS_FILE} is not safetensors: {error}") from error
    except RuntimeError as error:
        raise ModelError("model-weights-differ", f"{folder / WEIGHTS_FILE} is not of DenseNet121: {error}") from error
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    return TorchRoiModel(network, ModelIdentity.of(manifest, WEIGHTS_FILE, threshold), chosen, manifest.pixel_scale)
