"""Folders of single cells: what their names say, or a coded refusal that names the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount.errors import DatasetError
from marrowcount_adapters.composites.collections import read_collection
from marrowcount_adapters.composites.descriptions import shipped_descriptions
from marrowcount_adapters.dataset_files.pictures import write_picture

if TYPE_CHECKING:
    from pathlib import Path

DESCRIPTION = "mapping = 'aml-lmu'\npattern = '(?P<class>[A-Z]+)_(?P<original>\\d+)'\num_per_px = 0.08\n"


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        write_picture(folder / name, np.zeros((4, 4, 3), np.uint8))
    return folder


def refused(folder: Path, description: str = "") -> DatasetError:
    with pytest.raises(DatasetError) as caught:
        read_collection(folder, description)
    return caught.value


@pytest.mark.parametrize(
    ("description", "name", "cell_type", "group"),
    [
        ("aml-lmu", "MYB___MYB_0036_0_625_105.png", CellType.MYELOCYTE, "aml-lmu/MYB/0036"),
        ("aml-lmu", "KSC/KSC_0006_0_9187_106.png", CellType.DEBRIS, "aml-lmu/KSC/0006"),
        ("pbc-barcelona", "PLATELET_873695.jpg", CellType.PLATELET, "pbc-barcelona/PLATELET/873695"),
        ("pbc-barcelona", "ig/MY_436403.jpg", CellType.MYELOCYTE, "pbc-barcelona/MY/436403"),
        ("mll-bone-marrow", "PLM_00019.jpg", CellType.PLASMA_CELL, "mll-bone-marrow/PLM/00019"),
    ],
)
def test_the_known_collections_are_read_by_their_names(
    tmp_path: Path, description: str, name: str, cell_type: CellType, group: str
) -> None:
    """Class, and the original that a copy was made of, whatever else stands in the name."""
    (cell,) = read_collection(touch(tmp_path, name), description).cells
    assert (cell.cell_type, cell.group) == (cell_type, group)


def test_every_shipped_description_is_sound(tmp_path: Path) -> None:
    """Each is read, and names a mapping that is there."""
    for name in shipped_descriptions("cells"):
        assert refused(tmp_path, name).code == "no-pictures"


def test_a_folder_describes_itself(tmp_path: Path) -> None:
    """cells.toml in the folder is enough for a site's own pictures; what is no picture is passed over."""
    (tmp_path / "cells.toml").write_text(DESCRIPTION, encoding="utf-8")
    (tmp_path / "SOURCE.txt").write_text("of our own", encoding="utf-8")
    collection = read_collection(touch(tmp_path, "MYO_1_a.png", "MYO_1_b.png", "LYT_1.png"))
    assert [cell.group for cell in collection.cells] == ["aml-lmu/LYT/1", "aml-lmu/MYO/1", "aml-lmu/MYO/1"]
    assert {cell.um_per_px for cell in collection.cells} == {0.08}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "description-missing"),
        ("mapping = ", "description-malformed"),
        (DESCRIPTION + "colour = 'red'\n", "description-malformed"),
        (DESCRIPTION.replace("original", "number"), "description-malformed"),
        (DESCRIPTION.replace("[A-Z]+", "[A-Z"), "description-malformed"),
        (DESCRIPTION.replace("0.08", "8"), "description-malformed"),
        (DESCRIPTION.replace("aml-lmu", "nobody"), "mapping-missing"),
    ],
)
def test_a_wrong_description_is_refused_by_what_is_wrong(tmp_path: Path, text: str | None, code: str) -> None:
    """Missing, no TOML, an unknown key, no group for the original, no expression, no scale, no such mapping."""
    if text is not None:
        (tmp_path / "cells.toml").write_text(text, encoding="utf-8")
    error = refused(touch(tmp_path, "MYO_1.png"))
    assert error.code == code


@pytest.mark.parametrize(("name", "code"), [("picture.png", "name-unreadable"), ("XYZ_1.png", "class-unmapped")])
def test_a_name_that_says_nothing_is_refused_by_name(tmp_path: Path, name: str, code: str) -> None:
    """No picture is dropped silently."""
    (tmp_path / "cells.toml").write_text(DESCRIPTION, encoding="utf-8")
    error = refused(touch(tmp_path, "MYO_1.png", name))
    assert error.code == code
    assert name[:3] in error.message
