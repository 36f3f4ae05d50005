"""Reports tell people and programs the same figures, what they are of, and what they are not of."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from judged_tiles import random_tiles
from marrowcount.cytology.cell_types import NDC_CLASSES, CellType
from marrowcount.cytology.differential import Interval
from marrowcount.errors import StorageError
from marrowcount.evaluation import (
    CellMeasuring,
    CountedShare,
    CountedSlide,
    JudgedTile,
    RegionMeasuring,
    Resampling,
    SlideTruth,
    TrueObject,
    evaluate_cells,
    evaluate_regions,
    evaluate_slides,
    score_slide,
)
from marrowcount.evaluation.agreement import NOTHING
from marrowcount.result import RESEARCH_USE_ONLY, ModelIdentity, ModelTask
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox
from marrowcount_adapters.evaluation_report import (
    About,
    DataNote,
    write_cell_report,
    write_region_report,
    write_slide_report,
)
from marrowcount_adapters.evaluation_report.confusion_chart import draw_confusion
from marrowcount_adapters.evaluation_report.gallery import said_of
from marrowcount_adapters.evaluation_report.numbers import words, words_of

if TYPE_CHECKING:
    from pathlib import Path

    from marrowcount.evaluation.slides import SlideScores

MODEL = ModelIdentity(ModelTask.CELLS, "marrow-cells", "9.9", "ab" * 32, 0.3, "A hundred slides of one laboratory.")
ABOUT = About((MODEL,), datetime(2026, 10, 1, 9, 0, tzinfo=UTC), {"threshold": "0.3"})
DATA = DataNote("made up", "this test", "CC0", "cd" * 32, "test", 40, 3, 2, 5, 4, 6, 7, 8)
FEW = Resampling(20)


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cells")
    write_cell_report(evaluate_cells(random_tiles(1), CellMeasuring(0.3, resampling=FEW)), ABOUT, DATA, folder)
    return folder


@pytest.fixture(scope="module")
def regions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("regions")
    rng = np.random.default_rng(1)
    fit = rng.random(80) < 0.3
    said = np.clip(rng.normal(0.3 + 0.4 * fit, 0.2), 0, 1)
    measured = evaluate_regions(fit, said, [""] * 80, RegionMeasuring(0.5, resampling=FEW))
    write_region_report(measured, ABOUT, DATA, folder)
    return folder


def slide(name: str, error: float = 0.0, reason: str = "converged") -> SlideScores:
    truth = SlideTruth("aml", dict.fromkeys(NDC_CLASSES, 100 / 12), 400)
    shares = {kind: CountedShare(50, 100 / 12, Interval(7.0, 10.0)) for kind in NDC_CLASSES}
    shares[CellType.BLAST] = CountedShare(60, 100 / 12 + error, Interval(7.0 + error, 10.0 + error))
    distances = np.array([math.inf, 0.1, 0.01, 0.0])
    return score_slide(name, truth, CountedSlide(shares, 8.5, 120, 500, reason, distances))


@pytest.fixture(scope="module")
def slides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slides")
    scored = [slide("first"), slide("second", 6.0, "cap")]
    write_slide_report(evaluate_slides(scored, [("third", "no-cells")], FEW), ABOUT, folder)
    return folder


@pytest.mark.parametrize("kind", ["cells", "regions", "slides"])
def test_the_head_says_what_was_measured(kind: str, request: pytest.FixtureRequest) -> None:
    """Model with version, hash and training data; date, threshold; research use; what was not tested."""
    folder = request.getfixturevalue(kind)
    text, content = (folder / "report.md").read_text(), json.loads((folder / "report.json").read_text())
    for said in (MODEL.name, MODEL.version, MODEL.sha256, MODEL.training_data, "2026-10-01", RESEARCH_USE_ONLY):
        assert said in text
    assert "## What was not tested" in text
    assert content["models"][0]["sha256"] == MODEL.sha256
    assert content["made_at"] == "2026-10-01T09:00:00+00:00"
    assert all(limit in text for limit in content["not_tested"])
    assert len(content["not_tested"]) >= 3


@pytest.mark.parametrize("kind", ["cells", "regions"])
def test_the_data_set_is_named(kind: str, request: pytest.FixtureRequest) -> None:
    """Name, source, licence, digest and split."""
    folder = request.getfixturevalue(kind)
    text, content = (folder / "report.md").read_text(), json.loads((folder / "report.json").read_text())
    for said in (DATA.name, DATA.source, DATA.licence, DATA.digest, "split test"):
        assert said in text
    assert (content["data"]["digest"], content["data"]["licence"]) == (DATA.digest, "CC0")


@pytest.mark.parametrize("kind", ["cells", "regions", "slides"])
def test_every_picture_stands_in_the_text_and_is_sound(kind: str, request: pytest.FixtureRequest) -> None:
    """No picture is missing, none is left over, none is blank, and nothing half-written stays behind."""
    folder = request.getfixturevalue(kind)
    text = (folder / "report.md").read_text()
    names = {path.name for path in folder.iterdir()}
    pictures = {name for name in names if name.endswith(".png")}
    assert names - pictures == {"report.md", "report.json"}
    assert len(pictures) >= 2
    for name in pictures:
        assert f"]({name})" in text
        with Image.open(folder / name) as picture:
            assert picture.format == "PNG"
            assert len(set(np.asarray(picture.convert("L")).ravel().tolist())) > 20


def test_cells_text_and_json_tell_the_same(cells: Path) -> None:
    """Every class's AP with its bounds stands in the table as in the JSON."""
    text, content = (cells / "report.md").read_text(), json.loads((cells / "report.json").read_text())
    for label in ("blast", "lymphocyte", "erythroblast", "platelet"):
        figure = content["classes"][label]["average_precision"]
        (row,) = [line for line in text.splitlines() if line.startswith(f"| {label} |")]
        assert f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})" in row
        assert f"| {content['classes'][label]['true_objects']} |" in row
    assert "mean, 4 of the paper's 16 classes" in text
    assert content["classes"]["mast cell"]["recall"] == {"value": None, "low": None, "high": None}
    assert content["confusion"]["names"][NOTHING] == "nothing"
    assert set(content["curves"]) == {"blast", "lymphocyte", "erythroblast", "platelet", "nucleated"}
    assert sum(one["cases"] for one in content["calibration"]["bins"]) > 0


