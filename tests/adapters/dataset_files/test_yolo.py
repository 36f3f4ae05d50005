"""YOLO in: layouts as they are found, and every faulty line named by file and number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from made_up_data import noise
from marrowcount.datasets import Faults, Split
from marrowcount.errors import DatasetError
from marrowcount.slides.geometry import PixelBox
from marrowcount_adapters.dataset_files import FileFormat, NamePatterns, ReadingOptions, open_files, pattern
from marrowcount_adapters.dataset_files.pictures import write_picture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

YOLO = FileFormat.YOLO
NAMES = "names: [WBC, RBC]\n"


def add(root: Path, picture: str, label: str | None = None, text: str = "") -> None:
    write_picture(root / picture, noise(len(picture), 100, 50))
    if label is not None:
        (root / label).parent.mkdir(parents=True, exist_ok=True)
        (root / label).write_text(text, encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two splits as ultralytics has them; one picture with nothing on it, one that nobody labelled."""
    (tmp_path / "data.yaml").write_text(f"train: ./images/train/\nval: images/val\ntest:\n{NAMES}", encoding="utf-8")
    add(tmp_path, "images/train/a.png", "labels/train/a.txt", "0 0.5 0.5 0.2 0.4\n\n1 0.1 0.2 0.2 0.4\n")
    add(tmp_path, "images/train/b.png", "labels/train/b.txt")
    add(tmp_path, "images/val/c.png")
    return tmp_path


def test_boxes_names_and_splits_are_read(root: Path, read: Callable) -> None:
    """Shares become pixels; an empty file says nothing is there, a missing one that nobody looked."""
    first, second, third = read(YOLO, root)
    assert [(one.name, one.box) for one in first.objects] == [
        ("WBC", PixelBox(40, 15, 60, 35)),
        ("RBC", PixelBox(0, 0, 20, 20)),
    ]
    assert (second.objects, third.objects) == ((), None)
    assert [one.split for one in (first, second, third)] == [Split.TRAIN, Split.TRAIN, Split.VALIDATION]
    assert [one.name for one in (first, third)] == ["images/train/a.png", "images/val/c.png"]


def test_the_yaml_may_be_named_and_lie_elsewhere(
    root: Path, tmp_path_factory: pytest.TempPathFactory, read: Callable
) -> None:
    """``path`` leads to the pictures, and names do not tell where on this machine that is."""
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "some.yaml"
    elsewhere.write_text(f"path: {root}\ntrain: images/train\n{NAMES}", encoding="utf-8")
    assert [one.name for one in read(YOLO, elsewhere)] == ["images/train/a.png", "images/train/b.png"]


def test_lists_of_pictures_and_numbered_names_are_read(root: Path, read: Callable) -> None:
    """A split may be a text file of paths, and names a table."""
    (root / "train.txt").write_text("./images/train/a.png\n", encoding="utf-8")
    (root / "data.yaml").write_text("train: train.txt\nnames: {0: WBC, 1: RBC}\n", encoding="utf-8")
    (only,) = read(YOLO, root)
    assert [one.name for one in only.objects] == ["WBC", "RBC"]


def test_a_folder_above_is_looked_for_beside_the_yaml(root: Path, read: Callable) -> None:
    """Exports of web tools say ../train/images and mean train/images."""
    (root / "data.yaml").write_text(f"train: ../images/train\n{NAMES}", encoding="utf-8")
    assert len(read(YOLO, root)) == 2


def test_labelimg_leaves_labels_beside_pictures(tmp_path: Path, read: Callable) -> None:
    """classes.txt names the classes; folders may tell the split."""
    (tmp_path / "classes.txt").write_text("blast\n\nmonocyte\n", encoding="utf-8")
    add(tmp_path, "test/a.png", "test/a.txt", "1 0.5 0.5 1 1\n")
    (only,) = read(YOLO, tmp_path)
    assert (only.objects[0].name, only.split) == ("monocyte", Split.TEST)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("0 0.5 0.5 0.2", "label-malformed"),
        ("0 0.5 0.5 0.2 0.4 0.93", "label-malformed"),
        ("x 0.5 0.5 0.2 0.4", "label-malformed"),
        ("0 0.5 0.5 zero 0.4", "label-malformed"),
        ("0 nan 0.5 0.2 0.4", "label-malformed"),
        ("7 0.5 0.5 0.2 0.4", "label-malformed"),
        ("0 0.95 0.5 0.2 0.4", "box-outside"),
        ("0 5 5 2 2", "box-outside"),
        ("0 0.5 0.5 0 0.4", "box-empty"),
        ("0 0.5 0.5 -0.2 0.4", "box-empty"),
    ],
)
def test_a_faulty_line_is_named(root: Path, fault: Callable, line: str, code: str) -> None:
    """File and line number stand in the message."""
    path = root / "labels/train/a.txt"
    path.write_text(f"0 0.5 0.5 0.2 0.4\n{line}\n", encoding="utf-8")
    found = fault(YOLO, root)
    assert found.code == code
    assert f"{path}, line 2" in found.message


