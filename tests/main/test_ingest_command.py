"""``marrowcount ingest``: exit statuses, the table, and a node that runs beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from marrowcount.main import cli
from marrowcount.slides.states import SlideState
from marrowcount_adapters.sql import open_ledger
from slide_files import slide_file


@pytest.fixture
def ingest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[node]\ndata_folder = "{tmp_path}/node"\n[receive]\ndisk_watermark_gib = 0\n')

    def run(*arguments: object) -> int:
        command = ["marrowcount", "ingest", *map(str, arguments), "--settings", str(settings)]
        monkeypatch.setattr("sys.argv", command)
        with pytest.raises(SystemExit) as ended:
            cli.run()
        return int(ended.value.code or 0)

    return run


def test_a_folder_is_taken_in_once(
    ingest: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 0 both times; the table tells taken from identical, and the slide waits to be judged."""
    folder = tmp_path / "media"
    folder.mkdir()
    for number in range(3):
        slide_file(folder / f"{number}", uid=f"1.2.3.{number + 1}")
    (folder / "readme.txt").write_text("x")
    assert ingest(folder) == 0
    assert "taken" in capsys.readouterr().out
    assert ingest(folder) == 0
    said = capsys.readouterr().out
    assert "identical" in said
    assert "passed over (not-dicom)" in said
    ledger = open_ledger(f"sqlite:///{tmp_path}/node/ledger.sqlite")
    (slide,) = ledger.slides()
    ledger.close()
    assert (slide.state, slide.instances, slide.sender) == (SlideState.RECEIVING, 3, "ingest")


def test_what_is_rejected_makes_the_status_1(
    ingest: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file and its code are on the screen; the others are taken all the same."""
    slide_file(tmp_path / "a.dcm", uid="1.2.3.1", TotalPixelMatrixRows=None)
    slide_file(tmp_path / "b.dcm", uid="1.2.3.2")
    assert ingest(tmp_path / "a.dcm", tmp_path / "b.dcm") == 1
    said = capsys.readouterr().out
    assert "a.dcm" in said.replace("\n", "")
    assert "missing-attribute" in said
    assert "taken" in said


def test_nothing_to_take_in_is_no_success(ingest: Callable[..., int], tmp_path: Path) -> None:
    """A wrong path must not pass for work done."""
    (tmp_path / "empty").mkdir()
    assert ingest(tmp_path / "empty") == 1
    assert ingest(tmp_path / "nowhere") == 2
