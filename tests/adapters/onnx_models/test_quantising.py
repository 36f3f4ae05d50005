"""Smaller ONNX graphs: half the space and not a bit different; 8 bit integers and nearly the same."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from marrowcount_adapters.onnx_models import in_int8, with_half_weights


@pytest.fixture(scope="module")
def convolution() -> bytes:
    """16 filters of 3 x 3 over 3 channels, weights in half precision numbers; one odd bias that is not."""
    rng = np.random.default_rng(2)
    weights = rng.normal(0, 0.3, (16, 3, 3, 3)).astype(np.float16).astype(np.float32)
    mixing = rng.normal(0, 0.3, (8, 16, 1, 1)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["pictures", "weights"], ["features"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["features"], ["positive"]),
        helper.make_node("Conv", ["positive", "mixing"], ["out"]),
    ]
    graph = helper.make_graph(
        nodes,
        "convolution",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 8, 32, 32])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(mixing, "mixing")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def run(graph: bytes, picture: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"pictures": picture})[0])


def pictures(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [rng.uniform(0, 1, (1, 3, 32, 32)).astype(np.float32) for _ in range(count)]


def test_half_weights_change_nothing(convolution: bytes) -> None:
    """What fits half precision exactly is kept in it, by its own name; what does not is left; the output is equal."""
    halved = with_half_weights(convolution)
    kinds = {node.name: node.data_type for node in onnx.load_from_string(halved).graph.initializer}
    assert kinds == {"weights": TensorProto.FLOAT16, "mixing": TensorProto.FLOAT}
    picture = pictures(1)[0]
    assert np.array_equal(run(halved, picture), run(convolution, picture))


def test_eight_bits_are_nearly_the_same(convolution: bytes) -> None:
    """Convolutions in integers, calibrated on pictures like those of use: within two hundredths of the range."""
    small = in_int8(convolution, pictures(8))
    kinds = {node.data_type for node in onnx.load_from_string(small).graph.initializer}
    assert TensorProto.INT8 in kinds
    picture = pictures(9)[8]
    full, integers = run(convolution, picture), run(small, picture)
    assert 0 < np.abs(full - integers).max() < 0.02 * np.ptp(full)