def test_rounding_beyond_the_edge_is_cut_off(root: Path, read: Callable) -> None:
    """Less than a pixel beyond the picture is the tool's rounding."""
    (root / "labels/train/a.txt").write_text("0 0.905 0.5 0.2 0.4\n", encoding="utf-8")
    assert read(YOLO, root)[0].objects[0].box.right == 100


def test_all_faults_are_collected_when_asked(root: Path) -> None:
    """Every faulty line of every file is noted, and no picture comes with half of its labels."""
    (root / "labels/train/a.txt").write_text("0 0.5\n0 0.5 0.5 0.2 0.4\n9 0.5 0.5 0.2 0.4\n", encoding="utf-8")
    (root / "labels/train/b.txt").write_bytes(b"\xff\xfe\x00")
    (root / "labels/train/gone.txt").write_text("0 0.5 0.5 0.2 0.4\n", encoding="utf-8")
    faults = Faults(keep_going=True)
    examples = open_files(YOLO, root).examples(faults)
    assert [one.name for one in examples] == ["images/val/c.png"]
    assert [error.code for error in faults.found] == [
        "label-malformed", "label-malformed", "label-unreadable", "picture-missing",
    ]  # fmt: skip


def test_labels_without_their_picture_are_told(root: Path, fault: Callable) -> None:
    """Labels are not dropped because a picture is missing; a note beside the pictures is no label."""
    (root / "labels/train/notes.txt").write_text("drawn by two readers\n", encoding="utf-8")
    (root / "labels/train/lost.txt").write_text("0 0.5 0.5 0.2 0.4\n", encoding="utf-8")
    found = fault(YOLO, root)
    assert (found.code, "lost.txt" in found.message) == ("picture-missing", True)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("train: [\n", "label-malformed"),
        ("- a\n", "label-malformed"),
        ("train: images/train\n", "classes-missing"),
        ("train: images/train\nnames: {a: b}\n", "classes-missing"),
        (f"train: nowhere\n{NAMES}", "pictures-missing"),
    ],
)
def test_a_malformed_yaml_is_told(root: Path, fault: Callable, text: str, code: str) -> None:
    """Each way in which data.yaml can be wrong has its code and names the file."""
    (root / "data.yaml").write_text(text, encoding="utf-8")
    found = fault(YOLO, root)
    assert found.code == code
    assert "data.yaml" in found.message


def test_a_folder_without_class_names_is_no_yolo(tmp_path: Path, fault: Callable) -> None:
    """Numbers without names mean nothing."""
    add(tmp_path, "a.png", "a.txt", "0 0.5 0.5 1 1\n")
    assert fault(YOLO, tmp_path).code == "classes-missing"


def test_an_empty_folder_is_told(tmp_path: Path, fault: Callable) -> None:
    """Classes but no pictures, and no folder at all."""
    (tmp_path / "classes.txt").write_text("blast\n", encoding="utf-8")
    assert fault(YOLO, tmp_path).code == "no-pictures"
    with pytest.raises(DatasetError, match="files-missing"):
        open_files(YOLO, tmp_path / "nothing")


def test_names_tell_patient_and_group(root: Path, read: Callable, fault: Callable) -> None:
    """The first group of the pattern, else all that it finds; a name that tells neither is a fault."""
    options = ReadingOptions(NamePatterns(pattern("images/(train|val)"), pattern("[abc](?=.png)")), um_per_px=0.1)
    found = read(YOLO, root, options)
    assert [(one.patient, one.group, one.um_per_px) for one in found] == [
        ("train", "a", 0.1), ("train", "b", 0.1), ("val", "c", 0.1),
    ]  # fmt: skip
    assert fault(YOLO, root, ReadingOptions(NamePatterns(pattern("train")))).code == "name-unmatched"
    with pytest.raises(DatasetError, match="wrong-pattern"):
        pattern("(")
