"""``marrowcount count`` on every real DICOM file at hand: a result or a coded refusal, never a traceback.

Uses shared/data/dicom_wsm and dicom_ann_sr; stands aside where they are absent.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from marrowcount.errors import Refusal
from marrowcount.main import cli, models
from marrowcount.settings import CountSection

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from marrowcount.ports import CellModel, RoiModel


@pytest.fixture(scope="session")
def loaded_models() -> tuple[RoiModel, CellModel]:
    return models.load_models(CountSection())


@pytest.fixture
def count(loaded_models: tuple[RoiModel, CellModel], monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command as typed, but with the models loaded once; its exit status."""
    monkeypatch.setattr(models, "load_models", lambda _: loaded_models)

    def run(slide: Path, out: Path, *options: str) -> int:
        monkeypatch.setattr("sys.argv", ["marrowcount", "count", str(slide), "--out", str(out), *options])
        with pytest.raises(SystemExit) as ended:
            cli.run()
        return int(ended.value.code or 0)

    return run


def sources(shared_data: Path) -> list[Path]:
    folders = [folder for name in ("dicom_wsm", "dicom_ann_sr") for folder in sorted((shared_data / name).iterdir())]
    folders = [folder for folder in folders if folder.is_dir()]
    return folders + [file for folder in folders for file in sorted(folder.rglob("*.dcm"))]


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")  # the files hold malformed values
def test_every_file_ends_in_a_result_or_a_coded_refusal(
    shared_data: Path, tmp_path: Path, count: Callable[..., int]
) -> None:
    """Status 0 with all files, or 3 with result.json alone, whose reason is a known code."""
    for number, source in enumerate(sources(shared_data)):
        out = tmp_path / f"out-{number}"
        status = count(source, out)
        document = json.loads((out / "result.json").read_text(encoding="utf-8"))
        if status == 0:
            assert document["state"] == "counted", source
            continue
        assert (status, document["state"]) == (3, "refused"), source
        assert document["reason"] in set(Refusal), source
        assert [path.name for path in out.iterdir()] == ["result.json"], source


def test_a_slide_of_another_organ_is_refused(shared_data: Path, tmp_path: Path, count: Callable[..., int]) -> None:
    """An H&E slide of skin, its resolution allowed, has no region fit for marrow cytology."""
    settings = tmp_path / "any.toml"
    settings.write_text("[count]\ncoarsest_um_per_px = 0.6\n", encoding="utf-8")
    slide = shared_data / "dicom_wsm" / "cmu_small_region_wsidicomizer"
    assert count(slide, tmp_path / "out", "--settings", str(settings)) == 3
    document = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    assert document["reason"] in {Refusal.NO_SUITABLE_REGION, Refusal.NO_CELLS}


def test_the_20x_slide_is_refused_for_its_resolution(
    shared_data: Path, tmp_path: Path, count: Callable[..., int]
) -> None:
    """0.499 um/px is not counted as 40x; the message says what was measured and what is allowed."""
    slide = shared_data / "dicom_wsm" / "cmu_small_region_wsidicomizer"
    assert count(slide, tmp_path / "out") == 3
    document = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    assert document["reason"] == "wrong-resolution"
    assert "0.499" in document["message"]
