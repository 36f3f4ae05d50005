"""``marrowcount dataset compose``: from folders of pictures to data sets that do not leak into one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from drawn_smears import irregular_cell, write_cells, write_photographs
from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import Split
from marrowcount.main import cli
from marrowcount_adapters.dataset_files.pictures import write_picture
from marrowcount_adapters.dataset_store import open_dataset

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighteen cells of two classes, photographs of three splits."""
    folder = tmp_path_factory.mktemp("pictures")
    write_cells(folder / "cells", originals=9)
    write_photographs(folder / "photographs", {"train": 4, "val": 3, "test": 3})
    return folder


@pytest.fixture
def compose(monkeypatch: pytest.MonkeyPatch, pictures: Path) -> Callable[..., int]:
    """The command as typed; its exit status."""

    def run(out: Path, *options: object, cells: Path = pictures / "cells") -> int:
        words = ["dataset", "compose", out, "--cells", cells, "--backgrounds", pictures / "photographs", *options]
        monkeypatch.setattr("sys.argv", ["marrowcount", *map(str, words)])
        monkeypatch.setenv("COLUMNS", "300")
        with pytest.raises(SystemExit) as ended:
            cli.run()
        return int(ended.value.code or 0)

    return run


def test_four_data_sets_of_the_same_pictures(
    compose: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tiles to train and to validate on, the held-out cells, the test photographs: each with its split and licence."""
    for part in ("train", "validation", "held-out", "test"):
        assert compose(tmp_path / part, "--part", part, "--tiles", 3, "--phantom", 0) == 0
    stored = {part.name: open_dataset(part) for part in tmp_path.iterdir()}
    splits = {name: {one.split for one in some.dataset.examples} for name, some in stored.items()}
    assert splits == {
        "train": {Split.TRAIN}, "validation": {Split.VALIDATION}, "held-out": {Split.TEST}, "test": {Split.TEST},
    }  # fmt: skip
    assert all("CC BY 3.0" in some.dataset.licence for some in stored.values())
    assert all("drawn for a test" in some.dataset.source for some in stored.values())
    held_out = stored["held-out"].dataset.examples
    assert sorted(one.group.split("/")[1] for one in held_out) == ["LYT"] * 3 + ["MYO"] * 3
    assert {len(one.objects or ()) for one in held_out} == {1}
    assert sum(len(one.objects or ()) for one in stored["test"].dataset.examples) == 6
    said = capsys.readouterr().out
    assert "6 held-out" in said
    assert "cells cut out" in said


def test_the_pictures_are_read_back_as_they_were_made(compose: Callable[..., int], tmp_path: Path) -> None:
    """512 px at 0.25 um/px; cells of both classes, nucleated cells of unstated class and platelets."""
    assert compose(tmp_path / "train", "--tiles", 4, "--phantom", 0) == 0
    stored = open_dataset(tmp_path / "train")
    kinds = {one.cell_type for example in stored.dataset.examples for one in example.objects or ()}
    assert kinds == {CellType.BLAST, CellType.LYMPHOCYTE, CellType.PLATELET, None}
    for example in stored.dataset.examples:
        assert stored.read(example).shape == (512, 512, 3)
        assert example.um_per_px == 0.25


def test_a_cell_of_a_test_photograph_is_held_out(compose: Callable[..., int], tmp_path: Path, pictures: Path) -> None:
    """Whatever its name hashes to: a cell that a test photograph shows is never trained on."""
    import cv2

    cells = write_cells(tmp_path / "cells")
    shown = cv2.imread(str(pictures / "photographs" / "images" / "test" / "test0.png"))[..., ::-1]
    copied = [f"MYO_{number:04}.png" for number in (1000, 1001, 1002, 1003)]
    for turn, name in enumerate(copied):
        write_picture(cells / name, np.ascontiguousarray(np.rot90(shown, turn)))
    assert compose(tmp_path / "held-out", "--part", "held-out", cells=cells) == 0
    groups = {one.group for one in open_dataset(tmp_path / "held-out").dataset.examples}
    assert groups >= {f"aml-lmu/MYO/{number}" for number in (1000, 1001, 1002, 1003)}


def test_an_existing_folder_stays_as_it_is(
    compose: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is overwritten; the refusal says so in one line."""
    (tmp_path / "mine").mkdir()
    assert compose(tmp_path / "mine", "--part", "held-out") == 1
    assert "[dataset-exists]" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [tmp_path / "mine"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [("XYZ_1.png", None, "class-unmapped"), ("MYO_9.png", b"no picture", "picture-damaged")],
)
def test_bad_pictures_leave_nothing_behind(  # noqa: PLR0917 - two of them are parameters
    compose: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes | None,
    code: str,
) -> None:
    """A class that nobody mapped, a damaged file: one line that names it, and no half of a data set."""
    cells = write_cells(tmp_path / "cells", originals=2)
    if content is None:
        write_picture(cells / name, irregular_cell(np.random.default_rng(0)))
    else:
        (cells / name).write_bytes(content)
    assert compose(tmp_path / "out", cells=cells) == 1
    told = capsys.readouterr().err
    assert f"[{code}]" in told
    assert name[:3] in told
    assert [path.name for path in tmp_path.iterdir()] == ["cells"]


def test_a_folder_that_says_nothing_of_itself_is_refused(
    compose: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The refusal says where the description is looked for and which are shipped."""
    cells = write_cells(tmp_path / "cells", originals=1)
    (cells / "cells.toml").unlink()
    assert compose(tmp_path / "out", cells=cells) == 1
    told = capsys.readouterr().err
    assert "[description-missing]" in told
    assert "aml-lmu, mll-bone-marrow, pbc-barcelona" in told
