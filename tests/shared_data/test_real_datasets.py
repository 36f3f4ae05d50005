"""Real pictures of others imported: txl_pbc and the three sets of single cells; stands aside where they are absent."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import Faults, Shares, Split, check_dataset, folds, load_mapping, split_dataset
from marrowcount.errors import DatasetError
from marrowcount.main.importing import ImportPlan, import_dataset
from marrowcount_adapters.dataset_files import (
    FROM_PREFIX,
    FileFormat,
    NamePatterns,
    ReadingOptions,
    open_files,
    pattern,
)
from marrowcount_adapters.dataset_files.pictures import pictures_under, read_picture
from marrowcount_adapters.dataset_store import open_dataset

if TYPE_CHECKING:
    from pathlib import Path

    from marrowcount.datasets import Dataset

CORRUPT = 8
"""Files of cls_mll_bone_marrow whose picture data broke part way, as a user received them."""


def imported(source: Path, out: Path, kind: FileFormat, mapping: str, options: ReadingOptions | None = None) -> Dataset:
    plan = ImportPlan(out.name, kind, load_mapping(mapping))
    return import_dataset(open_files(kind, source, options), out, plan, Faults(), lambda _: None)


def by_class(dataset: Dataset) -> Counter[CellType | None]:
    return Counter(one.cell_type for example in dataset.examples for one in example.objects or ())


def test_every_label_of_txl_pbc_is_read(shared_data: Path) -> None:
    """1,440 pictures in its own splits; the boxes counted by its authors, red cells ignored with their number."""
    mapping = load_mapping("wbc-rbc-platelet")
    examples = open_files(FileFormat.YOLO, shared_data / "txl_pbc").examples(Faults())
    mapping.require(examples)
    assert Counter(one.split for one in examples) == {Split.TRAIN: 1008, Split.VALIDATION: 288, Split.TEST: 144}
    mapped = [mapping.mapped(one) for one in examples]
    kinds = Counter((one.split, each.cell_type) for one in mapped for each in one.objects or ())
    assert [kinds[split, None] for split in Split] == [1055, 305, 155]
    assert [kinds[split, CellType.PLATELET] for split in Split] == [596, 179, 76]
    assert mapping.ignored(examples)["RBC"][0] == 16965 + 4850 + 2456
    assert not any(one.complete for one in mapped)


def test_the_test_split_of_txl_pbc_is_imported(shared_data: Path, tmp_path: Path) -> None:
    """All its pictures are whole; no box is outside, empty or drawn by mistake; no picture twice."""
    yaml = tmp_path / "test.yaml"
    yaml.write_text(
        f"path: {shared_data / 'txl_pbc'}\ntest: images/test\nnames: [WBC, RBC, Platelets]\n", encoding="utf-8"
    )
    dataset = imported(yaml, tmp_path / "out", FileFormat.YOLO, "wbc-rbc-platelet")
    assert len(dataset.examples) == 144
    codes = {finding.code for finding in check_dataset(dataset)}
    assert not codes & {"box-outside", "box-empty", "leak-picture", "name-repeated"}
    assert open_dataset(tmp_path / "out").read(dataset.examples[0]).shape[2] == 3


def test_the_originals_of_aml_lmu_stay_together(shared_data: Path, tmp_path: Path) -> None:
    """137 originals of 150 pictures; a third held out holds every class and no rotated copy of what is trained on."""
    options = ReadingOptions(NamePatterns(group=pattern(r"___([A-Z]+_\d+)_")), class_from=FROM_PREFIX)
    dataset = imported(shared_data / "cls_aml_lmu", tmp_path / "out", FileFormat.CELLS, "aml-lmu", options)
    assert len(dataset.examples) == 150
    assert len({one.group for one in dataset.examples}) == 137
    done = split_dataset(dataset, Shares(0.5, 0.17, 0.33), seed=1)
    assert not [finding for finding in check_dataset(done) if finding.code.startswith("leak")]
    held_out = by_class(done.__class__(done.name, tuple(done.of(Split.TEST))))
    assert set(held_out) == set(by_class(dataset))
    assert sum(held_out.values()) == pytest.approx(50, abs=3)
    assert len(folds(dataset)) == 5


@pytest.mark.parametrize(
    ("folder", "mapping", "counts"),
    [
        ("cls_mll_bone_marrow/good", "mll-bone-marrow", {CellType.NEUTROPHIL: 6, CellType.BLAST: 6}),
        ("cls_pbc/mazghdst_160", "pbc-barcelona", {CellType.NEUTROPHIL: 20, CellType.PLATELET: 20}),
    ],
)
def test_single_cells_are_imported(
    shared_data: Path, tmp_path: Path, folder: str, mapping: str, counts: dict[CellType, int]
) -> None:
    """The class from the prefix, the box the whole picture."""
    options = ReadingOptions(class_from=FROM_PREFIX)
    dataset = imported(shared_data / folder, tmp_path / "out", FileFormat.CELLS, mapping, options)
    found = by_class(dataset)
    assert {kind: found[kind] for kind in counts} == counts
    assert all(one.objects and one.objects[0].box.area == one.size.width * one.size.height for one in dataset.examples)


def test_every_broken_picture_is_found_and_no_sound_one_is(shared_data: Path) -> None:
    """The files received broken are told; of the sound ones, a sample of every set, none is."""
    mll = shared_data / "cls_mll_bone_marrow"
    broken = pictures_under(mll / "corrupt_jpeg")
    assert len(broken) == CORRUPT
    for path in broken:
        with pytest.raises(DatasetError, match="picture-damaged"):
            read_picture(path)
    sound = [*pictures_under(mll / "good"), *pictures_under(shared_data / "cls_aml_lmu")[::10]]
    sound += [*pictures_under(shared_data / "cls_pbc")[::10], *pictures_under(shared_data / "txl_pbc")[::50]]
    for path in sound:
        assert read_picture(path).shape[2] == 3
