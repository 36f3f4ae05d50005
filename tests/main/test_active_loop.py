"""The whole loop once: the shipped model, phantom tiles, label files that an expert edits, training that goes on."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from labelling import rewrite_voc
from marrowcount.active_learning import Action, Asked
from marrowcount.datasets import Example, Faults
from marrowcount.main.active_exporting import run_export
from marrowcount.main.active_importing import ImportRequest, run_import
from marrowcount.main.active_selecting import SelectRequest, run_selection
from marrowcount.main.active_study_rounds import as_an_expert
from marrowcount.main.models import bundled_models
from marrowcount.main.training import run_cell_training
from marrowcount.phantom import PhantomSlide
from marrowcount.settings import CountSection
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount.slides.manifest import read_manifest
from marrowcount_adapters.dataset_files import FileFormat, open_files
from marrowcount_adapters.dataset_store import DatasetWriter, open_dataset
from marrowcount_adapters.labelling_rounds import read_export, read_version
from marrowcount_adapters.training.checkpoints import BEST_FILE
from marrowcount_adapters.training.config import CellTraining, read_training
from marrowcount_adapters.training.phantom_tiles import truth_on

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from marrowcount.evaluation import TrueObject

QUIET = Console(quiet=True)
TILES = 5
WANTED = 3
SIZE = SizePx(512, 512)


def write_pool(folder: Path) -> Mapping[str, Sequence[TrueObject]]:
    """Unlabelled tiles of a phantom slide; the truth of each."""
    slide = PhantomSlide("normal", 77_001, SizePx(4096, 4096))
    truth: dict[str, Sequence[TrueObject]] = {}
    with DatasetWriter(folder, "phantom tiles", "marrowcount's phantom", "AGPL-3.0-or-later") as writer:
        for tile in [place.tile for place in slide.tiles if place.roi][:TILES]:
            name = f"{tile.row}-{tile.column}"
            writer.add(slide.read(tile), Example(name, "", SIZE, um_per_px=0.25, patient="phantom 77001"))
            truth[name] = truth_on(slide, tile)
        writer.finish()
    return truth


def correct(export: Path, truth: Mapping[str, Sequence[TrueObject]]) -> None:
    """What somebody who knows the truth does in LabelImg."""
    examples = {one.name: one for one in open_files(FileFormat.VOC, export).examples(Faults())}
    for one in read_export(export)[0].pictures:
        boxes = [named.box for named in examples[one.file].objects or ()]
        corrected = as_an_expert(boxes, truth[one.picture.name])
        rewrite_voc(export / one.labels, [(box, kind.label) for box, kind in corrected if kind is not None])


@pytest.mark.slow
def test_the_loop_goes_on_to_training(tmp_path: Path) -> None:
    """Tiles chosen by the shipped model, corrected from the truth, are trained on from its weights."""
    truth = write_pool(tmp_path / "pool")
    model = bundled_models() / CountSection().cell_model
    asked = Asked(WANTED, threshold=read_manifest(model).threshold, views=2)
    out = tmp_path / "selection"
    run_selection(SelectRequest(out, (), (tmp_path / "pool",), (), (), model, 0.1, 1, asked), QUIET)
    run_export(out, tmp_path / "export", "voc", QUIET)
    correct(tmp_path / "export", truth)
    wrong = tmp_path / "v1-mistakes"
    run_import(ImportRequest(tmp_path / "export", tmp_path / "v1", "A. Expert", mistakes=wrong), QUIET)

    examples = open_dataset(tmp_path / "v1").dataset.examples
    assert len(examples) == WANTED
    for example in examples:
        labelled = Counter(one.cell_type for one in example.objects or ())
        assert labelled == Counter(one.cell_type for one in truth[example.name])
    version = read_version(tmp_path / "v1")
    assert version is not None
    assert version.objects[Action.CONFIRMED] > sum(version.objects.values()) / 2  # the model knows the phantom

    data = [{"folders": [tmp_path / "v1"]}, *([{"folders": [wrong], "weight": 0.3}] if wrong.exists() else [])]
    flags = {
        "out": tmp_path / "run", "data": data, "start": model, "steps": 2, "batch": 2,
        "device": "cpu", "threads": 1,
    }  # fmt: skip
    run_cell_training(read_training(CellTraining, None, flags), QUIET)
    assert (tmp_path / "run" / BEST_FILE).is_file()


def test_an_expert_leaves_good_boxes_alone() -> None:
    """Boxes that overlap an object by half stay and take its class; others go, and what was missed is drawn."""
    from marrowcount.cytology.cell_types import CellType
    from marrowcount.evaluation import TrueObject

    good, nothing = PixelBox(0, 0, 20, 20), PixelBox(300, 300, 320, 320)
    truth = [TrueObject(CellType.BLAST, PixelBox(2, 0, 22, 20)), TrueObject(CellType.DEBRIS, PixelBox(100, 0, 120, 20))]
    assert as_an_expert([nothing, good], truth) == [
        (good, CellType.BLAST),
        (PixelBox(100, 0, 120, 20), CellType.DEBRIS),
    ]
