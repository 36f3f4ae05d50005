"""A model's manifest: which files it is made of, what goes in and comes out, what it was trained on.

A model is a folder ``<name>-<version>`` with ``manifest.json``, the files that it names, and ``MODEL_CARD.md``.
Every runtime reads the manifest first, and a weights file only through :func:`verified_bytes`, so that what was
hashed is what is loaded.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Final, cast

from marrowcount.cytology.cell_types import CellType
from marrowcount.errors import ModelError
from marrowcount.slides.familiarity import Feature, Range
from marrowcount.slides.measurements import Figure, Measurement
from marrowcount.slides.tiles import TILE_PX

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "CARD_FILE",
    "CELL_CLASSES",
    "INT8_FILE",
    "MANIFEST_FILE",
    "ONNX_FILE",
    "ROI_CLASSES",
    "WEIGHTS_FILE",
    "ModelManifest",
    "read_manifest",
    "verified_bytes",
]

MANIFEST_FILE: Final = "manifest.json"
CARD_FILE: Final = "MODEL_CARD.md"
"""What people read of a model; Markdown in UTF-8."""
ONNX_FILE: Final = "model.onnx"
"""The network in single precision, for onnxruntime."""
INT8_FILE: Final = "model-int8.onnx"
"""The same with its convolutions in 8 bit integers, where little accuracy is lost by it."""
WEIGHTS_FILE: Final = "weights.safetensors"
"""The same parameters in half precision, for torch and for further training; never a pickle, which runs code."""

MAX_MANIFEST_BYTES: Final = 1 << 20
MAX_MODEL_BYTES: Final = 1 << 30

ROI_CLASSES: Final = ("unfit", "fit")
"""Outputs of the ROI model."""
CELL_CLASSES: Final = tuple(cell_type.label for cell_type in CellType)
"""Outputs of the cell model."""
OPTIONAL: Final = frozenset({"seen", "onnx_file", "measured_on", "examples", "confusions", "measurements", "notes"})
"""Fields that a manifest may lack."""
CLASSES_OF_TASK: Final = {"roi": ROI_CLASSES, "cells": CELL_CLASSES}
INPUT_PX_OF_TASK: Final = {"roi": TILE_PX // 2, "cells": TILE_PX}
"""Whether a tile is fit shows at half the resolution, at a quarter of the work; cells want every pixel."""


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """What ``manifest.json`` says.

    Attributes:
        task: ``roi`` or ``cells``.
        files: SHA-256 in hexadecimal of each file by name.
        tile_px: side in pixels of the tile that the model judges.
        input_px: side in pixels of the network's input; a smaller input is the tile's area mean.
        pixel_scale: factor from 0..255 to the network's input.
        classes: names of the outputs, in order.
        threshold: probability from which a finding counts, chosen on validation slides.
        suppression_iou: overlap above which the less probable of two boxes is dropped; 1 where there are no boxes.
        licence: SPDX identifier.
        training_data: one sentence, for people; it travels with every result.
        figures: measured figures by name; the names say what they were measured on.
        seen: lowest and highest of each figure of a tile's appearance that training saw, by
            :class:`~marrowcount.slides.familiarity.Feature`; empty where nobody measured.
        onnx_file: which of the files onnxruntime is to run.
        measured_on: what the figures were measured on, for people; empty in models of version 0.1.0.
        examples: how many objects, or tiles, of each kind each source of the training held; empty where nobody counted.
        confusions: the commonest, in words.
        measurements: what was measured after the packaging.
        notes: somebody's words for the card, Markdown.
    """

    name: str
    version: str
    task: str
    files: Mapping[str, str]
    tile_px: int
    input_px: int
    pixel_scale: float
    classes: tuple[str, ...]
    threshold: float
    suppression_iou: float
    licence: str
    training_data: str
    figures: Mapping[str, float]
    seen: Mapping[Feature, Range] = field(default_factory=dict[Feature, Range])
    onnx_file: str = ONNX_FILE
    measured_on: str = ""
    examples: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, "Mapping[str, int]"])
    confusions: tuple[str, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    notes: str = ""

    def to_json(self) -> str:
        """The text of ``manifest.json``."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def checked_for(self, task: str, folder: Path) -> ModelManifest:
        """This manifest, if the model is for that task and puts out that task's classes in order.

        Args:
            task: ``roi`` or ``cells``.
            folder: of the model, for messages only.

        Raises:
            ModelError: ``model-task-differs``, ``model-classes-differ``, ``model-shape-differs``.
        """
        path = folder / MANIFEST_FILE
        if self.task != task:
            raise ModelError("model-task-differs", f"{path} is of a model for {self.task}, not for {task}")
        if self.classes != CLASSES_OF_TASK[task]:
            raise ModelError(
                "model-classes-differ",
                f"{path} names other classes than the "
                f"{len(CLASSES_OF_TASK[task])} of this version in their order; use a model made for it",
            )
        if (self.tile_px, self.input_px) != (TILE_PX, INPUT_PX_OF_TASK[task]):
            raise ModelError(
                "model-shape-differs",
                f"{path} names tiles of {self.tile_px} px seen at "
                f"{self.input_px} px, not {TILE_PX} px seen at {INPUT_PX_OF_TASK[task]} px",
            )
        return self


