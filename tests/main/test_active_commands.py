"""The commands of active learning as they are typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from labelling import drawn
from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import Example
from marrowcount.main import cli
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount_adapters.dataset_store import DatasetWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    def run(*arguments: object) -> int:
        monkeypatch.setattr("sys.argv", ["marrowcount", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.run()
        return int(ended.value.code or 0)

    return run


def test_a_round_as_it_is_typed(
    command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Select with the shipped model, export, import: each ends well and says what it wrote."""
    with DatasetWriter(tmp_path / "pool", "pool") as writer:
        for number in range(2):
            picture = drawn([(CellType.BLAST, PixelBox(50, 50, 100 + number, 100))], number)
            writer.add(picture, Example(f"tile {number}", "", SizePx(512, 512), um_per_px=0.25))
        writer.finish()
    chosen, out = tmp_path / "chosen", tmp_path / "out"
    flags = ("--pool", tmp_path / "pool", "--tiles", 1, "--strategy", "random", "--views", 1, "--threads", 1)
    assert command("active", "select", "--out", chosen, *flags) == 0
    assert command("active", "export", chosen, "--out", out, "--format", "yolo") == 0
    assert command("active", "import", out, "--author", "A. Expert", "--out", tmp_path / "v1") == 0
    said = capsys.readouterr().out
    assert "random: 1 tiles" in said
    assert "all confirmed" in said
    assert (tmp_path / "v1" / "version.json").is_file()


def test_an_import_needs_an_author(command: Callable[..., int], tmp_path: Path) -> None:
    """Status 2; nobody's corrections are not taken."""
    assert command("active", "import", tmp_path, "--out", tmp_path / "v1") == 2


def test_a_selection_needs_a_pool(
    command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2 and a line that says what to give."""
    assert command("active", "select", "--out", tmp_path / "chosen") == 2
    assert "--pool" in capsys.readouterr().err


def test_a_folder_that_is_no_export_is_refused(
    command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 1; the line names the file that is missing."""
    assert command("active", "import", tmp_path, "--author", "A", "--out", tmp_path / "v1") == 1
    assert "manifest.json" in capsys.readouterr().err
