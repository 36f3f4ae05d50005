"""Models of the right shape that cost nothing: every tile is fit, and holds the same forty cells.

For tests of everything around the networks. They are real model folders, read, verified and run as any other; only
what they know is nothing.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from marrowcount.cytology.cell_types import NDC_CLASSES
from marrowcount.slides.manifest import (
    CELL_CLASSES,
    CLASSES_OF_TASK,
    INPUT_PX_OF_TASK,
    MANIFEST_FILE,
    ONNX_FILE,
    ModelManifest,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CELLS_A_TILE", "TINY_SETTINGS", "write_tiny_models"]

CELLS_A_TILE = 40
CANDIDATES = 64 * 64 + 32 * 32 + 16 * 16
"""Of YOLO on 512 px."""

TINY_SETTINGS = 'models_folder = "{folder}"\nroi_model = "tiny-roi"\ncell_model = "tiny-cells"\nworkers = 1\n'
"""For section ``count``."""


def write_tiny_models(folder: Path) -> str:
    """Write both models below a folder; the lines for section ``count`` that name them."""
    _write(folder / "tiny-roi", "roi", ["n", 3, 256, 256], np.array([[0.1, 0.9]], np.float32))
    _write(folder / "tiny-cells", "cells", [1, 3, 512, 512], _cells())
    return TINY_SETTINGS.format(folder=folder)


def _cells() -> NDArray[np.float32]:
    """Boxes that do not overlap, of all classes of the differential in turn."""
    found = np.zeros((1, 4 + len(CELL_CLASSES), CANDIDATES), np.float32)
    for number in range(CELLS_A_TILE):
        row, column = divmod(number, 8)
        found[0, :4, number] = 40 + 60 * column, 60 + 90 * row, 50, 50
        found[0, 4 + NDC_CLASSES[number % len(NDC_CLASSES)], number] = 0.9
    return found


def _write(folder: Path, task: str, takes: list[int | str], answer: NDArray[np.float32]) -> None:
    """A network whose answer is the same whatever it sees."""
    nodes = [
        helper.make_node("ReduceMean", ["pictures"], ["bright"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["bright", "dimensions"], ["placed"]),
        helper.make_node("Mul", ["placed", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "answer"], ["out"]),
    ]
    dimensions = np.arange(1, answer.ndim, dtype=np.int64)
    constants = {"zero": np.array(0, np.float32), "dimensions": dimensions, "answer": answer}
    gives = ["n" if takes[0] == "n" else 1, *answer.shape[1:]]
    graph = helper.make_graph(
        nodes,
        task,
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, takes)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, gives)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data = model.SerializeToString()
    manifest = ModelManifest(
        name=f"tiny-{task}",
        version="0.0.1",
        task=task,
        files={ONNX_FILE: hashlib.sha256(data).hexdigest()},
        tile_px=512,
        input_px=INPUT_PX_OF_TASK[task],
        pixel_scale=1 / 255,
        classes=CLASSES_OF_TASK[task],
        threshold=0.5,
        suppression_iou=0.5,
        licence="AGPL-3.0-or-later",
        training_data="none: it knows nothing and answers the same whatever it sees",
        figures={},
    )
    folder.mkdir(parents=True)
    (folder / ONNX_FILE).write_bytes(data)
    (folder / MANIFEST_FILE).write_text(manifest.to_json())
