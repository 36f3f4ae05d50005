"""A trained model as a folder: files, manifest with their hashes and the measured figures, model card."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from marrowcount.slides.manifest import (
    CLASSES_OF_TASK,
    INPUT_PX_OF_TASK,
    MANIFEST_FILE,
    ONNX_FILE,
    WEIGHTS_FILE,
    ModelManifest,
    read_manifest,
)
from marrowcount.slides.tiles import TILE_PX
from marrowcount_adapters.training.model_card import card_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["CARD_FILE", "describe", "package"]

CARD_FILE: Final = "MODEL_CARD.md"
LICENCE: Final = "AGPL-3.0-or-later"
NAMES: Final = {"roi": "marrow-roi", "cells": "marrow-cells"}
SUPPRESSION_IOU: Final = {"roi": 1.0, "cells": 0.5}
TRAINING_DATA: Final = (
    "Trained only on marrowcount's digital phantom (drawn smears of known truth), from random weights; "
    "never trained or tested on real marrow."
)


def package(folder: Path, task: str, version: str, onnx: bytes, weights: bytes) -> ModelManifest:
    """Write a model's files and a manifest without figures, its threshold a provisional 0.5."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {ONNX_FILE: onnx, WEIGHTS_FILE: weights}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    manifest = ModelManifest(
        name=NAMES[task],
        version=version,
        task=task,
        files={name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        tile_px=TILE_PX,
        input_px=INPUT_PX_OF_TASK[task],
        pixel_scale=1 / 255,
        classes=CLASSES_OF_TASK[task],
        threshold=0.5,
        suppression_iou=SUPPRESSION_IOU[task],
        licence=LICENCE,
        training_data=TRAINING_DATA,
        figures={},
    )
    (folder / MANIFEST_FILE).write_text(manifest.to_json(), encoding="utf-8")
    return manifest


def describe(folder: Path, threshold: float, figures: Mapping[str, float], confusions: tuple[str, ...] = ()) -> None:
    """Put the threshold and the measured figures into the manifest, and write the model card from it.

    Args:
        folder: a packaged model.
        threshold: chosen on validation slides.
        figures: measured on slides that neither training nor validation saw.
        confusions: the commonest, in words, for the card.
    """
    manifest = replace(read_manifest(folder), threshold=round(threshold, 4), figures=dict(figures))
    (folder / MANIFEST_FILE).write_text(manifest.to_json(), encoding="utf-8")
    (folder / CARD_FILE).write_text(card_of(manifest, confusions), encoding="utf-8")
