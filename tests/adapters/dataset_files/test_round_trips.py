"""Out and in again: whatever a data set holds comes back, as far as each format can hold it."""

from __future__ import annotations

import csv
import json
import math
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_up_data import noise
from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import Example, Faults, LabelledBox, Split, class_name
from marrowcount.datasets.mapping import IDENTITY
from marrowcount.errors import DatasetError
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount.testing import HeldPictures
from marrowcount_adapters.dataset_files import FileFormat, open_files, write_files
from marrowcount_adapters.dataset_files.rescaling import rescaled

TOLERANCES = {FileFormat.YOLO: 1e-6, FileFormat.COCO: 1e-9, FileFormat.VOC: 0.5}
"""In pixels: ten decimals of a share, floats as they are, whole pixels."""


@st.composite
def boxes(draw: st.DrawFn, size: SizePx) -> PixelBox:
    left, top = draw(st.floats(0, size.width - 2)), draw(st.floats(0, size.height - 2))
    return PixelBox(left, top, draw(st.floats(left + 1.5, size.width)), draw(st.floats(top + 1.5, size.height)))


@st.composite
def examples(draw: st.DrawFn) -> Example:
    size = SizePx(draw(st.integers(4, 40)), draw(st.integers(4, 40)))
    kinds = st.sampled_from([*CellType, None])
    objects = draw(st.none() | st.lists(st.builds(LabelledBox, boxes(size), kinds), max_size=5).map(tuple))
    words = st.text(
        st.characters(codec="utf-8", exclude_characters="\r\n\0", exclude_categories=("Cs", "Cc")), max_size=8
    )
    return Example(
        name=draw(words.map(lambda word: f"slide/{word}.png") | st.just("slide/a.png")),
        digest="",
        size=size,
        objects=objects,
        complete=draw(st.booleans()),
        fit=draw(st.sampled_from([True, False, None])),
        um_per_px=draw(st.none() | st.floats(0.05, 2)),
        patient=draw(words.map(str.strip)),
        group=draw(words.map(str.strip)),
        split=draw(st.sampled_from([*Split, None])),
    )


def held(found: list[Example]) -> HeldPictures:
    """Pictures of their own for each, and names that differ."""
    named = [replace(one, name=f"{number}/{one.name}") for number, one in enumerate(found)]
    return HeldPictures((noise(n, one.size.width, one.size.height), one) for n, one in enumerate(named))


def round_trip(file_format: FileFormat, source: HeldPictures) -> list[tuple[Example, np.ndarray]]:
    with tempfile.TemporaryDirectory() as folder:
        write_files(file_format, source, Path(folder) / "out")
        opened = open_files(file_format, Path(folder) / "out")
        return [(IDENTITY.mapped(one), opened.read(one)) for one in opened.examples(Faults())]


@pytest.mark.parametrize("file_format", TOLERANCES)
@settings(deadline=None, max_examples=12)
@given(found=st.lists(examples(), min_size=1, max_size=4))
def test_boxes_classes_facts_and_pixels_come_back(file_format: FileFormat, found: list[Example]) -> None:
    """Also what the format has no place for: patient, group, resolution, verdict, and whether anybody looked."""
    source = held(found)
    back = {example.name: (example, pixels) for example, pixels in round_trip(file_format, source)}
    assert set(back) == {one.name for one in source.dataset.examples}
    for one in source.dataset.examples:
        again, pixels = back[one.name]
        assert np.array_equal(pixels, source.read(one))
        assert replace(again, objects=None) == replace(one, objects=None, digest="")
        assert (again.objects is None) == (one.objects is None)
        for theirs, ours in zip(again.objects or (), one.objects or (), strict=True):
            assert theirs.cell_type is ours.cell_type
            for side in ("left", "top", "right", "bottom"):
                assert math.isclose(getattr(theirs.box, side), getattr(ours.box, side), abs_tol=TOLERANCES[file_format])


@settings(deadline=None, max_examples=12)
@given(found=st.lists(examples(), min_size=1, max_size=3))
def test_single_cells_are_cut_along_their_boxes(found: list[Example]) -> None:
    """One picture for each object, its box widened to whole pixels, in a folder of its class."""
    source = held(found)
    cells = {
        f"{one.name}#{n}": (one, labelled)
        for one in source.dataset.examples
        for n, labelled in enumerate(one.objects or ())
    }
    if not cells:
        return
    back = round_trip(FileFormat.CELLS, source)
    assert {example.name for example, _ in back} == set(cells)
    for again, pixels in back:
        one, labelled = cells[again.name]
        box = labelled.box
        there = source.read(one)[
            math.floor(box.top) : math.ceil(box.bottom), math.floor(box.left) : math.ceil(box.right)
        ]
        assert np.array_equal(pixels, there)
        (only,) = again.objects or ()
        assert only == LabelledBox(PixelBox(0, 0, there.shape[1], there.shape[0]), labelled.cell_type)
        assert (again.patient, again.split, again.complete) == (one.patient, one.split, False)


@settings(deadline=None, max_examples=10)
@given(sides=st.tuples(*[st.integers(0, 19)] * 2, *[st.integers(20, 40)] * 2))
def test_whole_pixels_survive_voc_exactly(sides: tuple[int, int, int, int]) -> None:
    """What LabelImg itself can draw is not moved."""
    one = Example("a.png", "", SizePx(40, 40), (LabelledBox(PixelBox(*sides), CellType.BLAST),))
    ((again, _),) = round_trip(FileFormat.VOC, held([one]))
    assert again.objects == one.objects


TWO = [
    Example("a/x y.jpg", "", SizePx(30, 20), (LabelledBox(PixelBox(1, 2, 9, 9), None),), split=Split.TEST),
    Example("a/X-y.jpg", "", SizePx(30, 20), (), patient="p"),
]


