"""``marrowcount model card``: what was measured since stands in manifest and card; weights are left alone."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from marrowcount.cytology.cell_types import NDC_CLASSES, CellType
from marrowcount.cytology.differential import Interval
from marrowcount.datasets import Example, LabelledBox
from marrowcount.errors import MarrowcountError, ModelError
from marrowcount.evaluation import Resampling
from marrowcount.evaluation.slides import CountedShare, CountedSlide, SlideTruth, evaluate_slides, score_slide
from marrowcount.main.cli import app
from marrowcount.main.model_cards import CardRequest, rewrite_card
from marrowcount.main.models import bundled_models
from marrowcount.result import ModelIdentity, ModelTask
from marrowcount.settings import CountSection
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount.slides.manifest import read_manifest
from marrowcount_adapters.dataset_store import DatasetWriter
from marrowcount_adapters.evaluation_report import About, write_slide_report
from marrowcount_adapters.training.measured_reports import read_measurement
from marrowcount_adapters.training.model_card import card_of

if TYPE_CHECKING:
    from pathlib import Path

ROI, CELLS = bundled_models() / CountSection().roi_model, bundled_models() / CountSection().cell_model


def run_here(*command: object) -> None:
    done = CliRunner().invoke(app, [str(word) for word in command], catch_exceptions=False)
    assert done.exit_code == 0, done.output


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``evaluate roi`` and ``evaluate cells`` report of four grey pictures, two of them fit."""
    folder = tmp_path_factory.mktemp("measured")
    rng = np.random.default_rng(5)
    with DatasetWriter(folder / "grey", "grey") as writer:
        for place in range(4):
            picture = rng.integers(100, 200, (512, 512, 3), dtype=np.uint8)
            box = LabelledBox(PixelBox(100, 100, 150, 150), CellType.BLAST)
            about = Example(str(place), "", SizePx(512, 512), (box,), fit=place < 2, um_per_px=0.25, patient=str(place))
            writer.add(picture, about)
        writer.finish()
    for what in ("roi", "cells"):
        run_here("evaluate", what, folder / "grey", "--split", "all", "--draws", 50, "--out", folder / what)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return shutil.copytree(ROI, tmp_path / ROI.name)


@pytest.mark.parametrize("folder", [ROI, CELLS], ids=["roi", "cells"])
def test_the_shipped_cards_are_those_of_their_manifests(folder: Path) -> None:
    """Nothing in a card was written by hand but the notes, which are in the manifest, too."""
    assert (folder / "MODEL_CARD.md").read_text(encoding="utf-8") == card_of(read_manifest(folder))


def test_a_report_gets_into_the_card(model: Path, reports: Path) -> None:
    """Figures with bounds, what they are of, how many tiles were accepted wrongly; a second call replaces them."""
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    for _ in range(2):
        run_here("model", "card", model, "--measured", f"Grey={reports / 'roi' / 'report.json'}")
    manifest, card = read_manifest(model), (model / "MODEL_CARD.md").read_text(encoding="utf-8")
    (grey,) = [one for one in manifest.measurements if one.title == "Grey"]
    told = json.loads((reports / "roi" / "report.json").read_text(encoding="utf-8"))
    assert grey.figures["recall"].value == told["figures"]["recall"]["value"]
    assert grey.figures["of these truly unfit (false accepts)"].value == told["confusion"]["counts"][0][1]
    assert "### Grey\nOn grey, split all: 4 pictures, 4 patients or slides" in card
    after = {path.name: path.read_bytes() for path in model.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"manifest.json", "MODEL_CARD.md"}
    assert manifest.files == read_manifest(ROI).files


def test_figures_and_measurements_can_be_taken_out(model: Path, reports: Path, tmp_path: Path) -> None:
    """By name and by title; notes are replaced."""
    run_here("model", "card", model, "--measured", f"Grey={reports / 'roi' / 'report.json'}")
    (tmp_path / "notes.md").write_text("Nothing is known.\n", encoding="utf-8")
    run_here("model", "card", model, "--drop", "Grey", "--drop", "accuracy", "--notes", tmp_path / "notes.md")
    manifest = read_manifest(model)
    assert "Grey" not in {one.title for one in manifest.measurements}
    assert "accuracy" not in manifest.figures
    assert manifest.notes == "Nothing is known."
    assert "Nothing is known." in (model / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_notes_that_cannot_be_read_are_told(model: Path, tmp_path: Path) -> None:
    """The card stays as it is."""
    before = (model / "MODEL_CARD.md").read_bytes()
    with pytest.raises(ModelError, match="unreadable-notes"):
        rewrite_card(CardRequest(model, {}, notes_file=tmp_path / "none.md"), Console(quiet=True))
    assert (model / "MODEL_CARD.md").read_bytes() == before


def test_a_report_of_another_model_is_refused(model: Path, reports: Path) -> None:
    """By the hash of the file that ran; manifest and card stay as they were."""
    before = (model / "manifest.json").read_bytes()
    for report, code in (
        (reports / "cells" / "report.json", "report-differs"),
        (model / "manifest.json", "wrong-report"),
    ):
        failed = CliRunner().invoke(app, ["model", "card", str(model), "--measured", f"Grey={report}"])
        assert isinstance(failed.exception, MarrowcountError)
        assert failed.exception.code == code
        assert str(report) in failed.exception.message
    assert (model / "manifest.json").read_bytes() == before


def test_cell_figures_of_a_report(reports: Path) -> None:
    """Means, nucleated cells and cells whose places are known."""
    figures = read_measurement("Grey", reports / "cells" / "report.json", read_manifest(CELLS)).figures
    assert {"mean recall", "nucleated cell of any class: recall", "cells whose places are known: macro F1"} <= set(
        figures
    )
    assert all(math.isfinite(figure.value) for figure in figures.values())


def test_counted_slides_of_a_report(tmp_path: Path) -> None:
    """Coverage of all slides, of those that were sampled, and how many tiles it took to converge, by diagnosis."""
    truth = SlideTruth("aml", dict.fromkeys(NDC_CLASSES, 100 / 12), 500)
    shares = {kind: CountedShare(10, 100 / 12, Interval(5, 12)) for kind in NDC_CLASSES}
    counted = [CountedSlide(shares, 4, tiles, 900, "converged", np.array([0.1])) for tiles in (120, 160, 400)]
    wrong = replace(counted[0], shares={kind: CountedShare(1, 1, Interval(0, 2)) for kind in NDC_CLASSES})
    slides = [score_slide(str(place), truth, one) for place, one in enumerate([*counted, wrong])]
    manifest = read_manifest(CELLS)
    model = ModelIdentity(ModelTask.CELLS, "c", "1", manifest.files[manifest.onnx_file], 0.5, "none")
    about = About((model,), datetime(2026, 11, 30, tzinfo=UTC), {"intervals": "by slide"})
    write_slide_report(evaluate_slides(slides, how=Resampling(20)), about, tmp_path)
    one = read_measurement("Counted", tmp_path / "report.json", manifest)
    assert one.figures["true percentages inside their 95 % interval, all slides (36 of 48)"].value == 0.75
    assert one.figures["the same where less than half of the fit tiles were counted (24 of 36)"].low is not None
    assert one.figures["tiles to convergence, aml (median of 4)"].value == 140
    assert one.about.startswith("On 4 counted slides.")
