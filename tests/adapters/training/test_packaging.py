"""A packaged model says truly what it is made of and how it was measured; nothing half-made is left."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from marrowcount.cytology.cell_types import CellType
from marrowcount.errors import ModelError
from marrowcount.ports import CellModel, RoiModel
from marrowcount.result import ModelIdentity, ModelTask
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox
from marrowcount.slides.manifest import read_manifest, verified_bytes
from marrowcount.slides.measurements import Figure, Measurement
from marrowcount_adapters.training.exporting import halved_parameters
from marrowcount_adapters.training.judging import evenly, judge_cells, judge_regions, precision_at_recall
from marrowcount_adapters.training.measuring import (
    fit_probabilities,
    milliseconds_a_tile,
    region_figures,
)
from marrowcount_adapters.training.model_card import commonest_confusions
from marrowcount_adapters.training.packaging import StagedModel, task_of
from marrowcount_adapters.training.phantom_tiles import write_stores
from marrowcount_adapters.training.runtimes import cells_disagreement, regions_disagreement
from marrowcount_adapters.training.tiles import CellTiles, RegionTiles
from marrowcount_adapters.training.yardsticks import CellYardstick, RegionYardstick, measured

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Oracle(CellModel):
    """Finds exactly the truth, tile after tile and from the first again."""

    def __init__(self, tiles: CellTiles) -> None:
        self.truths = [tiles.truth(i) for i in range(len(tiles))]
        self.asked = 0

    @property
    def identity(self) -> ModelIdentity:
        return ModelIdentity(ModelTask.CELLS, "oracle", "1", "0" * 64, 0.5, "the truth")

    def detect(self, picture: np.ndarray) -> Sequence[Detection]:
        assert picture.shape == (512, 512, 3)
        self.asked += 1
        return [Detection(o.cell_type, o.box, 0.9) for o in self.truths[(self.asked - 1) % len(self.truths)]]


class Brightness(RoiModel):
    """Light tiles are fit."""

    @property
    def identity(self) -> ModelIdentity:
        return ModelIdentity(ModelTask.ROI, "brightness", "1", "0" * 64, 0.5, "none")

    def probabilities(self, pictures: Sequence[np.ndarray]) -> Sequence[float]:
        assert all(picture.shape == (512, 512, 3) for picture in pictures)
        return [float(picture.mean() / 255) for picture in pictures]


class Finds(CellModel):
    """The same objects on every tile."""

    def __init__(self, *found: Detection) -> None:
        self.found = found

    @property
    def identity(self) -> ModelIdentity:
        return ModelIdentity(ModelTask.CELLS, "finds", "1", "0" * 64, 0.01, "none")

    def detect(self, picture: np.ndarray) -> Sequence[Detection]:
        del picture
        return self.found


def staged(folder: Path, task: str = "cells") -> StagedModel:
    return StagedModel(folder, task, "marrow-x", "0.2.0", "Trained on the phantom; never tested on marrow of patients.")


def test_manifest_vouches_for_the_written_files(tmp_path: Path) -> None:
    """The hashes are those of the files, the classes those of the task; the folder stands only when it is finished."""
    folder = tmp_path / "marrow-x-0.2.0"
    with staged(folder) as model:
        model.add("model.onnx", b"onnx")
        model.add("model-int8.onnx", b"int8")
        model.add("weights.safetensors", b"weights")
        model.drop("model-int8.onnx")
        assert not folder.exists()
        model.describe(measured_on="drawn tiles", figures={"tiles": 3.0})
        written = model.finish()
    read = read_manifest(folder).checked_for("cells", folder)
    assert read == written
    assert verified_bytes(folder, read, "model.onnx") == b"onnx"
    assert read.files["weights.safetensors"] == hashlib.sha256(b"weights").hexdigest()
    assert {path.name for path in folder.iterdir()} == {
        "model.onnx", "weights.safetensors", "manifest.json", "MODEL_CARD.md",
    }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["marrow-x-0.2.0"]


def make_a_damaged_one(folder: Path) -> None:
    with staged(folder) as model:
        model.add("model.onnx", b"new")
        (model.folder / "model.onnx").write_bytes(b"damaged")
        model.finish()


def test_a_failure_leaves_the_old_model(tmp_path: Path) -> None:
    """What breaks while a model is made changes nothing, and leaves nothing behind."""
    folder = tmp_path / "marrow-x-0.2.0"
    with staged(folder) as model:
        model.add("model.onnx", b"old")
        model.finish()
    with pytest.raises(ModelError, match="model-hash-differs"):
        make_a_damaged_one(folder)
    assert (folder / "model.onnx").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["marrow-x-0.2.0"]


def test_a_new_model_takes_the_place_of_the_old(tmp_path: Path) -> None:
    """The whole folder is replaced: no file of the old one stays."""
    folder = tmp_path / "marrow-x-0.2.0"
    for name in ("model.onnx", "weights.safetensors"):
        with staged(folder) as model:
            model.add(name, name.encode())
            model.finish()
    assert read_manifest(folder).files.keys() == {"weights.safetensors"}
    assert not (folder / "model.onnx").exists()


def test_measured_figures_stand_in_manifest_and_card(tmp_path: Path, cell_tiles: CellTiles) -> None:
    """The card repeats the manifest, says what was measured on, what 8 bit integers cost, and somebody's notes."""
    yardstick = CellYardstick()
    judged = yardstick.judged(Oracle(cell_tiles), cell_tiles)
    figures = yardstick.figures(judged, 0.5) | {"int8_loss": 0.0123}
    with staged(tmp_path / "m") as model:
        model.add("model.onnx", b"onnx")
        model.describe(
            threshold=0.44,
            figures=figures,
            measured_on="12 drawn tiles",
            notes="Round cells transferred.",
            confusions=("blast found as lymphocyte: 9.0 % of 100",),
            examples={"phantom": {"blast": 77}},
            measurements=(Measurement("Real cells", "On 9 pictures.", {"recall": Figure(0.5, 0.4, 0.61)}),),
        )
        model.finish()
    manifest, card = read_manifest(tmp_path / "m"), (tmp_path / "m" / "MODEL_CARD.md").read_text()
    assert manifest.figures["mean_average_precision"] == 1.0
    assert manifest.figures["cohen_kappa"] == 1.0
    for words in (
        "research use only", "never tested", "phantom", "0.44", "blast found as lymphocyte: 9.0 %", "AGPL",
        "Measured on 12 drawn tiles", "0.0123 of the mean average precision is lost", "is not packaged",
        "Round cells transferred.", "| blast | 77 |", "### Real cells\nOn 9 pictures.",
        "| recall | 0.5 | 0.4 to 0.61 |", "| LAMR | mean IoU |",
    ):  # fmt: skip
        assert words in card
    assert all(f"| {kind.label} |" in card for kind in CellType)


