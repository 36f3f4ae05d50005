"""Pascal VOC and COCO in: what LabelImg and others leave, and each fault by its code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from made_up_data import noise
from marrowcount.datasets import Faults, Split
from marrowcount.slides.geometry import PixelBox
from marrowcount_adapters.dataset_files import FileFormat, ReadingOptions, open_files
from marrowcount_adapters.dataset_files.pictures import write_picture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VOC, COCO = FileFormat.VOC, FileFormat.COCO

LABELIMG = """<annotation verified="yes">
	<folder>train</folder>
	<filename>{filename}</filename>
	<path>C:\\data\\{filename}</path>
	<source><database>Unknown</database></source>
	<size><width>100</width><height>50</height><depth>3</depth></size>
	<segmented>0</segmented>
	<object>
		<name>plasma cell</name><pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>
		<bndbox><xmin>{xmin}</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>
	</object>
</annotation>
"""
BOMB = """<?xml version="1.0"?>
<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
<annotation><filename>&c;</filename></annotation>
"""
THIEF = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><filename>&x;</filename></annotation>'


def add(path: Path) -> None:
    write_picture(path, noise(1, 100, 50))


@pytest.fixture
def labelimg(tmp_path: Path) -> Path:
    add(tmp_path / "a.png")
    add(tmp_path / "b.png")
    (tmp_path / "a.xml").write_text(LABELIMG.format(filename="a.png", xmin=1), encoding="utf-8")
    return tmp_path


def test_labelimg_files_are_read(labelimg: Path, read: Callable) -> None:
    """Sides are edges in pixels; a picture without a file was not looked at."""
    first, second = read(VOC, labelimg)
    assert [(one.name, one.box) for one in first.objects] == [("plasma cell", PixelBox(1, 2, 30, 40))]
    assert (second.name, second.objects) == ("b.png", None)


def test_the_layout_of_voc_is_read(tmp_path: Path, read: Callable) -> None:
    """Annotations beside JPEGImages, splits in lists."""
    add(tmp_path / "JPEGImages" / "a.png")
    for folder in ("Annotations", "ImageSets/Main"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "Annotations" / "a.xml").write_text(LABELIMG.format(filename="a.png", xmin=1), encoding="utf-8")
    (tmp_path / "ImageSets/Main" / "val.txt").write_text("a\n", encoding="utf-8")
    (only,) = read(VOC, tmp_path)
    assert (only.name, only.split) == ("JPEGImages/a.png", Split.VALIDATION)


def test_pictures_may_lie_elsewhere(labelimg: Path, tmp_path_factory: pytest.TempPathFactory, read: Callable) -> None:
    """A folder named by the user is looked in first, and the picture's own suffix does not matter."""
    elsewhere = tmp_path_factory.mktemp("pictures")
    (labelimg / "a.png").rename(elsewhere / "a.png")
    (labelimg / "a.xml").write_text(LABELIMG.format(filename="a.jpg", xmin=1), encoding="utf-8")
    (only,) = read(VOC, labelimg, ReadingOptions(pictures=elsewhere))
    assert (only.name, len(only.objects)) == ("a.png", 1)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<annotation>", "label-malformed"),
        ("", "label-malformed"),
        (BOMB, "label-malformed"),
        (THIEF, "label-malformed"),
        (LABELIMG.format(filename="a.png", xmin="left"), "label-malformed"),
        (LABELIMG.format(filename="a.png", xmin="1e999"), "label-malformed"),
        (LABELIMG.format(filename="a.png", xmin="").replace("<xmin></xmin>", ""), "label-malformed"),
        (LABELIMG.format(filename="a.png", xmin=1).replace("plasma cell", " "), "label-malformed"),
        (LABELIMG.format(filename="a.png", xmin=-20), "box-outside"),
        (LABELIMG.format(filename="a.png", xmin=30), "box-empty"),
        (LABELIMG.format(filename="a.png", xmin=1).replace("100", "640"), "picture-size-differs"),
        ("<annotation><filename>c.png</filename></annotation>", "picture-missing"),
    ],
)
def test_faulty_xml_is_told(labelimg: Path, fault: Callable, text: str, code: str) -> None:
    """Each by its code, naming the file; no entity is expanded and no file fetched."""
    path = labelimg / ("c.xml" if code == "picture-missing" else "a.xml")
    path.write_text(text, encoding="utf-8")
    found = fault(VOC, labelimg)
    assert found.code == code
    assert str(path) in found.message
    assert "root:" not in found.message


