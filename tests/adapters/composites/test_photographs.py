"""Photographs with boxes: scaled by their red cells, or refused with the file that is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from drawn_smears import DrawnPhotograph, finished, write_photographs
from marrowcount.cytology.cell_types import CellType
from marrowcount.errors import DatasetError
from marrowcount_adapters.composites.overlooked import overlooks_nuclei
from marrowcount_adapters.composites.photographs import at_scale, read_photographs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    return write_photographs(tmp_path, {"train": 4})


def refused(folder: Path, splits: tuple[str, ...] = ("train",)) -> DatasetError:
    with pytest.raises(DatasetError) as caught:
        read_photographs(folder, splits)
    return caught.value


def test_red_cells_tell_the_scale(photographs: Path) -> None:
    """A red cell of 75 px is 7.5 um wide: 0.1 um/px; at 0.25 everything is smaller by 2.5, boxes with it."""
    first = read_photographs(photographs, ("train",)).photographs[0]
    assert first.um_per_px == pytest.approx(0.1, rel=0.01)
    picture, objects = at_scale(first, 0.25)
    assert picture.shape == (144, 144, 3)
    assert [one.cell_type for one in objects] == [None, CellType.PLATELET]
    assert objects[0].box.width == pytest.approx(124 / 2.5, abs=0.5)


def test_squeezed_pictures_become_round(tmp_path: Path) -> None:
    """Where oblong pictures were squeezed into squares, some turned, each is stretched by its own red cells."""
    rng = np.random.default_rng(2)
    for number in range(8):
        drawn = DrawnPhotograph(rng, red_cells=7)
        drawn.write(tmp_path, "train", f"{number}")
        path = tmp_path / "images" / "train" / f"{number}.png"
        labels = tmp_path / "labels" / "train" / f"{number}.txt"
        squeeze(path, labels, wide=bool(number % 2))
    (tmp_path / "photographs.toml").write_text(
        "mapping = 'wbc-rbc-platelet'\nsource = 'a test'\nlicence = 'none'\n", encoding="utf-8"
    )
    told = [one for one in read_photographs(tmp_path, ("train",)).photographs if len(one.red_cells) >= 4]
    assert {one.stretch > 1 for one in told} == {True, False}
    for photograph in told:
        _, objects = at_scale(photograph, 0.25)
        assert objects[0].box.width == pytest.approx(objects[0].box.height, rel=0.03)


def squeeze(path: Path, labels: Path, *, wide: bool) -> None:
    """Keep 5:4 of a square picture, then make it square again."""
    x, y = (1.0, 0.8) if wide else (0.8, 1.0)
    picture = cv2.imread(str(path))
    part = picture[: round(360 * y), : round(360 * x)]
    cv2.imwrite(str(path), cv2.resize(part, (360, 360), interpolation=cv2.INTER_AREA))
    rows = [[float(number) for number in line.split()] for line in labels.read_text().splitlines()]
    kept = [[n, a / x, b / y, w / x, h / y] for n, a, b, w, h in rows if a + w / 2 < x and b + h / 2 < y]
    labels.write_text("\n".join(f"{int(n)} {a} {b} {w} {h}" for n, a, b, w, h in kept))


@pytest.mark.parametrize(
    ("spoil", "code", "named"),
    [
        (lambda f: (f / "photographs.toml").unlink(), "description-missing", "photographs.toml"),
        (lambda f: (f / "labels/train/classes.txt").unlink(), "labels-missing", "classes.txt"),
        (lambda f: (f / "labels/train/train0.txt").unlink(), "labels-missing", "train0.txt"),
        (lambda f: (f / "labels/train/train0.txt").write_text("0 0.5 0.5\n"), "labels-malformed", "train0.txt"),
        (lambda f: (f / "labels/train/train0.txt").write_text("7 0.5 0.5 0.1 0.1\n"), "labels-malformed", "train0"),
        (lambda f: (f / "labels/train/classes.txt").write_text("WBC\nRBC\nXY\n"), "class-unmapped", "XY"),
        (lambda f: (f / "images/train/train0.png").write_bytes(b"PNG"), "picture-damaged", "train0.png"),
        (lambda f: (f / "images/train/train0.png").write_bytes(b""), "picture-damaged", "train0.png"),
    ],
)
def test_what_is_wrong_is_named(photographs: Path, spoil: Callable[[Path], object], code: str, named: str) -> None:
    """A file that is missing, malformed or damaged, or a class that nobody mapped."""
    spoil(photographs)
    error = refused(photographs)
    assert error.code == code
    assert named in error.message


def test_without_red_cells_nobody_knows_the_scale(tmp_path: Path) -> None:
    """Five red cells are too few to tell; the refusal says how many are needed."""
    error = refused(write_photographs(tmp_path, {"train": 1}))
    assert error.code == "scale-unknown"
    assert "5 whole red cells" in error.message


def test_no_photographs_are_refused(photographs: Path) -> None:
    """An empty split does not make an empty data set."""
    (photographs / "labels" / "val").mkdir()
    (photographs / "labels" / "val" / "classes.txt").write_text("WBC\nRBC\nPC\n")
    assert refused(photographs, ("val",)).code == "no-pictures"


def test_a_nucleus_that_nobody_boxed_is_noticed(photographs: Path) -> None:
    """A photograph on which a nucleated cell was forgotten is not to be trained on."""
    first, second = read_photographs(photographs, ("train",)).photographs[:2]
    assert not overlooks_nuclei(first)
    labels = photographs / "labels" / "train" / "train1.txt"
    labels.write_text("\n".join(line for line in labels.read_text().splitlines() if not line.startswith("0")))
    assert second.name == "train/train1"
    assert overlooks_nuclei(read_photographs(photographs, ("train",)).photographs[1])


def test_drawn_photographs_are_as_described() -> None:
    """The truth of these tests: a white cell, five red ones, a platelet."""
    drawn = DrawnPhotograph(np.random.default_rng(0))
    assert [line[0] for line in drawn.labels] == ["1"] * 5 + ["0", "2"]
    assert finished(drawn.picture).shape == (360, 360, 3)
