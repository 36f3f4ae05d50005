"""The models in this repository are whole, are what their cards say, and have learnt the phantom."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from marrowcount.cytology.cell_types import PAPER_SCORED_CLASSES
from marrowcount.evaluation import JudgedTile, TrueObject, score_cells
from marrowcount.phantom import PhantomSlide
from marrowcount.slides.geometry import SizePx
from marrowcount.slides.manifest import read_manifest, verified_bytes
from marrowcount_adapters.onnx_models import load_cell_model, load_roi_model, verify

MODELS = Path(__file__).parents[3] / "models"
ROI, CELLS = MODELS / "marrow-roi-0.3.0", MODELS / "marrow-cells-0.3.0"
MOST_BYTES = 60_000_000


@pytest.fixture(scope="module")
def slide() -> PhantomSlide:
    """A slide whose seed no training, validation or test store holds."""
    return PhantomSlide("mds", 777_001, SizePx(4096, 4096))


@pytest.mark.parametrize("folder", [ROI, CELLS])
def test_every_file_is_vouched_for(folder: Path) -> None:
    """All files that the manifest names are there with their hashes, and the folder is called after the model."""
    manifest = read_manifest(folder)
    assert set(manifest.files) == {"model.onnx", "model-int8.onnx", "weights.safetensors"}
    assert all(verified_bytes(folder, manifest, name) for name in manifest.files)
    assert folder.name == f"{manifest.name}-{manifest.version}"
    assert verify(folder).sha256 == manifest.files[manifest.onnx_file]


def test_models_are_small_enough_for_the_repository() -> None:
    """Together no more than 60 MB."""
    assert sum(path.stat().st_size for folder in (ROI, CELLS) for path in folder.iterdir()) <= MOST_BYTES


@pytest.mark.parametrize("folder", [ROI, CELLS])
def test_card_says_what_the_model_is_not_for(folder: Path) -> None:
    """In words, and with every figure of the manifest (that it has no others the tests of cards hold)."""
    manifest, card = read_manifest(folder), (folder / "MODEL_CARD.md").read_text()
    assert "For research use only" in card
    assert "never tested" in card
    cells = set(re.findall(r"\| (-?[\d.]+(?:e[-+]\d+)?) (?=\|)", card))
    assert len(cells) > 5
    whole = (value for name, value in manifest.figures.items() if "/" not in name)
    assert {f"{value:g}" for value in whole} <= cells


def test_figures_pass_their_bars() -> None:
    """On whole slides of the phantom: mAP@0.5 over the paper's 16 classes, each class, miss rate; regions.

    The paper, on real marrow: mAP 0.75, miss rate 0.31; regions AUC 0.99, precision 0.90 at recall 0.78.
    """
    cells, regions = read_manifest(CELLS).figures, read_manifest(ROI).figures
    assert cells["scored_classes"] == 16
    assert cells["mean_average_precision"] >= 0.90
    assert min(cells[f"{one.label}/average_precision"] for one in PAPER_SCORED_CLASSES) >= 0.75
    assert cells["mean_log_average_miss_rate"] <= 0.20
    assert regions["roc_auc"] >= 0.99
    assert regions["precision"] >= 0.95
    assert regions["recall"] >= 0.90


def test_cell_model_has_learnt_the_phantom(slide: PhantomSlide) -> None:
    """On fit tiles of an unseen slide nine of ten objects are found, and nine of ten findings are right."""
    model, size = load_cell_model(CELLS, threads=1), SizePx(512, 512)
    judged = [
        JudgedTile(
            tuple(
                TrueObject(o.cell_type, o.box.moved(-place.tile.left, -place.tile.top).clipped(size))
                for o in slide.objects_in(place.tile)
            ),
            tuple(model.detect(slide.read(place.tile))),
        )
        for place in slide.tiles
        if place.roi
    ]
    scores = score_cells(judged, model.identity.threshold).by_class.values()
    right = sum(score.recall * score.true_objects for score in scores if score.true_objects)
    assert right >= 0.9 * sum(score.true_objects for score in scores)
    assert right >= 0.9 * sum(score.found_objects for score in scores)


def test_roi_model_parts_fit_from_unfit(slide: PhantomSlide) -> None:
    """Of an unseen slide's tiles, fit ones are on average far more probable than unfit ones."""
    model = load_roi_model(ROI, threads=1)
    places = {roi: [place.tile for place in slide.tiles if place.roi is roi][:8] for roi in (True, False)}
    mean = {roi: np.mean(model.probabilities([slide.read(tile) for tile in tiles])) for roi, tiles in places.items()}
    assert mean[True] > mean[False] + 0.3


def test_other_pictures_are_no_marrow() -> None:
    """Black, grey and empty ground and noise are refused."""
    model = load_roi_model(ROI, threads=1)
    noise = np.random.default_rng(5).integers(0, 255, (512, 512, 3), dtype=np.uint8)
    pictures = [np.full((512, 512, 3), level, np.uint8) for level in (0, 128, 245, 255)]
    assert max(model.probabilities([*pictures, noise])) < model.identity.threshold


def test_threads_do_not_change_the_result(slide: PhantomSlide) -> None:
    """One and two threads give the same boxes and probabilities, bit for bit."""
    picture = slide.read(next(place.tile for place in slide.tiles if place.roi))
    one, two = (load_cell_model(CELLS, threads=n).detect(picture) for n in (1, 2))
    assert one == two
    first, second = (load_roi_model(ROI, threads=n).probabilities([picture]) for n in (1, 2))
    assert first == second
