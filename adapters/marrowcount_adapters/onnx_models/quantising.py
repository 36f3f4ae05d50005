"""ONNX graphs made smaller: weights kept in half precision, and convolutions in 8 bit integers for the CPU."""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from marrowcount.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

__all__ = ["in_int8", "with_half_weights"]

LEAST_HALVED: Final = 64
"""Numbers from which halving a parameter saves anything worth a node."""
SUFFIX: Final = "_single"


def with_half_weights(graph: bytes) -> bytes:
    """The same network in half the space: parameters that fit half precision exactly, and a cast back for each.

    The runtime folds the casts when it loads, and computes what it would have computed, to the bit.

    Raises:
        ModelError: ``extra-missing``.
    """
    onnx = _onnx()
    model = onnx.ModelProto.FromString(graph)
    halved = [node for node in model.graph.initializer if _fits(onnx, node)]
    for parameter in halved:
        values = onnx.numpy_helper.to_array(parameter)
        parameter.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), parameter.name))
    names = {parameter.name for parameter in halved}
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name in names:
                node.input[place] = name + SUFFIX
    single = onnx.TensorProto.FLOAT
    casts = [onnx.helper.make_node("Cast", [name], [name + SUFFIX], to=single) for name in sorted(names)]
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    data: bytes = model.SerializeToString()
    return data


def in_int8(graph: bytes, inputs: Iterable[NDArray[np.float32]]) -> bytes:
    """The network with its convolutions in 8 bit integers, their ranges taken from inputs.

    Static quantisation: activations unsigned, weights signed and channel by channel; what is no convolution stays in
    single precision.

    Args:
        graph: in single precision.
        inputs: like those of use, (1, 3, side, side) each.

    Raises:
        ModelError: ``extra-missing``.
    """
    onnx = _onnx()
    quantization: Any = import_module("onnxruntime.quantization")
    prepared: Any = import_module("onnxruntime.quantization.shape_inference")
    name = onnx.ModelProto.FromString(graph).graph.input[0].name
    with tempfile.TemporaryDirectory() as folder:
        plain, folded, quantised = (Path(folder) / f"{stage}.onnx" for stage in ("plain", "folded", "quantised"))
        plain.write_bytes(graph)
        prepared.quant_pre_process(plain, folded, skip_symbolic_shape=True)
        quantization.quantize_static(
            folded,
            quantised,
            _reader(quantization.CalibrationDataReader, name, inputs),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            per_channel=True,
            # Seven bits of weight: eight overflow on processors without VNNI, and counts must not depend on processors.
            reduce_range=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
        return quantised.read_bytes()


def _reader(base: Any, name: str, inputs: Iterable[NDArray[np.float32]]) -> Any:  # noqa: ANN401 - untyped library
    class Reader(base):  # type: ignore[misc] # untyped library
        def __init__(self) -> None:
            self._inputs: Iterator[NDArray[np.float32]] = iter(inputs)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            following = next(self._inputs, None)
            return None if following is None else {name: following}

    return Reader()


def _fits(onnx: Any, parameter: Any) -> bool:  # noqa: ANN401 - untyped library
    if parameter.data_type != onnx.TensorProto.FLOAT:
        return False
    values = onnx.numpy_helper.to_array(parameter)
    with np.errstate(over="ignore"):
        return values.size >= LEAST_HALVED and bool(
            np.array_equal(values.astype(np.float16).astype(np.float32), values)
        )


def _onnx() -> Any:  # noqa: ANN401 - untyped library
    try:
        return import_module("onnx")
    except ImportError as error:
        raise ModelError("extra-missing", "packaging needs onnx: pip install 'marrowcount[train]'") from error
