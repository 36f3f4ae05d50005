"""``marrowcount model package`` and ``check``: weights to a folder that says what it is, in every runtime the same."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from marrowcount.errors import ModelError, SettingsError
from marrowcount.main.cli import app
from marrowcount.main.models import bundled_models
from marrowcount.settings import CountSection
from marrowcount.slides.manifest import INT8_FILE, read_manifest
from marrowcount_adapters.onnx_models import load_roi_model, verify
from marrowcount_adapters.training.tiles import TileWriter

ROI, CELLS = bundled_models() / CountSection().roi_model, bundled_models() / CountSection().cell_model


def run_here(*command: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in command], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four tiles of each kind: noise as light as glass, half of them with dark discs."""
    folder = tmp_path_factory.mktemp("stores")
    rng = np.random.default_rng(3)
    rows, columns = np.mgrid[:512, :512]
    cells, regions = TileWriter(folder / "cells", 4, 512), TileWriter(folder / "regions", 4, 256)
    for place in range(4):
        picture = rng.integers(190, 230, (512, 512, 3), dtype=np.uint8)
        if place % 2:
            picture[np.hypot(columns - 250, rows - 260) < 30] = (90, 60, 130)
        cells.add(picture, np.array([[4, 220, 230, 280, 290]], np.float32)[: place % 2])
        regions.add(picture[::2, ::2], fit=bool(place % 2))
    cells.close()
    regions.close()
    return folder


@pytest.fixture(scope="module")
def packaged(stores: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped ROI model's parameters packaged anew, 8 bit integers and all, with notes and foreign figures."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "notes.md").write_text("Nothing transferred.\n")
    (folder / "more.json").write_text('{"real/precision": 0.5}')
    run_here(
        "model", "package", ROI, "--version", "9.0.0", "--models", folder, "--data", stores, "--validation", stores,
        "--test", stores, "--notes", folder / "notes.md", "--figures", folder / "more.json",
    )  # fmt: skip
    return folder / "marrow-roi-9.0.0"


def test_manifest_and_card_say_what_was_done(packaged: Path, stores: Path) -> None:
    """Figures measured here and elsewhere, the data by name, the cost of 8 bit integers, the notes."""
    manifest, card = read_manifest(packaged), (packaged / "MODEL_CARD.md").read_text()
    assert (manifest.name, manifest.version) == ("marrow-roi", "9.0.0")
    assert manifest.figures["real/precision"] == 0.5
    assert {"roc_auc", "int8_loss", "runtimes_apart", "milliseconds_a_tile_1_threads"} <= set(manifest.figures)
    assert "digital phantom" in manifest.training_data
    assert "(4 tiles)" in manifest.measured_on
    assert manifest.examples == {stores.name: {"fit": 2, "unfit": 2}}
    assert "| unfit | 2 |" in card
    assert "Nothing transferred." in card
    assert f"{manifest.figures['int8_loss']:g} of the ROC AUC is lost" in card


def test_parameters_are_the_same_in_half_the_space(packaged: Path) -> None:
    """The weights are those that went in; the graph gives bit for bit what the shipped one gives, and is smaller."""
    before, after = (load_file(folder / "weights.safetensors") for folder in (ROI, packaged))
    assert all(torch.equal(after[name], value) for name, value in before.items())
    picture = np.random.default_rng(1).integers(0, 255, (512, 512, 3), dtype=np.uint8)
    one = load_roi_model(ROI, threads=1, file="model.onnx").probabilities([picture])
    assert load_roi_model(packaged, threads=1, file="model.onnx").probabilities([picture]) == one
    # Eight million parameters of two bytes each, and what the graph needs.
    assert (packaged / "model.onnx").stat().st_size < 15e6


def test_the_file_that_runs_is_the_one_that_the_manifest_names(packaged: Path) -> None:
    """8 bit integers where they lost little: identity and hash are theirs."""
    manifest = read_manifest(packaged)
    assert (manifest.onnx_file == INT8_FILE) == (INT8_FILE in manifest.files) == (manifest.figures["int8_loss"] <= 0.01)
    assert verify(packaged).sha256 == manifest.files[manifest.onnx_file]


def test_a_packaged_model_checks_out(packaged: Path) -> None:
    """Every file hashed, every runtime run."""
    said = run_here("model", "check", packaged)
    assert all(f"{name}: is what the manifest vouches for" in said for name in read_manifest(packaged).files)
    assert "torch against model.onnx: ok" in said


def test_check_finds_weights_that_are_not_the_graphs(packaged: Path, tmp_path: Path) -> None:
    """A manifest that vouches for both files does not make them one model: exit status 1."""
    folder = shutil.copytree(packaged, tmp_path / "model")
    weights = load_file(folder / "weights.safetensors")
    weights["classifier.bias"] = weights["classifier.bias"] + torch.tensor([1, 0], dtype=torch.half)
    save_file(weights, folder / "weights.safetensors")
    rewrite(folder)
    done = CliRunner().invoke(app, ["model", "check", str(folder)])
    assert done.exit_code == 1
    assert "NOT ALIKE" in done.output


def rewrite(folder: Path, **fields: object) -> None:
    """The manifest, with the hashes that the files have now."""
    import hashlib

    content = json.loads((folder / "manifest.json").read_text())
    content["files"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in content["files"]}
    (folder / "manifest.json").write_text(json.dumps(content | fields))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"classes": ["fit", "unfit"]}, "model-classes-differ"),
        ({"input_px": 224}, "model-shape-differs"),
        ({"onnx_file": "../model.onnx"}, "manifest-invalid"),
        ({"onnx_file": "model-int8.onnx", "files": {}}, "model-file-missing"),
    ],
)
def test_check_refuses_what_is_not_ours(tmp_path: Path, fields: dict[str, object], code: str) -> None:
    """Other order of classes, other input, a file elsewhere or missing: a coded error that names the file."""
    folder = shutil.copytree(ROI, tmp_path / "model")
    rewrite(folder, **fields)
    failed = CliRunner().invoke(app, ["model", "check", str(folder)])
    assert isinstance(failed.exception, ModelError)
    assert failed.exception.code == code
    assert str(folder) in failed.exception.message


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (pickle.dumps({"average": 1}), "checkpoint-unreadable"),
        ({"average": {"fc.weight": torch.zeros(3)}, "network": {}, "optimizer": {}, "step": 1}, "weights-differ"),
    ],
)
def test_package_refuses_what_is_not_ours(tmp_path: Path, stores: Path, content: object, code: str) -> None:
    """A bare pickle, parameters of another network: a coded error that names the file, and no folder."""
    source = tmp_path / "foreign.pt"
    if isinstance(content, bytes):
        source.write_bytes(content)
    else:
        torch.save(content, source)
    failed = CliRunner().invoke(app, package_command(source, tmp_path / "models", stores))
    assert isinstance(failed.exception, ModelError)
    assert failed.exception.code == code
    assert str(source) in failed.exception.message
    assert not (tmp_path / "models").exists()