def test_roi_figures_and_card(tmp_path: Path, region_tiles: RegionTiles) -> None:
    """A model that parts light from dark is perfect on a store of light and dark tiles."""
    yardstick = RegionYardstick(0.9)
    figures = measured(yardstick, Brightness(), region_tiles, region_tiles)
    assert figures["precision"] == figures["recall"] == figures["roc_auc"] == 1
    assert (figures["fit_tiles"], figures["precision_wanted_on_validation"]) == (5, 0.9)
    assert figures["threshold"] >= 0.5
    with staged(tmp_path / "m", "roi") as model:
        model.add("model.onnx", b"onnx")
        model.describe(figures=figures)
        model.finish()
    assert "DenseNet121" in (tmp_path / "m" / "MODEL_CARD.md").read_text()


def test_cells_are_measured_at_the_threshold_of_validation(cell_tiles: CellTiles) -> None:
    """An oracle is right at any threshold up to its probability; what it finds tells what training saw."""
    figures = measured(CellYardstick(), Oracle(cell_tiles), cell_tiles, cell_tiles)
    assert figures["mean_f1"] == 1
    assert figures["threshold"] <= 0.9
    seen = CellYardstick().seen(Oracle(cell_tiles), cell_tiles, 0.5)
    assert {feature.name for feature in seen} >= {"LIGHT", "FOCUS", "CELLS"}


def test_the_task_is_told_from_the_parameters(tmp_path: Path) -> None:
    """Ours and no other: a network with other classes than the task's is refused, with the file's name."""
    roi = {"features.conv0.weight": torch.zeros(1), "classifier.weight": torch.zeros(2, 4)}
    cells = {"model.0.conv.weight": torch.zeros(1), "model.23.cv3.0.2.weight": torch.zeros(19, 4, 1, 1)}
    assert (task_of(roi, tmp_path), task_of(cells, tmp_path)) == ("roi", "cells")
    for foreign in (
        {}, {"fc.weight": torch.zeros(2)}, roi | {"classifier.weight": torch.zeros(1000, 4)},
        cells | {"model.23.cv3.0.2.weight": torch.zeros(80, 4, 1, 1)},
    ):  # fmt: skip
        with pytest.raises(ModelError) as caught:
            task_of(foreign, tmp_path / "theirs.pt")
        assert caught.value.code == "weights-differ"
        assert str(tmp_path / "theirs.pt") in caught.value.message


def test_parameters_beyond_half_precision_are_refused() -> None:
    """A training that diverged is not packaged."""
    with pytest.raises(ModelError, match="big") as caught:
        halved_parameters({"big": torch.tensor([1e6])})
    assert caught.value.code == "weights-overflow"


