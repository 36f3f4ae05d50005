"""YOLO11n as files: parameters in half precision, and the same parameters as ONNX in single precision."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Final

import torch
from safetensors.torch import save

from marrowcount.slides.tiles import TILE_PX
from marrowcount_adapters.ultralytics_models.network import folded, from_folded, new_network

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor
    from ultralytics.nn.tasks import DetectionModel

__all__ = ["files_of"]

OPSET: Final = 17


def files_of(weights: Mapping[str, Tensor]) -> tuple[bytes, bytes]:
    """``model.onnx`` and ``weights.safetensors`` of trained, unfolded parameters.

    ONNX input ``pictures`` (1, 3, 512, 512), 0 to 1; output ``predictions`` (1, 4 + classes, candidates): centre x,
    centre y, width, height in pixels, then the probability of each class. No suppression in the graph.

    Raises:
        ValueError: a parameter is too large for half precision.
    """
    trained = new_network()
    trained.load_state_dict(dict(weights))
    halves = {name: _half(name, value) for name, value in folded(trained).state_dict().items()}
    return _onnx(from_folded(halves)), save(halves)


def _half(name: str, value: Tensor) -> Tensor:
    half = value.half().contiguous()
    if not bool(torch.isfinite(half).all()):
        raise ValueError(f"{name} does not fit half precision")
    return half


def _onnx(network: DetectionModel) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        # The exporter that follows it needs onnxscript; torch is pinned below the version that drops this one.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, TILE_PX, TILE_PX),),
            file,  # type: ignore[arg-type] # the older exporter writes into streams
            dynamo=False,
            opset_version=OPSET,
            input_names=["pictures"],
            output_names=["predictions"],
        )
    return file.getvalue()