def test_cells_say_what_the_data_cannot_show(cells: Path) -> None:
    """Absent classes, undrawn kinds, unstated classes, unknown scale, unknown patients, few units."""
    limits = " ".join(json.loads((cells / "report.json").read_text())["not_tested"])
    for said in ("mast cell", "on 4 of 40 pictures", "6 nucleated cells", "8 pictures", "patient", "8 units"):
        assert said in limits


def test_pictures_are_shown_one_by_one(tmp_path: Path) -> None:
    """The gallery has a panel for each picture, in rows of six, and stands in the text; it may be left out."""
    tiles = random_tiles(1)[:7]
    measured = evaluate_cells(tiles, CellMeasuring(0.3, resampling=FEW))
    ground = np.full((64, 64, 3), 200, np.uint8)
    write_cell_report(measured, ABOUT, DATA, tmp_path, [(ground, one) for one in tiles])
    with Image.open(tmp_path / "gallery.png") as sheet:
        assert sheet.width > 2 * sheet.height
        assert len(np.unique(np.asarray(sheet.convert("RGB")).reshape(-1, 3), axis=0)) > 50
    assert "![The first 7 pictures](gallery.png)" in (tmp_path / "report.md").read_text(encoding="utf-8")
    write_cell_report(measured, ABOUT, DATA, tmp_path / "without")
    assert not (tmp_path / "without" / "gallery.png").exists()


def test_a_panel_names_the_find_on_the_cell() -> None:
    """Of several finds the one that covers the middle of the true cell is named, not the most probable one."""
    cell, corner = PixelBox(20, 20, 40, 40), PixelBox(0, 0, 8, 8)
    blast, platelet = Detection(CellType.BLAST, cell, 0.6), Detection(CellType.PLATELET, corner, 0.9)
    judged = JudgedTile((TrueObject(CellType.BLAST, cell),), (platelet, blast))
    assert said_of(judged.found, judged) == "blast 0.60, 1 more"
    assert said_of((), judged) == "not found"