def blast(probability: float, left: float = 100.0) -> Detection:
    return Detection(CellType.BLAST, PixelBox(left, 100, left + 50, 150), probability)


@pytest.mark.parametrize(
    ("other", "tolerable", "missed"),
    [
        ((blast(0.9),), True, 0),
        ((blast(0.8995),), True, 0),
        ((blast(0.89),), False, 0),
        ((blast(0.9, 101.0),), False, 0),
        ((), False, 1),
        ((Detection(CellType.LYMPHOCYTE, blast(0.9).box, 0.9),), False, 2),
        ((blast(0.9), blast(0.03, 300.0)), True, 0),
    ],
)
def test_runtimes_are_compared_object_by_object(other: tuple[Detection, ...], tolerable: bool, missed: int) -> None:  # noqa: FBT001
    """Within rounding they agree; another probability, place or class, or an object of one alone, is a disagreement."""
    apart = cells_disagreement(Finds(blast(0.9)), Finds(*other), [np.zeros((512, 512, 3), np.uint8)])
    assert (apart.tolerable, apart.missed) == (tolerable, missed)


def test_runtimes_are_compared_tile_by_tile() -> None:
    """The largest difference of the probabilities of being fit."""
    pictures = [np.full((512, 512, 3), level, np.uint8) for level in (0, 255)]
    assert regions_disagreement(Brightness(), Brightness(), pictures).tolerable

    class Darker(Brightness):
        def probabilities(self, pictures: Sequence[np.ndarray]) -> Sequence[float]:
            return [0.99 * p for p in super().probabilities(pictures)]

    apart = regions_disagreement(Brightness(), Darker(), pictures)
    assert apart.probability == pytest.approx(0.01)
    assert not apart.tolerable


def test_validation_of_cells_scores_what_is_known(cell_tiles: CellTiles) -> None:
    """Tiles with classes score by mean average precision; with cells that nobody named, their average precision too."""
    known = judge_cells(Oracle(cell_tiles), cell_tiles)
    assert known.score == known.figures["mean_average_precision"] == 1
    unnamed = CellTiles(cell_tiles.pictures, cell_tiles.objects.copy(), cell_tiles.origins)
    unnamed.objects[:, 1] = -1
    half = judge_cells(Oracle(cell_tiles), unnamed)
    assert "nucleated_average_precision" in half.figures
    assert half.score == pytest.approx(half.figures["nucleated_average_precision"], abs=1e-4)


def test_validation_of_regions_scores_precision_at_a_recall(region_tiles: RegionTiles) -> None:
    """The paper keeps the model of best precision; a floor on recall keeps that from being one lucky tile."""
    assert judge_regions(Brightness(), region_tiles, 0.78).score == 1
    fit = np.array([True, False, True, True, False, True])
    probabilities = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    assert precision_at_recall(fit, probabilities, 0.2) == (1.0, 0.9)
    assert precision_at_recall(fit, probabilities, 0.5) == (0.75, 0.6)
    assert precision_at_recall(fit, probabilities, 1.0) == (pytest.approx(4 / 6), 0.4)
    assert precision_at_recall(np.zeros(6, np.bool_), probabilities, 0.5) == (0.0, 1.0)


def test_equal_probabilities_are_one_threshold() -> None:
    """Tiles that the model cannot tell apart are accepted together."""
    assert precision_at_recall(np.array([True, False]), np.array([0.5, 0.5]), 0.5) == (0.5, 0.5)


def test_tiles_are_picked_evenly() -> None:
    """First and last among them; all where there are fewer; none of none."""
    assert evenly(100, 3).tolist() == [0, 50, 99]
    assert evenly(2, 5).tolist() == [0, 1]
    assert evenly(0, 5).tolist() == []


def test_figures_that_do_not_exist_are_left_out() -> None:
    """JSON knows no NaN: without fit tiles there is no recall."""
    figures = region_figures(np.array([False]), np.array([0.1]), 0.5)
    assert "recall" not in figures
    assert figures["specificity"] == 1


def test_halved_tiles_reach_the_model_as_they_are(region_tiles: RegionTiles) -> None:
    """Enlarged by repetition: the model's own area mean undoes it."""
    probabilities = fit_probabilities(Brightness(), region_tiles)
    assert probabilities[1] == pytest.approx(40 / 255)


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
    folder = tmp_path / "drawn"
    write_stores(folder, [("cml", 77)], 1, size_px=2560, unfit_tiles=10)
    cells, regions = CellTiles.open(folder / "cells"), RegionTiles.open(folder / "regions")
    assert len(cells) == regions.fit.sum()
    assert len(regions) == len(cells) + 10
    assert all(len(cells.on(tile)) for tile in range(len(cells)))
    edges = cells.objects[:, 2:]
    assert edges.min() >= 0
    assert edges.max() <= 512
