"""DenseNet121 as files: parameters in half precision, and the same parameters as ONNX in single precision."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Final

import torch
from safetensors.torch import save
from torch import Tensor, nn

from marrowcount_adapters.torch_models.densenet import DenseNet121

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["files_of"]

OPSET: Final = 17
INPUT_PX: Final = 256


class _Probabilities(nn.Module):
    """Logits to probabilities, so that every runtime gets the same from the graph."""

    def __init__(self, network: DenseNet121) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        return torch.softmax(self.network(pictures), dim=1)


def files_of(weights: Mapping[str, Tensor]) -> tuple[bytes, bytes]:
    """``model.onnx`` and ``weights.safetensors`` of trained parameters.

    ONNX input ``pictures`` (n, 3, 256, 256), 0 to 1; output ``probabilities`` (n, 2). The graph keeps its batch norms,
    so that both files hold the same numbers; the runtime folds them when it loads.

    Raises:
        ValueError: a parameter is too large for half precision.
    """
    halves = {name: _half(name, value) for name, value in weights.items()}
    network = DenseNet121().eval()
    network.load_state_dict({name: value.float() for name, value in halves.items()})
    return _onnx(network), save(halves)


def _half(name: str, value: Tensor) -> Tensor:
    if not value.is_floating_point():
        return value.contiguous()
    half = value.half().contiguous()
    if not bool(torch.isfinite(half).all()):
        raise ValueError(f"{name} does not fit half precision")
    return half


def _onnx(network: DenseNet121) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        # The exporter that follows it needs onnxscript; torch is pinned below the version that drops this one.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            _Probabilities(network).eval(),
            (torch.zeros(1, 3, INPUT_PX, INPUT_PX),),
            file,  # type: ignore[arg-type] # the older exporter writes into streams
            dynamo=False,
            opset_version=OPSET,
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            input_names=["pictures"],
            output_names=["probabilities"],
            dynamic_axes={"pictures": {0: "n"}, "probabilities": {0: "n"}},
        )
    return file.getvalue()
