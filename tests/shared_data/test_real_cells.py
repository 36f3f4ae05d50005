"""Real single cells and photographs, read as `dataset compose` reads them; stands aside where they are absent."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount_adapters.composites.collections import read_collection
from marrowcount_adapters.composites.cutting import CUT_UM_PER_PX, CutOut, cut_out
from marrowcount_adapters.composites.parts import Part, part_of
from marrowcount_adapters.composites.photographs import RED_CELL_UM, read_photographs
from marrowcount_adapters.composites.pictures import read_picture, scaled

if TYPE_CHECKING:
    from pathlib import Path

COLLECTIONS = {"aml-lmu": "cls_aml_lmu", "pbc-barcelona": "cls_pbc", "mll-bone-marrow": "cls_mll_bone_marrow/good"}


@pytest.mark.parametrize(("description", "pictures", "originals"), [("aml-lmu", 150, 137), ("pbc-barcelona", 160, 160)])
def test_originals_are_told_by_their_names(shared_data: Path, description: str, pictures: int, originals: int) -> None:
    """As many pictures and originals as their source says; of every class a third of the originals is held out."""
    cells = read_collection(shared_data / COLLECTIONS[description], description).cells
    assert (len(cells), len({cell.group for cell in cells})) == (pictures, originals)
    parts = part_of(cells)
    of_class = Counter(group.rpartition("/")[0] for group in parts)
    held_out = Counter(group.rpartition("/")[0] for group, part in parts.items() if part is Part.HELD_OUT)
    assert held_out == {name: -(-count // 3) for name, count in of_class.items()}


def test_marrow_cells_are_listed_by_class(shared_data: Path) -> None:
    """The 22 real marrow cells, which are only ever looked at."""
    cells = read_collection(shared_data / COLLECTIONS["mll-bone-marrow"], "mll-bone-marrow").cells
    assert len(cells) == 22
    assert Counter(cell.cell_type for cell in cells)[CellType.BLAST] == 6


@pytest.mark.parametrize("description", ["aml-lmu", "pbc-barcelona"])
def test_most_real_cells_are_cut_out_at_a_cells_size(shared_data: Path, description: str) -> None:
    """Of every tenth picture three of four at least, 5 to 22 um wide, platelets 1.5 to 8."""
    cells = read_collection(shared_data / COLLECTIONS[description], description).cells[::10]
    cut = {c.name: (c, cut_out(_at(c.path, c.um_per_px), platelet=c.cell_type is CellType.PLATELET)) for c in cells}
    good = [(cell, found) for cell, found in cut.values() if isinstance(found, CutOut)]
    assert len(good) >= 0.75 * len(cells)
    for cell, found in good:
        low, high = (1.5, 8.0) if cell.cell_type is CellType.PLATELET else (5.0, 22.0)
        assert low < (found.box.area**0.5) * CUT_UM_PER_PX < high, cell.name


def _at(path: Path, um_per_px: float):  # noqa: ANN202 - a picture
    return scaled(read_picture(path), um_per_px / CUT_UM_PER_PX)


def test_red_cells_tell_the_scale_of_every_source(shared_data: Path) -> None:
    """TXL-PBC joins four sources; the squeezed one, 416 px, is made round, the others are left as they are."""
    photographs = read_photographs(shared_data / "txl_pbc", ("test",), "txl-pbc").photographs
    assert len(photographs) == 144
    scales = {one.size.width: one.um_per_px for one in photographs if one.size.width != 366}
    assert scales == pytest.approx({575: 0.055, 360: 0.095, 416: 0.092, 640: 0.072}, rel=0.06)
    assert {one.size.width for one in photographs if one.stretch != 1} == {416}
    assert RED_CELL_UM / scales[640] == pytest.approx(103, rel=0.05)