def package_command(source: Path, models: Path, stores: Path) -> list[str]:
    return [
        "model", "package", str(source), "--version", "9.0.0", "--models", str(models), "--validation", str(stores),
        "--test", str(stores),
    ]  # fmt: skip


def test_package_asks_what_was_trained_on(tmp_path: Path, stores: Path) -> None:
    """A model whose data nobody names is not packaged; figures that are no numbers are refused."""
    failed = CliRunner().invoke(app, package_command(ROI, tmp_path, stores))
    assert isinstance(failed.exception, SettingsError)
    assert failed.exception.code == "data-unknown"
    (tmp_path / "more.json").write_text('{"precision": "high"}')
    command = [*package_command(ROI, tmp_path, stores), "--data", str(stores), "--figures", str(tmp_path / "more.json")]
    failed = CliRunner().invoke(app, command)
    assert isinstance(failed.exception, SettingsError)
    assert failed.exception.code == "wrong-figures"


def test_a_cell_model_is_packaged_too(tmp_path: Path, stores: Path) -> None:
    """Folded weights go in, the same boxes come out of both runtimes; what training saw stands in the manifest."""
    said = run_here(*package_command(CELLS, tmp_path, stores), "--data", stores, "--no-int8", "--name", "marrow-small")
    manifest = read_manifest(tmp_path / "marrow-small-9.0.0").checked_for("cells", tmp_path)
    assert set(manifest.files) == {"model.onnx", "weights.safetensors"}
    assert manifest.seen
    assert "int8_loss" not in manifest.figures
    assert "marrow-small 9.0.0" in said
    assert (tmp_path / "marrow-small-9.0.0" / "weights.safetensors").read_bytes() == (
        CELLS / "weights.safetensors"
    ).read_bytes()
