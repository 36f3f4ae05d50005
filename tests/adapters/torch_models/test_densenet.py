"""DenseNet121 in plain torch, and the ROI model that runs it."""

from __future__ import annotations

import hashlib
import json
import pickle
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
from marrowcount_adapters.onnx_models import load_roi_model as load_onnx
from marrowcount_adapters.torch_models import DenseNet121, load_roi_model, new_network, roi_loss

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL = Path(__file__).parents[3] / "models" / "marrow-roi-0.3.0"
TOLERANCE = 1e-4
"""Between runtimes, on probabilities; single precision in another order of sums."""

UNKNOWN = np.full((4, 2, 2), np.nan, np.float32)


@pytest.fixture
def altered(tmp_path: Path) -> Callable[[bytes], Path]:
    """The shipped model's manifest with other weights that it vouches for."""

    def write(weights: bytes) -> Path:
        content = json.loads((MODEL / "manifest.json").read_text())
        content["files"]["weights.safetensors"] = hashlib.sha256(weights).hexdigest()
        (tmp_path / "manifest.json").write_text(json.dumps(content))
        (tmp_path / "weights.safetensors").write_bytes(weights)
        return tmp_path

    return write


def test_parameters_are_those_of_densenet121() -> None:
    """7,978,856 for a thousand classes, with the names of torchvision's state dict."""
    network = DenseNet121(1000)
    assert sum(parameter.numel() for parameter in network.parameters()) == 7_978_856
    names = set(network.state_dict())
    assert {
        "features.conv0.weight",
        "features.denseblock1.denselayer1.norm1.weight",
        "features.denseblock4.denselayer16.conv2.weight",
        "features.transition3.conv.weight",
        "features.norm5.running_mean",
        "classifier.bias",
    } <= names


def test_two_logits_for_each_picture() -> None:
    """Any picture of some size gives one logit for each class."""
    with torch.inference_mode():
        assert DenseNet121().eval()(torch.zeros(2, 3, 64, 64)).shape == (2, 2)


def test_loss_falls_on_pictures_that_differ() -> None:
    """A few steps tell black from white."""
    torch.manual_seed(0)
    network = new_network()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    pictures = np.stack([np.full((64, 64, 3), level, np.uint8) for level in (0, 255, 10, 245)])
    losses = []
    for _ in range(6):
        loss, report = roi_loss(network, (pictures, np.array([0, 1, 0, 1]), UNKNOWN))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(report["loss"])
    assert losses[-1] < losses[0] / 2


def test_loss_tells_which_place_is_faulty() -> None:
    """With one verdict for all tiles, only the faults of places teach where the dark is."""
    torch.manual_seed(0)
    network = new_network()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    pictures = np.full((4, 64, 64, 3), 255, np.uint8)
    faults = np.zeros((4, 2, 2), np.float32)
    for picture in range(4):
        row, column = divmod(picture, 2)
        pictures[picture, 32 * row : 32 * row + 32, 32 * column : 32 * column + 32] = 0
        faults[picture, row, column] = 1
    reports = []
    for _ in range(12):
        loss, report = roi_loss(network, (pictures, np.zeros(4, np.int64), faults))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        reports.append(report["places"])
    assert reports[-1] < reports[0] / 2


def test_both_runtimes_say_the_same(tiles: list[np.ndarray]) -> None:
    """onnxruntime and torch give the same probabilities of the same tiles."""
    on_torch = load_roi_model(MODEL, device="cpu").probabilities(tiles)
    assert on_torch == pytest.approx(list(load_onnx(MODEL, file="model.onnx").probabilities(tiles)), abs=TOLERANCE)


def test_both_files_hold_the_same_parameters() -> None:
    """Every parameter of the ONNX graph is exactly the half precision number of the safetensors file."""
    weights = {f"network.{name}": value for name, value in load((MODEL / "weights.safetensors").read_bytes()).items()}
    inside = {node.name: numpy_helper.to_array(node) for node in onnx.load(MODEL / "model.onnx").graph.initializer}
    named = [name for name in inside if name in weights]
    assert len(named) > 500
    assert all(np.array_equal(inside[name], weights[name].float().numpy()) for name in named)


def test_identity_names_the_weights_that_ran() -> None:
    """The hash is that of weights.safetensors, not of the ONNX file."""
    manifest, identity = read_manifest(MODEL), load_roi_model(MODEL, device="cpu").identity
    assert identity.sha256 == manifest.files["weights.safetensors"]
    assert identity.threshold == manifest.threshold


@pytest.mark.parametrize(
    ("weights", "code"),
    [
        (pickle.dumps({"classifier.bias": [0.0, 0.0]}), "model-not-safetensors"),
        (b"", "model-not-safetensors"),
        (save({"classifier.bias": torch.zeros(2)}), "model-weights-differ"),
    ],
)
def test_other_weights_are_refused(altered: Callable[[bytes], Path], weights: bytes, code: str) -> None:
    """A pickle, nothing, another network: a coded error that names the file."""
    with pytest.raises(ModelError, match=r"weights\.safetensors") as caught:
        load_roi_model(altered(weights), device="cpu")
    assert caught.value.code == code


def test_altered_weights_are_refused(altered: Callable[[bytes], Path]) -> None:
    """The hash is checked before anything is read."""
    folder = altered(b"weights")
    (folder / "weights.safetensors").write_bytes(b"other")
    with pytest.raises(ModelError) as caught:
        load_roi_model(folder, device="cpu")
    assert caught.value.code == "model-hash-differs"


def test_no_tile_no_probability() -> None:
    """An empty batch is answered without running the network."""
    assert list(load_roi_model(MODEL, device="cpu").probabilities([])) == []
