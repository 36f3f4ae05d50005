"""A packaged model says truly what it is made of and how it was measured."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount.ports import CellModel, RoiModel
from marrowcount.result import ModelIdentity, ModelTask
from marrowcount.slides.detections import Detection
from marrowcount.slides.manifest import read_manifest, verified_bytes
from marrowcount_adapters.training.measuring import (
    cell_figures,
    fit_probabilities,
    judged_tiles,
    milliseconds_a_tile,
    region_figures,
)
from marrowcount_adapters.training.model_card import commonest_confusions
from marrowcount_adapters.training.packaging import describe, package
from marrowcount_adapters.training.phantom_tiles import write_stores
from marrowcount_adapters.training.tiles import CellTiles, RegionTiles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Oracle(CellModel):
    """Finds exactly the truth, tile after tile."""

    def __init__(self, tiles: CellTiles) -> None:
        self.truths = iter([tiles.truth(i) for i in range(len(tiles))])

    @property
    def identity(self) -> ModelIdentity:
        return ModelIdentity(ModelTask.CELLS, "oracle", "1", "0" * 64, 0.5, "the truth")

    def detect(self, picture: np.ndarray) -> Sequence[Detection]:
        assert picture.shape == (512, 512, 3)
        return [Detection(o.cell_type, o.box, 0.9) for o in next(self.truths)]


class Brightness(RoiModel):
    """Light tiles are fit."""

    @property
    def identity(self) -> ModelIdentity:
        return ModelIdentity(ModelTask.ROI, "brightness", "1", "0" * 64, 0.5, "none")

    def probabilities(self, pictures: Sequence[np.ndarray]) -> Sequence[float]:
        assert all(picture.shape == (512, 512, 3) for picture in pictures)
        return [float(picture.mean() / 255) for picture in pictures]


def test_manifest_vouches_for_the_written_files(tmp_path: Path) -> None:
    """The hashes are those of the files, and the classes those of the task."""
    written = package(tmp_path / "m", "cells", "0.1.0", b"onnx", b"weights")
    read = read_manifest(tmp_path / "m").checked_for("cells")
    assert read == written
    assert verified_bytes(tmp_path / "m", read, "model.onnx") == b"onnx"
    assert read.files["weights.safetensors"] == hashlib.sha256(b"weights").hexdigest()


def test_measured_figures_stand_in_manifest_and_card(tmp_path: Path, cell_tiles: CellTiles) -> None:
    """The card repeats the manifest, says what was measured on, and that it is for research only."""
    folder = tmp_path / "m"
    package(folder, "cells", "0.1.0", b"onnx", b"weights")
    judged = judged_tiles(Oracle(cell_tiles), cell_tiles)
    figures = cell_figures(judged, 0.5)
    describe(folder, 0.44, figures, ("blast found as lymphocyte: 9.0 % of 100",))
    manifest, card = read_manifest(folder), (folder / "MODEL_CARD.md").read_text()
    assert manifest.threshold == 0.44
    assert manifest.figures["mean_average_precision"] == 1.0
    assert manifest.figures["cohen_kappa"] == 1.0
    assert manifest.files["model.onnx"] == hashlib.sha256(b"onnx").hexdigest()
    for words in ("research use only", "never tested", "phantom", "0.44", "blast found as lymphocyte: 9.0 %", "AGPL"):
        assert words in card
    assert all(f"| {kind.label} |" in card for kind in CellType)


def test_roi_figures_and_card(tmp_path: Path, region_tiles: RegionTiles) -> None:
    """A model that parts light from dark is perfect on a store of light and dark tiles."""
    probabilities = fit_probabilities(Brightness(), region_tiles)
    figures = region_figures(region_tiles.fit, probabilities, 0.5)
    assert figures["precision"] == figures["recall"] == figures["roc_auc"] == 1
    assert figures["fit_tiles"] == 5
    package(tmp_path / "m", "roi", "0.1.0", b"onnx", b"weights")
    describe(tmp_path / "m", 0.9, figures)
    assert "DenseNet121" in (tmp_path / "m" / "MODEL_CARD.md").read_text()


def test_figures_that_do_not_exist_are_left_out() -> None:
    """JSON knows no NaN: without fit tiles there is no recall."""
    figures = region_figures(np.array([False]), np.array([0.1]), 0.5)
    assert "recall" not in figures
    assert figures["specificity"] == 1


def test_confusions_are_named_with_their_share() -> None:
    """Largest share first; the diagonal and tiny classes are no confusions."""
    matrix = np.zeros((20, 20), np.int64)
    matrix[CellType.BLAST, CellType.BLAST], matrix[CellType.BLAST, CellType.LYMPHOCYTE] = 90, 10
    matrix[CellType.PLATELET, 19], matrix[CellType.PLATELET, CellType.PLATELET] = 5, 5
    matrix[CellType.MAST_CELL, CellType.BLAST] = 2
    assert commonest_confusions(matrix) == (
        "platelet found not at all: 50.0 % of 10",
        "blast found as lymphocyte: 10.0 % of 100",
    )


def test_time_is_the_median_of_the_asked_tiles() -> None:
    """A warm-up and then as many tiles as asked for."""
    asked: list[int] = []
    assert milliseconds_a_tile(asked.append, repeats=5) >= 0
    assert asked == [0, 0, 1, 2, 3, 4]


@pytest.mark.slow
def test_phantom_stores_hold_the_phantoms_truth(tmp_path: Path) -> None:
    """Fit tiles with their objects, unfit tiles and pictures of other things without."""
    write_stores(tmp_path, [("cml", 77)], size_px=2560, unfit_tiles=10)
    cells, regions = CellTiles.open(tmp_path / "cells"), RegionTiles.open(tmp_path / "regions")
    assert len(cells) == regions.fit.sum()
    assert len(regions) == len(cells) + 10
    assert all(len(cells.on(tile)) for tile in range(len(cells)))
    edges = cells.objects[:, 2:]
    assert edges.min() >= 0
    assert edges.max() <= 512
