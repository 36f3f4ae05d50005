"""Folders of single cells: the class from the folder or the file name, the picture as the box."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from made_up_data import noise
from marrowcount.datasets import Split
from marrowcount.slides.geometry import PixelBox
from marrowcount_adapters.dataset_files import FROM_PREFIX, FileFormat, NamePatterns, ReadingOptions, pattern
from marrowcount_adapters.dataset_files.pictures import write_picture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CELLS = FileFormat.CELLS


@pytest.mark.parametrize(
    ("place", "name", "split"),
    [("BLA/a.png", "BLA", None), ("train/BLA/a.png", "BLA", Split.TRAIN), ("x/plasma_cell/a.png", "plasma_cell", None)],
)
def test_the_nearest_folder_names_the_class(
    tmp_path: Path, read: Callable, place: str, name: str, split: Split
) -> None:
    """Folders above may name the split."""
    write_picture(tmp_path / place, noise(1))
    (only,) = read(CELLS, tmp_path)
    assert ([one.name for one in only.objects], only.split) == ([name], split)
    assert only.objects[0].box == PixelBox(0, 0, 40, 30)
    assert only.complete is False


@pytest.mark.parametrize(
    ("file", "name"),
    [("BLA_00008.png", "BLA"), ("BAS___BAS_0053_0_6588_109.png", "BAS"), ("PLATELET_873695.png", "PLATELET")],
)
def test_the_prefix_names_the_class(tmp_path: Path, read: Callable, file: str, name: str) -> None:
    """The letters that the file name begins with, as MLL, AML-LMU and PBC have them."""
    write_picture(tmp_path / "good" / file, noise(1))
    (only,) = read(CELLS, tmp_path, ReadingOptions(class_from=FROM_PREFIX))
    assert only.objects[0].name == name


def test_rotated_copies_share_their_group(tmp_path: Path, read: Callable) -> None:
    """AML-LMU's number of the original, with its class."""
    for file in ("BAS___BAS_0053_0_6588_109", "BAS___BAS_0053_0_8415_103", "MON___MON_0053_101"):
        write_picture(tmp_path / f"{file}.png", noise(1))
    names = NamePatterns(group=pattern(r"___([A-Z]+_\d+)_"))
    found = read(CELLS, tmp_path, ReadingOptions(names, class_from=FROM_PREFIX))
    assert [one.group for one in found] == ["BAS_0053", "BAS_0053", "MON_0053"]


def test_a_pattern_may_name_the_class(tmp_path: Path, read: Callable) -> None:
    """Its first group, anywhere in the file name."""
    write_picture(tmp_path / "slide7-blast-12.png", noise(1))
    (only,) = read(CELLS, tmp_path, ReadingOptions(class_from=r"-([a-z]+)-"))
    assert only.objects[0].name == "blast"


def test_the_box_may_be_the_middle(tmp_path: Path, read: Callable) -> None:
    """Half the side, in the centre."""
    write_picture(tmp_path / "BLA" / "a.png", noise(1))
    (only,) = read(CELLS, tmp_path, ReadingOptions(cell_share=0.5))
    assert only.objects[0].box == PixelBox(10, 7.5, 30, 22.5)


@pytest.mark.parametrize("place", ["a.png", "train/a.png"])
def test_a_picture_in_no_class_folder_is_a_fault(tmp_path: Path, fault: Callable, place: str) -> None:
    """Neither the data set's own folder nor a split is a class."""
    write_picture(tmp_path / place, noise(1))
    assert fault(CELLS, tmp_path).code == "name-unmatched"


def test_a_name_without_a_class_is_a_fault(tmp_path: Path, fault: Callable) -> None:
    """A file that begins with a number has no prefix."""
    write_picture(tmp_path / "0007.png", noise(1))
    assert fault(CELLS, tmp_path, ReadingOptions(class_from=FROM_PREFIX)).code == "name-unmatched"