def test_what_is_written_is_what_other_programs_expect(tmp_path: Path) -> None:
    """ultralytics' data.yaml and folders, COCO's keys, VOC's folders."""
    for file_format in FileFormat:
        write_files(file_format, held(TWO), tmp_path / file_format)
    yaml = (tmp_path / "yolo" / "data.yaml").read_text(encoding="utf-8")
    assert "test: images/test\nunsplit: images/unsplit\n" in yaml
    assert "  19: nucleated cell\n" in yaml
    assert len((tmp_path / "yolo" / "classes.txt").read_text(encoding="utf-8").splitlines()) == 20
    assert len(list((tmp_path / "yolo" / "labels").rglob("*.txt"))) == 2
    document = json.loads((tmp_path / "coco" / "annotations" / "instances_test.json").read_text(encoding="utf-8"))
    assert document["annotations"][0]["bbox"] == [1, 2, 8, 7]
    assert document["categories"][19] == {"id": 20, "name": "nucleated cell"}
    assert (tmp_path / "coco" / "images" / document["images"][0]["file_name"]).is_file()
    assert {path.name for path in (tmp_path / "voc").iterdir()} == {
        "Annotations", "ImageSets", "JPEGImages", "examples.csv",
    }  # fmt: skip
    assert [path.parent.name for path in (tmp_path / "cells").rglob("*.png")] == ["nucleated_cell"]


def test_pycocotools_reads_our_coco(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An independent reader finds the same boxes."""
    coco = pytest.importorskip("pycocotools.coco")
    write_files(FileFormat.COCO, held(TWO), tmp_path / "out")
    read = coco.COCO(str(tmp_path / "out" / "annotations" / "instances_test.json"))
    capsys.readouterr()
    (annotation,) = read.loadAnns(read.getAnnIds())
    assert annotation["bbox"] == [1, 2, 8, 7]
    assert read.loadCats(annotation["category_id"])[0]["name"] == class_name(None)


def test_an_export_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """A picture that cannot be read leaves no folder; one that is there is not written over."""
    source = held(TWO)
    source._pictures.clear()
    with pytest.raises(DatasetError, match="picture-missing"):
        write_files(FileFormat.YOLO, source, tmp_path / "out")
    assert not list(tmp_path.iterdir())
    (tmp_path / "out").mkdir()
    with pytest.raises(DatasetError, match="export-exists"):
        write_files(FileFormat.YOLO, held(TWO), tmp_path / "out")


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    """It rises to 1."""
    heard: list[float] = []
    write_files(FileFormat.VOC, held(TWO), tmp_path / "out", heard.append)
    assert heard == [0.5, 1.0]


@pytest.mark.parametrize(
    "row", [{"um_per_px": "-1"}, {"um_per_px": "x"}, {"fit": "perhaps"}, {"split": "training"}, {"patientt": "x"}]
)
def test_a_faulty_table_is_told(tmp_path: Path, row: dict[str, str]) -> None:
    """File and line."""
    write_files(FileFormat.VOC, held(TWO[:1]), tmp_path / "out")
    path = tmp_path / "out" / "examples.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["file", *row])
        writer.writeheader()
        writer.writerow({"file": "JPEGImages/x.png", **row})
    with pytest.raises(DatasetError, match="table-malformed") as failure:
        open_files(FileFormat.VOC, tmp_path / "out").examples(Faults())
    assert f"{path}, line 2" in failure.value.message


def test_names_that_collide_are_told(tmp_path: Path) -> None:
    """A table that gives two pictures one name would make one of them vanish."""
    write_files(FileFormat.VOC, held(TWO), tmp_path / "out")
    pictures = sorted((tmp_path / "out" / "JPEGImages").iterdir())
    rows = "".join(f"JPEGImages/{path.name},same\n" for path in pictures)
    (tmp_path / "out" / "examples.csv").write_text(f"file,name\n{rows}", encoding="utf-8")
    with pytest.raises(DatasetError, match="name-repeated"):
        open_files(FileFormat.VOC, tmp_path / "out").examples(Faults())


def test_rescaling_moves_boxes_with_their_picture() -> None:
    """From 0.1 to 0.25 um/px a picture of 100 px has 40, and so its boxes; nearly the same stays as it is."""
    mapped = IDENTITY.mapped
    one = open_example(0.1)
    picture, scaled = rescaled(noise(1, 100, 50), one, 0.25)
    assert (picture.shape, scaled.size, scaled.um_per_px) == ((20, 40, 3), SizePx(40, 20), 0.25)
    assert mapped(scaled).objects == (LabelledBox(PixelBox(4, 2, 20, 16), CellType.BLAST),)
    assert rescaled(noise(1, 100, 50), open_example(0.2499), 0.25)[1].um_per_px == 0.2499
    with pytest.raises(DatasetError, match="resolution-unknown"):
        rescaled(noise(1, 100, 50), replace(one, um_per_px=None), 0.25)


def open_example(um_per_px: float):  # noqa: ANN201 - a NamedExample
    from marrowcount.datasets import NamedBox, NamedExample

    return NamedExample("a", SizePx(100, 50), (NamedBox(PixelBox(10, 5, 50, 40), "blast"),), um_per_px=um_per_px)


def test_the_folder_can_be_moved(tmp_path: Path) -> None:
    """Nothing in an export names the folder that it was written to."""
    write_files(FileFormat.YOLO, held(TWO), tmp_path / "one")
    shutil.move(tmp_path / "one", tmp_path / "other")
    assert len(open_files(FileFormat.YOLO, tmp_path / "other").examples(Faults())) == 2
    assert str(tmp_path) not in (tmp_path / "other" / "data.yaml").read_text(encoding="utf-8")
