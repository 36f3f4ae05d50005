"""Small ONNX graphs of the models' shapes, packaged as model folders."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from marrowcount.cytology.cell_types import CellType
from marrowcount.slides.manifest import CLASSES_OF_TASK, INPUT_PX_OF_TASK, ModelManifest

if TYPE_CHECKING:
    from collections.abc import Callable

CANDIDATES = 64 * 64 + 32 * 32 + 16 * 16

MODELS = Path(__file__).parents[3] / "models"


def graph(name: str, takes: list[int | str], gives: list[int | str], nodes: list, constants: dict) -> bytes:
    """A graph with one input ``pictures`` and one output ``out``."""
    model = helper.make_model(
        helper.make_graph(
            nodes,
            name,
            [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, takes)],
            [helper.make_tensor_value_info("out", TensorProto.FLOAT, gives)],
            [numpy_helper.from_array(value, key) for key, value in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    return model.SerializeToString()


@pytest.fixture(scope="session")
def roi_graph() -> bytes:
    """Probability of being fit: the mean brightness of the picture, 0 to 1."""
    nodes = [
        helper.make_node("ReduceMean", ["pictures"], ["bright"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["bright", "last"], ["fit"]),
        helper.make_node("Sub", ["one", "fit"], ["unfit"]),
        helper.make_node("Concat", ["unfit", "fit"], ["out"], axis=1),
    ]
    constants = {"last": np.array([1], np.int64), "one": np.array(1, np.float32)}
    return graph("roi", ["n", 3, 256, 256], ["n", 2], nodes, constants)


@pytest.fixture(scope="session")
def cell_graph() -> bytes:
    """Always one blast at (100, 50), 20 x 10 px; its probability is the brightness of the picture's first pixel."""
    place = np.zeros((1, 4 + len(CellType), CANDIDATES), np.float32)
    place[0, :4, 7] = 100, 50, 20, 10
    blast = np.zeros_like(place)
    blast[0, 4 + CellType.BLAST, 7] = 1
    nodes = [
        helper.make_node("Slice", ["pictures", "zeros", "ones", "axes"], ["first"]),
        helper.make_node("ReduceMean", ["first"], ["bright"], keepdims=0),
        helper.make_node("Mul", ["bright", "blast"], ["object"]),
        helper.make_node("Add", ["object", "place"], ["out"]),
    ]
    constants = {
        "zeros": np.array([0, 0], np.int64),
        "ones": np.array([1, 1], np.int64),
        "axes": np.array([2, 3], np.int64),
        "place": place,
        "blast": blast,
    }
    return graph("cells", [1, 3, 512, 512], [1, 23, CANDIDATES], nodes, constants)


@pytest.fixture
def packaged(tmp_path: Path) -> Callable[..., Path]:
    """Put bytes and a manifest that vouches for them into a folder."""

    def write(task: str, data: bytes, **changes: object) -> Path:
        manifest = ModelManifest(
            name=f"test-{task}",
            version="0.0.1",
            task=task,
            files={"model.onnx": hashlib.sha256(data).hexdigest()},
            tile_px=512,
            input_px=INPUT_PX_OF_TASK[task],
            pixel_scale=1 / 255,
            classes=CLASSES_OF_TASK[task],
            threshold=0.5,
            suppression_iou=0.5,
            licence="AGPL-3.0-or-later",
            training_data="none",
            figures={},
        )
        folder = tmp_path / task
        folder.mkdir(exist_ok=True)
        (folder / "model.onnx").write_bytes(data)
        (folder / "manifest.json").write_text(json.dumps(json.loads(manifest.to_json()) | changes))
        return folder

    return write


@pytest.fixture(scope="session")
def float64_graph() -> bytes:
    """A ROI graph that puts out double precision."""
    model = onnx.ModelProto.FromString(
        graph("double", ["n", 3, 256, 256], ["n", 2], [helper.make_node("Cast", ["pictures"], ["out"], to=11)], {})
    )
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    return model.SerializeToString()
