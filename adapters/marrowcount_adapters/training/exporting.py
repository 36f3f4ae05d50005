"""A network as files: parameters in half precision, and the same parameters as ONNX in single precision."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Final

import torch
from safetensors.torch import save

from marrowcount.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

__all__ = ["halved_parameters", "onnx_of", "safetensors_of"]

OPSET: Final = 17


def halved_parameters(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """In half precision; whole numbers as they are.

    Raises:
        ModelError: ``weights-overflow``: one is too large for half precision.
    """
    return {name: _half(name, value) for name, value in parameters.items()}


def safetensors_of(parameters: Mapping[str, Tensor]) -> bytes:
    """``weights.safetensors``."""
    return save(dict(parameters))


def onnx_of(network: nn.Module, side: int, output: str, *, any_number: bool, fold: bool) -> bytes:
    """``model.onnx`` of a network in inference mode.

    Args:
        network: takes pictures (n, 3, side, side), 0 to 1.
        side: in pixels.
        output: name of what it puts out.
        any_number: of pictures at once, or one.
        fold: constants, which changes parameters' names and numbers where batch norms follow convolutions.
    """
    file = io.BytesIO()
    kept = torch.onnx.TrainingMode.EVAL if fold else torch.onnx.TrainingMode.PRESERVE
    with warnings.catch_warnings():
        # The exporter that follows it needs onnxscript; torch is pinned below the version that drops this one.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, side, side),),
            file,  # type: ignore[arg-type] # the older exporter writes into streams
            dynamo=False,
            opset_version=OPSET,
            training=kept,
            do_constant_folding=fold,
            input_names=["pictures"],
            output_names=[output],
            dynamic_axes={"pictures": {0: "n"}, output: {0: "n"}} if any_number else None,
        )
    return file.getvalue()


def _half(name: str, value: Tensor) -> Tensor:
    if not value.is_floating_point():
        return value.contiguous()
    half = value.half().contiguous()
    if not bool(torch.isfinite(half).all()):
        raise ModelError("weights-overflow", f"{name} does not fit half precision: did the training diverge?")
    return half