def read_manifest(folder: Path) -> ModelManifest:
    """The manifest of a model folder.

    Raises:
        ModelError: ``manifest-missing``, ``manifest-invalid``.
    """
    path = folder / MANIFEST_FILE
    if not path.is_file():
        raise ModelError("manifest-missing", f"{path} is not there; give the folder of a packaged model")
    text = _read(path, MAX_MANIFEST_BYTES)
    try:
        return _parsed(json.loads(text))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ModelError("manifest-invalid", f"{path} is not a manifest of this version: {error!r}") from error


def verified_bytes(folder: Path, manifest: ModelManifest, name: str) -> bytes:
    """A model file's bytes, hashed and found equal to the manifest.

    Raises:
        ModelError: ``model-file-missing``, ``model-file-too-large``, ``model-hash-differs``.
    """
    path = folder / name
    if name not in manifest.files or not path.is_file():
        raise ModelError("model-file-missing", f"{path} is not there or not named in {MANIFEST_FILE}")
    data = _read(path, MAX_MODEL_BYTES)
    found = hashlib.sha256(data).hexdigest()
    if found != manifest.files[name]:
        raise ModelError(
            "model-hash-differs",
            f"{path} is not the file that {MANIFEST_FILE} names (SHA-256 {found[:12]}..., "
            f"expected {manifest.files[name][:12]}...); it was altered or damaged and is not loaded",
        )
    return data


def _read(path: Path, limit: int) -> bytes:
    if path.stat().st_size > limit:
        raise ModelError("model-file-too-large", f"{path} is larger than {limit} bytes and is not read")
    return path.read_bytes()


def _parsed(content: object) -> ModelManifest:
    named = _object(content)
    expected = {field.name for field in fields(ModelManifest)}
    if not expected - OPTIONAL <= set(named) <= expected:
        raise ValueError(f"fields missing or unknown: {sorted(set(named) ^ expected)}")
    return ModelManifest(
        name=_text(named["name"]),
        version=_text(named["version"]),
        task=_task(named["task"]),
        files={file: _text(digest) for file, digest in _object(named["files"]).items()},
        tile_px=_side(named["tile_px"]),
        input_px=_side(named["input_px"]),
        pixel_scale=_number(named["pixel_scale"]),
        classes=tuple(_text(name) for name in _list(named["classes"])),
        threshold=_share(named["threshold"]),
        suppression_iou=_share(named["suppression_iou"]),
        licence=_text(named["licence"]),
        training_data=_text(named["training_data"]),
        figures={name: _number(value) for name, value in _object(named["figures"]).items()},
        seen={Feature(name): _range(value) for name, value in _object(named.get("seen", {})).items()},
        onnx_file=_onnx_file(named.get("onnx_file", ONNX_FILE)),
        measured_on=_text(named.get("measured_on", "")),
        examples={source: _counts(counts) for source, counts in _object(named.get("examples", {})).items()},
        confusions=tuple(_text(line) for line in _list(named.get("confusions", []))),
        measurements=tuple(_measurement(one) for one in _list(named.get("measurements", []))),
        notes=_text(named.get("notes", "")),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"not a text: {value!r}")
    return value


def _task(value: object) -> str:
    if value not in CLASSES_OF_TASK:
        raise ValueError(f"not a task: {value!r}")
    return str(value)


def _onnx_file(value: object) -> str:
    if value not in {ONNX_FILE, INT8_FILE}:
        raise ValueError(f"not a file that onnxruntime runs: {value!r}")
    return str(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"not a number: {value!r}")
    return float(value)


def _share(value: object) -> float:
    number = _number(value)
    if not 0 <= number <= 1:
        raise ValueError(f"not between 0 and 1: {number}")
    return number


def _range(value: object) -> Range:
    named = _object(value)
    return Range(_number(named["low"]), _number(named["high"]))


def _counts(value: object) -> dict[str, int]:
    return {kind: _whole(count, least=0) for kind, count in _object(value).items()}


def _measurement(value: object) -> Measurement:
    named = _object(value)
    figures = {name: _figure(_object(figure)) for name, figure in _object(named["figures"]).items()}
    return Measurement(_text(named["title"]), _text(named["about"]), figures)


def _figure(named: dict[str, object]) -> Figure:
    low, high = (None if named[bound] is None else _number(named[bound]) for bound in ("low", "high"))
    return Figure(_number(named["value"]), low, high)


def _side(value: object) -> int:
    return _whole(value, least=1)


def _whole(value: object, *, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"not a whole number from {least} on: {value!r}")
    return value


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"not an object: {value!r}")
    return cast("dict[str, object]", value)  # JSON knows no other keys than texts


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"not a list: {value!r}")
    return cast("list[object]", value)
