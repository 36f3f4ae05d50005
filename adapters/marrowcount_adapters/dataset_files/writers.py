"""Data sets out, in the formats that the readers read; what a format has no place for goes into ``examples.csv``."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

import yaml

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import class_name
from marrowcount_adapters.dataset_files.coco import ANNOTATIONS
from marrowcount_adapters.dataset_files.export import Exported, Written
from marrowcount_adapters.dataset_files.pictures import write_picture
from marrowcount_adapters.dataset_files.voc import SPLIT_LISTS
from marrowcount_adapters.dataset_files.yolo import CLASSES_FILE, DATA_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from marrowcount.datasets import Example, LabelledBox
    from marrowcount.slides.geometry import PixelBox

__all__ = ["write_cells", "write_coco", "write_voc", "write_yolo"]

CLASSES: Final = (*CellType, None)
NAMES: Final = tuple(map(class_name, CLASSES))


def write_yolo(exported: Iterable[Exported], folder: Path) -> Iterator[Written]:
    """``data.yaml``, ``classes.txt``, ``images/<split>/…png`` and ``labels/<split>/…txt``."""
    splits: set[str] = set()
    for one in exported:
        one.write(folder / "images" / one.split)
        splits.add(one.split)
        if one.example.objects is not None:
            lines = "".join(f"{_yolo_line(labelled, one.example)}\n" for labelled in one.example.objects)
            _write_text(folder / "labels" / one.split / f"{one.stem}.txt", lines)
        yield Written(f"images/{one.split}/{one.stem}.png", one.example)
    _write_text(folder / CLASSES_FILE, "".join(f"{name}\n" for name in NAMES))
    places = {split: f"images/{split}" for split in sorted(splits)}
    data = {**places, "names": dict(enumerate(NAMES))}
    _write_text(folder / DATA_FILE, yaml.safe_dump(data, sort_keys=False))


def _yolo_line(labelled: LabelledBox, example: Example) -> str:
    box, size = labelled.box, example.size
    (x, y), number = box.centre, CLASSES.index(labelled.cell_type)
    shares = (x / size.width, y / size.height, box.width / size.width, box.height / size.height)
    return " ".join([str(number), *(f"{share:.10f}" for share in shares)])


def write_coco(exported: Iterable[Exported], folder: Path) -> Iterator[Written]:
    """``annotations/instances_<split>.json`` and ``images/<split>/…png``."""
    by_split: dict[str, list[tuple[str, Example]]] = {}
    for one in exported:
        one.write(folder / "images" / one.split)
        by_split.setdefault(one.split, []).append((f"{one.split}/{one.stem}.png", one.example))
        yield Written(f"images/{one.split}/{one.stem}.png", one.example)
    for split, examples in by_split.items():
        _write_text(folder / ANNOTATIONS / f"instances_{split}.json", json.dumps(_coco_document(examples)))


def _coco_document(examples: Iterable[tuple[str, Example]]) -> dict[str, list[dict[str, Any]]]:
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (file, example) in enumerate(examples, 1):
        size = {"width": example.size.width, "height": example.size.height}
        images.append({"id": number, "file_name": file, **size})
        for labelled in example.objects or ():
            annotations.append({"id": len(annotations) + 1, "image_id": number, **_coco_box(labelled)})
    categories = [{"id": number, "name": name} for number, name in enumerate(NAMES, 1)]
    return {"images": images, "annotations": annotations, "categories": categories}


def _coco_box(labelled: LabelledBox) -> dict[str, Any]:
    box = labelled.box
    return {
        "category_id": CLASSES.index(labelled.cell_type) + 1,
        "bbox": [box.left, box.top, box.width, box.height],
        "area": box.area,
        "iscrowd": 0,
    }


def write_voc(exported: Iterable[Exported], folder: Path) -> Iterator[Written]:
    """``JPEGImages/…png``, ``Annotations/…xml`` and the lists of the splits; sides in whole pixels, as LabelImg has."""
    lists: dict[str, list[str]] = {}
    for one in exported:
        one.write(folder / "JPEGImages")
        lists.setdefault(one.split, []).append(one.stem)
        if one.example.objects is not None:
            path = folder / "Annotations" / f"{one.stem}.xml"
            path.parent.mkdir(exist_ok=True)
            _voc_document(one).write(path, encoding="utf-8")
        yield Written(f"JPEGImages/{one.stem}.png", one.example)
    for split, stems in lists.items():
        _write_text(folder / SPLIT_LISTS / f"{split}.txt", "".join(f"{stem}\n" for stem in stems))


def _voc_document(one: Exported) -> ElementTree[Element]:
    root = Element("annotation")
    _sub(root, {"folder": "JPEGImages", "filename": f"{one.stem}.png"})
    size = {"width": one.example.size.width, "height": one.example.size.height, "depth": 3}
    _sub(SubElement(root, "size"), size)
    _sub(root, {"segmented": 0})
    for labelled in one.example.objects or ():
        element = SubElement(root, "object")
        _sub(element, {"name": class_name(labelled.cell_type), "pose": "Unspecified", "truncated": 0, "difficult": 0})
        _sub(SubElement(element, "bndbox"), _voc_sides(labelled.box))
    indent(root)
    return ElementTree(root)


def _sub(parent: Element, values: Mapping[str, str | int]) -> None:
    for tag, value in values.items():
        SubElement(parent, tag).text = str(value)


def _voc_sides(box: PixelBox) -> dict[str, str | int]:
    """Whole pixels, at least one wide and high."""
    left, top = math.floor(box.left + 0.5), math.floor(box.top + 0.5)
    right, bottom = math.floor(box.right + 0.5), math.floor(box.bottom + 0.5)
    if right <= left:
        left, right = math.floor(box.left), math.floor(box.left) + 1
    if bottom <= top:
        top, bottom = math.floor(box.top), math.floor(box.top) + 1
    return {"xmin": left, "ymin": top, "xmax": right, "ymax": bottom}


def write_cells(exported: Iterable[Exported], folder: Path) -> Iterator[Written]:
    """``<split>/<class>/…png``: every object cut out along its box, widened to whole pixels."""
    for one in exported:
        for number, labelled in enumerate(one.example.objects or ()):
            box = labelled.box
            left, top = math.floor(box.left), math.floor(box.top)
            cut = one.picture[top : math.ceil(box.bottom), left : math.ceil(box.right)]
            file = f"{one.split}/{class_name(labelled.cell_type).replace(' ', '_')}/{one.stem}_{number}.png"
            write_picture(folder / file, cut)
            yield Written(file, replace(one.example, name=f"{one.example.name}#{number}", complete=False))


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
