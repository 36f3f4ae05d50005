"""marrowcount evaluate: from a stored data set, or counted slides, to a report; errors in one line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from marrowcount.datasets import Example, LabelledBox, Split
from marrowcount.main import cli
from marrowcount.main.models import bundled_models
from marrowcount.phantom import PhantomSlide
from marrowcount.settings import CountSection
from marrowcount.slides.geometry import SizePx
from marrowcount_adapters.dataset_store import DatasetWriter
from marrowcount_adapters.wsm_writer import write_truth

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from marrowcount.slides.tiles import Tile

SIDE = SizePx(512, 512)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    def run(*arguments: object) -> int:
        monkeypatch.setattr("sys.argv", ["marrowcount", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.run()
        return int(ended.value.code or 0)

    return run


@pytest.fixture(scope="module")
def phantom() -> PhantomSlide:
    return PhantomSlide("normal", 31, SizePx(2048, 2048))


@pytest.fixture(scope="module")
def data_set(phantom: PhantomSlide, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four tiles of a phantom in split test, two fit, and one in split train."""
    folder = tmp_path_factory.mktemp("data") / "set"
    fit = [place.tile for place in phantom.tiles if place.roi]
    unfit = [place.tile for place in phantom.tiles if not place.roi]
    with DatasetWriter(folder, "phantom tiles", "this test", "CC0") as writer:
        for tile, is_fit in [*((tile, True) for tile in fit[:2]), *((tile, False) for tile in unfit[:2])]:
            writer.add(phantom.read(tile), known(phantom, tile, fit=is_fit))
        writer.add(phantom.read(fit[0])[::-1].copy(), replace(known(phantom, fit[0], fit=True), split=Split.TRAIN))
        writer.finish()
    return folder


def known(phantom: PhantomSlide, tile: Tile, *, fit: bool) -> Example:
    objects = tuple(
        LabelledBox(one.box.moved(-tile.left, -tile.top).clipped(SIDE), one.cell_type)
        for one in phantom.objects_in(tile)
    )
    name = f"{tile.row}/{tile.column}"
    return Example(name, "", SIDE, objects if fit else None, fit=fit, um_per_px=0.25, split=Split.TEST)


def test_a_cell_model_is_measured_on_a_split(
    command: Callable[..., int], data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the pictures of the split that have boxes; the report names model and data set."""
    assert command("evaluate", "cells", data_set, "--out", tmp_path / "out", "--draws", "20", "--gallery", "1") == 0
    assert (tmp_path / "out" / "gallery.png").is_file()
    content = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (content["kind"], content["pictures"], content["data"]["split"]) == ("cells", 2, "test")
    assert content["models"][0]["name"] == "marrow-cells"
    assert len(content["data"]["digest"]) == 64
    assert content["nucleated"]["recall"]["value"] > 0.8
    assert "written to" in capsys.readouterr().out


def test_a_roi_model_is_measured_on_all_splits(command: Callable[..., int], data_set: Path, tmp_path: Path) -> None:
    """Every picture with a verdict; another model folder and threshold can be named."""
    model = tmp_path / "model"
    shutil.copytree(bundled_models() / CountSection().roi_model, model)
    arguments = ("--split", "all", "--model", model, "--threshold", "0.25", "--draws", "20", "--out", tmp_path / "out")
    assert command("evaluate", "roi", data_set, *arguments) == 0
    content = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (content["kind"], content["pictures"], content["fit_pictures"]) == ("roi", 5, 3)
    assert content["threshold"] == 0.25
    assert content["figures"]["roc_auc"]["value"] > 0.5


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--split", "validation"), (1, "nothing-to-measure")),
        (("--split", "exam"), (2, "one of train, validation, test, all")),
        (("--drawn", "red cell"), (2, "'red cell'")),
        (("--model", "nowhere"), (1, "manifest-missing")),
        (("--model", str(bundled_models() / CountSection().roi_model)), (1, "model-task-differs")),
    ],
)
def test_what_cannot_be_measured_is_told_in_a_line(
    command: Callable[..., int],
    data_set: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    expected: tuple[int, str],
) -> None:
    """With a status for programs, and nothing written."""
    status, said = expected
    out = data_set.with_name("out")
    assert command("evaluate", "cells", data_set, "--out", out, *arguments) == status
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_a_folder_that_is_no_data_set_is_told(
    command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The missing file is named."""
    assert command("evaluate", "roi", tmp_path, "--out", tmp_path / "out") == 1
    assert "dataset-missing" in capsys.readouterr().err


@pytest.fixture
def counted(phantom: PhantomSlide, tmp_path: Path) -> Path:
    """A result that says exactly the truth, with the truth beside it."""
    folder = tmp_path / "counted"
    folder.mkdir()
    write_truth(phantom, folder / "truth.json")
    truth = json.loads((folder / "truth.json").read_text())
    shares = {
        label: {"count": round(10 * percent), "percent": percent, "low": max(0, percent - 2), "high": percent + 2}
        for label, percent in truth["ndc"].items()
    }
    result = {
        "state": "counted",
        "reason": "converged",
        "series_uid": truth["series_uid"],
        "tiles_counted": 90,
        "tiles_looked_at": 400,
        "ndc": shares,
        "me_ratio": 3.0,
        "stopping": {"distances": [None, 0.1, 0.01]},
        "models": [],
    }
    (folder / "result.json").write_text(json.dumps(result))
    return folder


def test_counted_slides_are_compared_with_the_truth(command: Callable[..., int], counted: Path, tmp_path: Path) -> None:
    """Folders or files, with the truth beside or named; refused slides are told."""
    refused = tmp_path / "refused"
    shutil.copytree(counted, refused)
    content = json.loads((refused / "result.json").read_text())
    content |= {"state": "refused", "reason": "no-cells", "ndc": {}, "stopping": None, "me_ratio": None}
    (refused / "result.json").write_text(json.dumps(content))
    assert command("evaluate", "slide", counted, refused / "result.json", "--out", tmp_path / "out") == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["coverage"]["inside"], report["coverage"]["percentages"]) == (12, 12)
    assert report["figures"]["mean_absolute_error"]["value"] == 0
    assert report["refused"] == [{"name": "refused", "code": "no-cells"}]
    assert [slide["name"] for slide in report["slides"]] == ["counted"]
    named = ("--truth", counted, "--truth", refused / "truth.json", "--out", tmp_path / "again")
    assert command("evaluate", "slide", counted, refused, *named) == 0


def test_the_truth_of_another_slide_is_refused(
    command: Callable[..., int], counted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error in the order of files must not become a figure."""
    truth = json.loads((counted / "truth.json").read_text())
    (tmp_path / "truth.json").write_text(json.dumps(truth | {"series_uid": "2.25.1"}))
    assert command("evaluate", "slide", counted, "--truth", tmp_path, "--out", tmp_path / "out") == 1
    assert "truth-of-another-slide" in capsys.readouterr().err
    truths = ("--truth", counted, "--truth", counted)
    assert command("evaluate", "slide", counted, *truths, "--out", tmp_path / "out") == 2
    assert not (tmp_path / "out").exists()


def test_slides_are_named_by_what_tells_them_apart(command: Callable[..., int], counted: Path, tmp_path: Path) -> None:
    """Two folders of one name are told apart by the folder above."""
    for name in ("monday", "tuesday"):
        shutil.copytree(counted, tmp_path / name / "slide")
    folders = [tmp_path / name / "slide" for name in ("monday", "tuesday")]
    assert command("evaluate", "slide", *folders, "--out", tmp_path / "out") == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [slide["name"] for slide in report["slides"]] == ["monday/slide", "tuesday/slide"]
