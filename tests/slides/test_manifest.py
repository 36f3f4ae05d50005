"""A model's manifest: read strictly, and no file is taken that it does not vouch for."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount.errors import ModelError
from marrowcount.slides.manifest import CELL_CLASSES, ModelManifest, read_manifest, verified_bytes
from marrowcount.slides.measurements import Figure, Measurement

if TYPE_CHECKING:
    from pathlib import Path


def manifest(**changes: object) -> ModelManifest:
    fields: dict[str, object] = {
        "name": "marrow-cells",
        "version": "1.2.3",
        "task": "cells",
        "files": {"model.onnx": hashlib.sha256(b"weights").hexdigest()},
        "tile_px": 512,
        "input_px": 512,
        "pixel_scale": 1 / 255,
        "classes": CELL_CLASSES,
        "threshold": 0.4,
        "suppression_iou": 0.5,
        "licence": "AGPL-3.0-or-later",
        "training_data": "none",
        "figures": {"f1": 0.5},
    }
    return ModelManifest(**(fields | changes))


def write(folder: Path, content: object) -> Path:
    (folder / "manifest.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def code_of(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        read_manifest(folder)
    return caught.value.code


def test_written_manifest_is_read_back(tmp_path: Path) -> None:
    """Nothing is lost on the way through the file."""
    assert read_manifest(write(tmp_path, manifest().to_json())) == manifest()
    figures = {"recall": Figure(0.5, 0.4, 0.6), "tiles": Figure(9)}
    told = manifest(
        examples={"phantom": {"blast": 7}},
        confusions=("blast found not at all: 3 % of 100",),
        measurements=(Measurement("Fresh", "On 9 tiles.", figures),),
        notes="None.",
    )
    assert read_manifest(write(tmp_path, told.to_json())) == told


def test_classes_are_the_nineteen_in_order() -> None:
    """The order of the cell model's outputs is that of CellType."""
    assert [CellType.from_label(label) for label in CELL_CLASSES] == list(CellType)


def test_missing_manifest_is_said(tmp_path: Path) -> None:
    """An empty folder is no model."""
    assert code_of(tmp_path) == "manifest-missing"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"name": NaN}',
        {},
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: object) -> None:
    """Broken or foreign JSON is one coded error, never another exception."""
    assert code_of(write(tmp_path, content)) == "manifest-invalid"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 3),
        ("task", "faces"),
        ("task", ["roi"]),
        ("files", ["model.onnx"]),
        ("files", {"model.onnx": 7}),
        ("tile_px", 0),
        ("tile_px", True),
        ("input_px", 512.0),
        ("pixel_scale", "1/255"),
        ("classes", "neutrophil"),
        ("threshold", 1.5),
        ("threshold", True),
        ("suppression_iou", -0.1),
        ("figures", {"f1": "good"}),
        ("surprise", 1),
    ],
)
def test_field_of_another_type_is_refused(tmp_path: Path, field: str, value: object) -> None:
    """Each field has one type and range, and no field is unknown."""
    content = json.loads(manifest().to_json()) | {field: value}
    assert code_of(write(tmp_path, content)) == "manifest-invalid"


def test_left_out_field_is_refused(tmp_path: Path) -> None:
    """A manifest is whole or none."""
    content = json.loads(manifest().to_json())
    del content["licence"]
    assert code_of(write(tmp_path, content)) == "manifest-invalid"


def test_huge_manifest_is_not_read(tmp_path: Path) -> None:
    """More than a mebibyte is no manifest."""
    assert code_of(write(tmp_path, " " * (1 << 20) + "{}")) == "model-file-too-large"


@pytest.mark.parametrize(
    ("changes", "task", "code"),
    [
        ({}, "roi", "model-task-differs"),
        ({"classes": CELL_CLASSES[:-1]}, "cells", "model-classes-differ"),
        ({"classes": (CELL_CLASSES[1], CELL_CLASSES[0], *CELL_CLASSES[2:])}, "cells", "model-classes-differ"),
        ({"tile_px": 640}, "cells", "model-shape-differs"),
        ({"input_px": 256}, "cells", "model-shape-differs"),
    ],
)
def test_model_for_something_else_is_refused(tmp_path: Path, changes: dict[str, object], task: str, code: str) -> None:
    """Another task, fewer classes, classes in another order, another size: its own code, and the file by name."""
    with pytest.raises(ModelError) as caught:
        manifest(**changes).checked_for(task, tmp_path)
    assert caught.value.code == code
    assert str(tmp_path / "manifest.json") in caught.value.message


def test_vouched_file_is_read(tmp_path: Path) -> None:
    """The bytes that were hashed are the bytes that come back."""
    (tmp_path / "model.onnx").write_bytes(b"weights")
    assert verified_bytes(tmp_path, manifest(), "model.onnx") == b"weights"


def test_altered_file_is_not_loaded(tmp_path: Path) -> None:
    """One byte more, and the file is not the manifest's; the message names it."""
    (tmp_path / "model.onnx").write_bytes(b"weights!")
    with pytest.raises(ModelError, match=r"model\.onnx") as caught:
        verified_bytes(tmp_path, manifest(), "model.onnx")
    assert caught.value.code == "model-hash-differs"


@pytest.mark.parametrize("name", ["model.onnx", "other.onnx", "../model.onnx"])
def test_missing_or_unnamed_file_is_said(tmp_path: Path, name: str) -> None:
    """A file that is not there, and one that the manifest does not name, is missing."""
    (tmp_path / "other.onnx").write_bytes(b"weights")
    with pytest.raises(ModelError) as caught:
        verified_bytes(tmp_path, manifest(), name)
    assert caught.value.code == "model-file-missing"