def test_finds_of_absent_classes_are_told(tmp_path: Path) -> None:
    """They stand in no row, since there is nothing to find, but are not hidden."""
    tiles = random_tiles(2, 6)
    bare = [JudgedTile((), tile.found) for tile in tiles]
    write_cell_report(evaluate_cells(bare, CellMeasuring(0.3, resampling=FEW)), ABOUT, DATA, tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "found, though there is no object of the class: blast (" in text


def test_nothing_at_all_makes_a_report(tmp_path: Path) -> None:
    """Pictures without objects and without finds: dashes, not a failure."""
    measured = evaluate_cells([JudgedTile((), ())] * 3, CellMeasuring(0.3, resampling=FEW))
    write_cell_report(measured, ABOUT, DATA, tmp_path)
    assert "Cohen's kappa of the classes of matched objects: -" in (tmp_path / "report.md").read_text()
    one_kind = evaluate_regions(np.ones(3, bool), np.ones(3) * 0.9, [""] * 3, RegionMeasuring(0.5, resampling=FEW))
    write_region_report(one_kind, ABOUT, DATA, tmp_path)
    assert "one kind only" in (tmp_path / "report.md").read_text()


def test_regions_stand_beside_the_paper(regions: Path) -> None:
    """Each figure of the paper is named, and the counts are there."""
    text, content = (regions / "report.md").read_text(), json.loads((regions / "report.json").read_text())
    (recall,) = [line for line in text.splitlines() if line.startswith("| recall |")]
    assert recall.endswith("| 0.78 |")
    (unfit, fit) = content["confusion"]["counts"]
    assert sum(unfit) + sum(fit) == content["pictures"] == 80
    assert f"| truly fit | {fit[0]} | {fit[1]} |" in text
    assert content["roc"]["threshold"][0] is None


def test_slides_are_told_one_by_one_and_together(slides: Path) -> None:
    """Coverage with its bounds, errors by class, tiles beside the paper's, refusals, the convergence curve."""
    text, content = (slides / "report.md").read_text(), json.loads((slides / "report.json").read_text())
    assert content["coverage"]["inside"] == 23
    assert "23 of 24 (95.8 %, exact binomial 95 % 78.9 to 99.9 %)" in text
    assert "| second | aml | 0.50 | 11 of 12 |" in text
    assert "| 120 | 400-500 | 500 | 400 | cap |" in text
    assert "refused: third (no-cells)" in text
    assert content["figures"]["blast/error"]["value"] == 3
    assert content["slides"][0]["distances"] == [None, 0.1, 0.01, 0.0]
    assert "The stopping rule on second" in text


def test_slides_without_curves_and_without_slides(tmp_path: Path) -> None:
    """A result of an older version has no curve; where all slides were refused there is nothing to draw."""
    old = slide("old")
    older = replace(old, counted=replace(old.counted, distances=np.empty(0)))
    write_slide_report(evaluate_slides([older], how=FEW), ABOUT, tmp_path / "old")
    assert not (tmp_path / "old" / "convergence.png").exists()
    assert "convergence of old" in (tmp_path / "old" / "report.md").read_text()
    write_slide_report(evaluate_slides([], [("a", "no-cells")], FEW), ABOUT, tmp_path / "none")
    assert {path.name for path in (tmp_path / "none").iterdir()} == {"report.md", "report.json"}


def test_the_same_evaluation_gives_the_same_files(tmp_path: Path) -> None:
    """No time but the stated one, no chance, no library's name in any file."""
    tiles = random_tiles(3, 6)
    for name in ("a", "b"):
        measured = evaluate_cells(tiles, CellMeasuring(0.3, resampling=FEW))
        write_cell_report(measured, ABOUT, DATA, tmp_path / name)
    first, second = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("a", "b"))
    assert first == second


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """It is named."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot-write") as failure:
        write_slide_report(evaluate_slides([slide("a")], how=FEW), ABOUT, tmp_path / "file")
    assert str(tmp_path / "file") in failure.value.message


def test_the_confusion_matrix_is_dark_where_much_is_found() -> None:
    """A class always found is darkest, its neighbours are light; only classes that occur have a row."""
    matrix = np.zeros((NOTHING + 1, NOTHING + 1), np.int64)
    matrix[CellType.BLAST, [CellType.BLAST, CellType.LYMPHOCYTE]] = 90, 10
    matrix[CellType.LYMPHOCYTE, CellType.LYMPHOCYTE] = 50
    few, many = draw_confusion(matrix), draw_confusion(np.eye(NOTHING + 1, dtype=np.int64) * 5)
    sizes = [Image.open(BytesIO(png)).size for png in (few, many)]
    assert sizes[0][0] < sizes[1][0]
    assert sizes[0][1] < sizes[1][1]
    darkest = np.asarray(Image.open(BytesIO(few)).convert("RGB")).reshape(-1, 3)
    assert (darkest == (8, 48, 107)).all(axis=1).sum() > 100


def test_figures_that_do_not_exist_are_dashes() -> None:
    """Nobody takes a missing figure for zero."""
    assert words(math.nan) == "-"
    figures = evaluate_cells([JudgedTile((), ())], CellMeasuring(0.5, resampling=Resampling(0))).figures
    assert words_of(figures["mean/f1"]) == "-"
