"""A trained model as a folder: files, manifest with their hashes and the measured figures, model card."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from marrowcount.errors import ModelError
from marrowcount.slides.manifest import (
    CARD_FILE,
    CLASSES_OF_TASK,
    INPUT_PX_OF_TASK,
    MANIFEST_FILE,
    ModelManifest,
    read_manifest,
    verified_bytes,
)
from marrowcount.slides.tiles import TILE_PX
from marrowcount_adapters.training.model_card import card_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from torch import Tensor

__all__ = ["LICENCE", "NAMES", "StagedModel", "task_of"]

LICENCE: Final = "AGPL-3.0-or-later"
NAMES: Final = {"roi": "marrow-roi", "cells": "marrow-cells"}
SUPPRESSION_IOU: Final = {"roi": 1.0, "cells": 0.5}


def task_of(weights: Mapping[str, Tensor], source: Path) -> str:
    """``roi`` or ``cells``, from the names and shapes of the parameters.

    Args:
        weights: the parameters.
        source: where they were read from, for messages only.

    Raises:
        ModelError: ``weights-differ``: of no network of this version, or with other classes than its own.
    """
    if "features.conv0.weight" in weights and "classifier.weight" in weights:
        return _with_classes("roi", len(weights["classifier.weight"]), source)
    heads = [value for name, value in weights.items() if name.startswith("model.23.cv3.0.2.")]
    if "model.0.conv.weight" in weights and heads:
        return _with_classes("cells", len(heads[0]), source)
    raise ModelError(
        "weights-differ", f"the parameters of {source} are neither DenseNet121's nor YOLO11's as this version has them"
    )


def _with_classes(task: str, classes: int, source: Path) -> str:
    if classes != len(CLASSES_OF_TASK[task]):
        wanted = len(CLASSES_OF_TASK[task])
        raise ModelError(
            "weights-differ", f"the parameters of {source} put out {classes} classes; the task {task} has {wanted}"
        )
    return task


class StagedModel:
    """A model folder in the making, beside the place where it will be; a context that leaves nothing when it fails.

    Args:
        folder: where the model will be, ``<name>-<version>``; a model that is there is replaced when this one is done.
        task: ``roi`` or ``cells``.
        name: of the model.
        version: of the model.
        training_data: one sentence for people.
    """

    def __init__(self, folder: Path, task: str, name: str, version: str, training_data: str) -> None:
        self.folder = folder.with_name(f".{folder.name}.partial")
        self._final = folder
        self.manifest = ModelManifest(
            name=name,
            version=version,
            task=task,
            files={},
            tile_px=TILE_PX,
            input_px=INPUT_PX_OF_TASK[task],
            pixel_scale=1 / 255,
            classes=CLASSES_OF_TASK[task],
            threshold=0.5,
            suppression_iou=SUPPRESSION_IOU[task],
            licence=LICENCE,
            training_data=training_data,
            figures={},
        )

    def __enter__(self) -> Self:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def add(self, name: str, data: bytes) -> None:
        """Put a file in, and into the manifest."""
        (self.folder / name).write_bytes(data)
        self.describe(files={**self.manifest.files, name: hashlib.sha256(data).hexdigest()})

    def drop(self, name: str) -> None:
        """Take a file out again."""
        (self.folder / name).unlink()
        self.describe(files={file: digest for file, digest in self.manifest.files.items() if file != name})

    def describe(self, **fields: object) -> None:
        """Change fields of the manifest."""
        self.manifest = replace(self.manifest, **fields)  # type: ignore[arg-type] # named by callers, checked on reading
        (self.folder / MANIFEST_FILE).write_text(self.manifest.to_json(), encoding="utf-8")

    def finish(self) -> ModelManifest:
        """Write the card, check every file, and put the folder in its place."""
        (self.folder / CARD_FILE).write_text(card_of(self.manifest), encoding="utf-8")
        manifest = read_manifest(self.folder).checked_for(self.manifest.task, self._final)
        for name in manifest.files:
            verified_bytes(self.folder, manifest, name)
        _take_the_place(self.folder, self._final)
        return manifest


def _take_the_place(made: Path, final: Path) -> None:
    """Folders cannot be replaced in one step: the old one is kept under another name until the new one stands."""
    before = final.with_name(f".{final.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    if final.exists():
        final.rename(before)
    made.rename(final)
    shutil.rmtree(before, ignore_errors=True)
