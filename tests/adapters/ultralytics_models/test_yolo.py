"""The cell model on ultralytics' network: the same boxes as onnxruntime, no network access, no pickle."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from safetensors.torch import load, save

from marrowcount.errors import ModelError
from marrowcount.slides.manifest import read_manifest
from marrowcount_adapters.onnx_models import load_cell_model as load_onnx
from marrowcount_adapters.ultralytics_models import CellLoss, load_cell_model, new_network

if TYPE_CHECKING:
    from marrowcount.slides.detections import Detection

MODEL = Path(__file__).parents[3] / "models" / "marrow-cells-0.3.0"
PIXELS, PROBABILITY = 0.1, 1e-3
"""Tolerance between runtimes: edges in pixels, probabilities; single precision in another order of sums."""

IMPORTING = """
import socket, sys, os
def refuse(*a, **k):
    raise SystemExit(f"looked up {a}")
socket.getaddrinfo = refuse
from marrowcount_adapters.ultralytics_models import new_network
new_network()
assert "torchvision" not in sys.modules
assert "OMP_NUM_THREADS" not in os.environ
assert not os.path.exists(os.path.expanduser("~/.config/Ultralytics")), "settings in the home folder"
"""


def same(first: Detection, second: Detection) -> bool:
    edges = [(d.box.left, d.box.top, d.box.right, d.box.bottom) for d in (first, second)]
    return (
        first.cell_type is second.cell_type
        and edges[0] == pytest.approx(edges[1], abs=PIXELS)
        and first.probability == pytest.approx(second.probability, abs=PROBABILITY)
    )


def test_both_runtimes_find_the_same_boxes(tiles: list[np.ndarray]) -> None:
    """Class, place and probability of every object agree between onnxruntime and ultralytics' network."""
    on_torch, on_onnx = load_cell_model(MODEL, device="cpu"), load_onnx(MODEL, file="model.onnx")
    found = 0
    for tile in tiles:
        one, two = on_torch.detect(tile), on_onnx.detect(tile)
        assert len(one) == len(two)
        assert all(any(same(first, second) for second in two) for first in one)
        found += len(one)
    assert found > 5


def test_both_files_hold_the_same_parameters() -> None:
    """Every number of the ONNX convolutions is exactly the half precision number of the safetensors file."""
    weights = load((MODEL / "weights.safetensors").read_bytes())
    graph = onnx.load(MODEL / "model.onnx").graph
    inside = {node.name: numpy_helper.to_array(node) for node in graph.initializer}
    named = [name for name in inside if name in weights]
    assert len(named) > 100
    for name in named:
        assert np.array_equal(inside[name], weights[name].float().numpy())


def test_import_asks_nobody(tmp_path: Path) -> None:
    """Building the network looks up no host, needs no torchvision, and writes nothing into the home folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("YOLO", "ULTRALYTICS", "OMP"))}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", IMPORTING],
        env=kept | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_loss_is_finite_and_has_gradients() -> None:
    """One batch with objects on one picture and none on the other."""
    network = new_network()
    pictures = np.random.default_rng(1).integers(0, 255, (2, 128, 128, 3), dtype=np.uint8)
    objects = np.array([[0, 4, 0.5, 0.5, 0.3, 0.3], [0, 7, 0.2, 0.2, 0.2, 0.2]], np.float32)
    loss, parts = CellLoss(network)(network, (pictures, objects))
    loss.backward()
    assert torch.isfinite(loss)
    assert set(parts) == {"loss", "box", "class", "distribution"}
    assert all(p.grad is not None for name, p in network.named_parameters() if "dfl" not in name)


@pytest.mark.parametrize(
    ("weights", "code"),
    [
        (pickle.dumps({"model": 1}), "model-not-safetensors"),
        (save({"model.0.conv.weight": torch.zeros(2)}), "model-weights-differ"),
    ],
)
def test_other_weights_are_refused(tmp_path: Path, weights: bytes, code: str) -> None:
    """A pickle is not opened and another network not run, even where the manifest vouches for them."""
    content = json.loads((MODEL / "manifest.json").read_text())
    content["files"]["weights.safetensors"] = hashlib.sha256(weights).hexdigest()
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    (tmp_path / "weights.safetensors").write_bytes(weights)
    with pytest.raises(ModelError, match=r"weights\.safetensors") as caught:
        load_cell_model(tmp_path, device="cpu")
    assert caught.value.code == code


def test_identity_names_the_weights_that_ran() -> None:
    """Hash of weights.safetensors; the threshold that was asked for."""
    identity = load_cell_model(MODEL, device="cpu", threshold=0.3).identity
    assert identity.sha256 == read_manifest(MODEL).files["weights.safetensors"]
    assert identity.threshold == 0.3


def test_pillow_is_left_as_it_was() -> None:
    """In a process that runs the network, a damaged picture is still answered with Pillow's own error."""
    script = (
        "import io, PIL.Image as p; before = p.open\n"
        "from marrowcount_adapters.ultralytics_models import new_network; new_network()\n"
        "assert p.open is before\n"
        "try: p.open(io.BytesIO(b'damaged'))\n"
        "except p.UnidentifiedImageError: print('as Pillow says')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "as Pillow says"
