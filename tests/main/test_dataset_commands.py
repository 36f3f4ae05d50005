"""``marrowcount dataset``: from files to a checked, split data set and out again, with statuses to rely on."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from made_up_data import noise
from marrowcount.datasets import Split, load_mapping
from marrowcount.main import cli
from marrowcount_adapters.dataset_files.pictures import write_picture
from marrowcount_adapters.dataset_store import open_dataset, write_dataset

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def dataset(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command as typed; its exit status."""

    def run(*arguments: object) -> int:
        monkeypatch.setattr("sys.argv", ["marrowcount", "dataset", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            cli.run()
        return int(ended.value.code or 0)

    return run


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """Twelve single cells of six originals, two classes."""
    for number in range(12):
        name = ("BLA", "EBO")[number % 2]
        write_picture(tmp_path / "cells" / f"{name}_{number // 2:04}_{number}.png", noise(number))
    return tmp_path / "cells"


@pytest.fixture
def imported(dataset: Callable[..., int], cells: Path) -> Path:
    out = cells.parent / "set"
    options = ("--format", "cells", "--class-from", "prefix", "--group", r"_(\d{4})_", "--um-per-px", 0.1)
    assert dataset("import", cells, "--out", out, "--mapping", "mll-bone-marrow", *options) == 0
    return out


def test_cells_are_imported_with_their_groups(
    imported: Path, dataset: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """What the files do not say is said on the command line; licence and counts are shown."""
    found = open_dataset(imported).dataset
    assert (found.name, found.licence, len(found.examples)) == ("set", "CC BY 4.0", 12)
    assert {one.group for one in found.examples} == {f"{n:04}" for n in range(6)}
    assert {one.um_per_px for one in found.examples} == {0.1}
    capsys.readouterr()
    assert dataset("stats", imported) == 0
    said = capsys.readouterr().out
    assert "blast" in said
    assert "CC BY 4.0" in said


def test_split_check_and_stats(imported: Path, dataset: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """A split by group has no leak; the numbers are there for programs too."""
    assert dataset("split", imported, "--train", 0.5, "--validation", 0.25, "--test", 0.25, "--seed", 3) == 0
    assert dataset("check", imported, "--pictures") == 0
    capsys.readouterr()
    assert dataset("stats", imported, "--json") == 0
    counts = json.loads(capsys.readouterr().out)
    assert counts["total"]["objects"] == {"blast": 6, "erythroblast": 6}
    assert set(counts["splits"]) == {"train", "validation", "test"}


def test_a_leak_makes_check_fail(
    imported: Path, dataset: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 1, and the finding names the code."""
    found = open_dataset(imported).dataset
    splits = [(Split.TRAIN, Split.TEST)[number % 2] for number in range(12)]
    leaking = (replace(one, split=split, group="g") for one, split in zip(found.examples, splits, strict=True))
    write_dataset(imported, replace(found, examples=tuple(leaking)))
    assert dataset("check", imported) == 1
    assert "leak-group" in capsys.readouterr().out
    assert dataset("check", imported, "--json") == 1
    assert "leak-group" in {finding["code"] for finding in json.loads(capsys.readouterr().out)}


def test_check_reads_pictures_when_asked(
    imported: Path, dataset: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """A picture altered since its import is found by its digest, a lost one too."""
    first, second, *_ = sorted(imported.glob("pictures/*/*.png"))
    write_picture(first, noise(99))
    second.unlink()
    assert dataset("check", imported) == 0
    assert dataset("check", imported, "--pictures") == 1
    said = capsys.readouterr().out
    assert "picture-altered" in said
    assert "picture-missing" in said


def test_faults_are_reported_and_the_rest_imported_only_when_asked(
    cells: Path, dataset: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a wish the first fault; with --keep-going all, in a report; the rest with --leave-out-faulty."""
    (cells / "BLA_broken.png").write_bytes(b"no picture")
    (cells / "EBO_broken.png").write_bytes(b"")
    out, report = cells.parent / "set", cells.parent / "faults.json"
    command = (
        "import",
        cells,
        "--out",
        out,
        "--mapping",
        "mll-bone-marrow",
        "--format",
        "cells",
        "--class-from",
        "prefix",
    )
    assert dataset(*command) == 1
    assert "BLA_broken.png" in capsys.readouterr().err
    assert dataset(*command, "--keep-going", "--report", report) == 1
    assert [fault["code"] for fault in json.loads(report.read_text("utf-8"))] == ["picture-damaged"] * 2
    assert not out.exists()
    assert dataset(*command, "--leave-out-faulty") == 0
    assert len(open_dataset(out).dataset.examples) == 12


def test_unmapped_names_are_all_named(
    cells: Path, dataset: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 1 and one line."""
    out = cells.parent / "set"
    command = ("import", cells, "--out", out, "--format", "cells", "--class-from", "prefix")
    assert dataset(*command, "--mapping", "wbc-rbc-platelet") == 1
    said = capsys.readouterr().err
    assert "'BLA' (6), 'EBO' (6)" in said
    assert not out.exists()


@pytest.mark.parametrize("form", ["yolo", "coco", "voc", "cells"])
def test_what_is_exported_can_be_imported(imported: Path, dataset: Callable[..., int], form: str) -> None:
    """Without naming a mapping: exports bear marrowcount's own names."""
    out, back = imported.parent / f"{form}-out", imported.parent / f"{form}-back"
    assert dataset("export", imported, "--out", out, "--format", form) == 0
    assert dataset("import", out, "--out", back, "--format", form) == 0
    first, again = open_dataset(imported).dataset, open_dataset(back).dataset
    assert {one.digest for one in again.examples} == {one.digest for one in first.examples}
    assert {one.group for one in again.examples} == {one.group for one in first.examples}


def test_merging_keeps_what_is_known_of_each(imported: Path, cells: Path, dataset: Callable[..., int]) -> None:
    """Licences, history, pictures; the sources stay as they are."""
    other, out = imported.parent / "other", imported.parent / "both"
    command = ("import", cells, "--format", "cells", "--class-from", "prefix", "--mapping", "mll-bone-marrow")
    assert dataset(*command, "--out", other, "--licence", "CC0") == 0
    assert dataset("merge", imported, other, "--out", out) == 0
    both = open_dataset(out)
    assert both.dataset.licence == "set: CC BY 4.0; other: CC0"
    assert len(both.dataset.history) == 3
    assert len(both.dataset.examples) == 24
    assert both.read(both.dataset.examples[-1]).shape == (30, 40, 3)
    assert len(open_dataset(imported).dataset.examples) == 12


def test_mappings_are_listed_and_printed(
    tmp_path: Path, dataset: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """A printed one, saved, is a mapping of one's own."""
    assert dataset("mappings") == 0
    assert "aml-lmu\n" in capsys.readouterr().out
    assert dataset("mappings", "aml-lmu") == 0
    (tmp_path / "own.toml").write_text(capsys.readouterr().out, encoding="utf-8")
    assert load_mapping(str(tmp_path / "own.toml")).meanings == load_mapping("aml-lmu").meanings


def test_a_folder_that_is_no_data_set_is_told(
    tmp_path: Path, dataset: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 1 and a line with the code, for every command that opens one."""
    for command in ("stats", "check", "split"):
        assert dataset(command, tmp_path) == 1
        assert "[dataset-missing]" in capsys.readouterr().err