def coco(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any part of a document
    return {
        "info": {"year": 2026},
        "images": [
            {"id": 1, "file_name": "a.png", "width": 100, "height": 50},
            {"id": "two", "file_name": "b.png"},
        ],
        "annotations": [{"id": 5, "image_id": 1, "category_id": 3, "bbox": [10.5, 2, 20, 30], "iscrowd": 0}],
        "categories": [{"id": 3, "name": "WBC", "supercategory": "cell"}],
        **changes,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    add(tmp_path / "images" / "a.png")
    add(tmp_path / "images" / "b.png")
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "instances_val2017.json").write_text(json.dumps(coco()), encoding="utf-8")
    return tmp_path


def test_coco_is_read(folder: Path, read: Callable) -> None:
    """Boxes by corner and size; the file's name tells the split; no annotation means nothing there."""
    first, second = read(COCO, folder)
    assert [(one.name, one.box) for one in first.objects] == [("WBC", PixelBox(10.5, 2, 30.5, 32))]
    assert (first.name, first.split, second.objects) == ("images/a.png", Split.VALIDATION, ())


def test_a_coco_file_may_be_named(folder: Path, read: Callable) -> None:
    """With the folder of its pictures."""
    path = (folder / "annotations" / "instances_val2017.json").rename(folder / "labels.json")
    assert len(read(COCO, path, ReadingOptions(pictures=folder / "images"))) == 2
    assert read(COCO, path)[0].split is None


ONE = {"id": 5, "image_id": 1, "category_id": 3, "bbox": [10, 2, 20, 30]}


@pytest.mark.parametrize(
    ("document", "code", "where"),
    [
        ({"images": []}, "label-malformed", "categories"),
        (coco(annotations=[{**ONE, "bbox": [1, 2, 3]}]), "label-malformed", "annotations.0.bbox"),
        (coco(annotations=[{**ONE, "bbox": None}]), "label-malformed", "annotation 5"),
        (coco(annotations=[{**ONE, "iscrowd": 1}]), "label-malformed", "crowd"),
        (coco(annotations=[{**ONE, "category_id": 9}]), "label-malformed", "annotation 5"),
        (coco(annotations=[{**ONE, "image_id": 9}]), "label-malformed", "annotation 5"),
        (coco(annotations=[{**ONE, "bbox": [90, 2, 20, 30]}]), "box-outside", "annotation 5"),
        (coco(annotations=[{**ONE, "bbox": [90, 2, 0, 30]}]), "box-empty", "annotation 5"),
        (coco(images=[{"id": 1, "file_name": "a.png", "width": 640, "height": 50}]), "picture-size-differs", "image 1"),
        (coco(images=[{"id": 1, "file_name": "gone.png"}]), "picture-missing", "gone.png"),
    ],
)
def test_faulty_coco_is_told(folder: Path, fault: Callable, document: dict[str, Any], code: str, where: str) -> None:
    """Each by its code, naming the file and the place in it."""
    path = folder / "annotations" / "instances_val2017.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    found = fault(COCO, folder)
    assert found.code == code
    assert where in found.message
    assert str(path) in found.message


def test_no_coco_is_told(folder: Path, fault: Callable) -> None:
    """No JSON file, and one that is no JSON."""
    path = folder / "annotations" / "instances_val2017.json"
    path.write_text("{", encoding="utf-8")
    assert fault(COCO, folder).code == "label-malformed"
    path.unlink()
    assert fault(COCO, folder).code == "label-missing"


def test_all_faults_of_a_coco_file_are_collected(folder: Path) -> None:
    """Two bad boxes on one picture are two faults; the other picture is read."""
    bad = [{**ONE, "bbox": [90, 2, 20, 30]}, {**ONE, "bbox": [1, 2, 0, 0]}]
    path = folder / "annotations" / "instances_val2017.json"
    path.write_text(json.dumps(coco(annotations=bad)), encoding="utf-8")
    faults = Faults(keep_going=True)
    assert [one.name for one in open_files(COCO, folder).examples(faults)] == ["images/b.png"]
    assert [error.code for error in faults.found] == ["box-outside", "box-empty"]
