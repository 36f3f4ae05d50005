"""Pascal VOC: one XML file a picture, as LabelImg writes it (the labelling tool of Tayebi 2022).

The sides of a box are taken as edges, the first pixel's outer corner being 0, which is how LabelImg draws; VOC's own
count from 1, half a pixel off. A picture without an XML file is one that nobody looked at.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from marrowcount.datasets import NamedBox, Split
from marrowcount.errors import DatasetError
from marrowcount_adapters.dataset_files.boxes import checked_box
from marrowcount_adapters.dataset_files.files import FoundPicture, all_parsed, beside, blank_example, read_text
from marrowcount_adapters.dataset_files.pictures import PICTURE_SUFFIXES, pictures_under
from marrowcount_adapters.dataset_files.safe_xml import parse_xml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from marrowcount.datasets import Faults, NamedExample
    from marrowcount_adapters.dataset_files.files import ReadingOptions

__all__ = ["SPLIT_LISTS", "find_voc"]

SPLIT_LISTS: Final = "ImageSets/Main"
"""Folder of ``train.txt``, ``val.txt``, ``test.txt``: the stems of the pictures of each split."""

SPLITS: Final = {"train": Split.TRAIN, "val": Split.VALIDATION, "test": Split.TEST}
SIDES: Final = ("xmin", "ymin", "xmax", "ymax")
PICTURE_FOLDERS: Final = ("", "../JPEGImages", "../images", "../Images")
"""Where a picture may lie, from the folder of its XML."""


def find_voc(root: Path, options: ReadingOptions, faults: Faults) -> Iterator[FoundPicture]:
    """The labelled pictures of a folder, then those without labels.

    Raises:
        DatasetError: where ``faults`` does not keep going: ``label-malformed``, ``label-unreadable``, ``box-outside``,
            ``box-empty``, ``picture-...``, ``picture-size-differs``.
    """
    splits = _splits(root)
    seen: set[Path] = set()
    for path in sorted(root.rglob("*.xml")):
        with faults.noted():
            document = parse_xml(path)
            picture = _picture(path, document, root, options)
            seen.add(picture)
            example = _labelled(blank_example(root, picture, options), document, path, faults)
            if example is not None:
                yield FoundPicture(_in_split(example, picture, splits), picture)
    for picture in pictures_under(options.pictures or root):
        if picture not in seen:
            with faults.noted():
                yield FoundPicture(_in_split(blank_example(root, picture, options), picture, splits), picture)


def _splits(root: Path) -> Mapping[str, Split]:
    found: dict[str, Split] = {}
    for name, split in SPLITS.items():
        path = root / SPLIT_LISTS / f"{name}.txt"
        if path.is_file():
            found.update((line.split()[0], split) for line in read_text(path).splitlines() if line.strip())
    return found


def _in_split(example: NamedExample, picture: Path, splits: Mapping[str, Split]) -> NamedExample:
    return replace(example, split=splits.get(picture.stem, example.split))


def _picture(path: Path, document: Element, root: Path, options: ReadingOptions) -> Path:
    """The picture that an XML file is about: by the name that it gives, else by its own."""
    named = (document.findtext("filename") or "").strip().replace("\\", "/").rpartition("/")[2]
    folders = [beside(path.parent, folder) for folder in PICTURE_FOLDERS] + [root]
    if options.pictures is not None:
        folders.insert(0, options.pictures)
    names = [named] if named else []
    names += [f"{path.stem}{suffix}" for suffix in sorted(PICTURE_SUFFIXES)]
    for candidate in (folder / name for folder in folders for name in names):
        if candidate.is_file():
            return candidate
    raise DatasetError("picture-missing", f"{path} is about {named or path.stem!r}, which is not there")


def _labelled(example: NamedExample, document: Element, path: Path, faults: Faults) -> NamedExample | None:
    _require_size(example, document, path)
    numbered = enumerate(document.iter("object"), 1)
    boxes = all_parsed(numbered, lambda one: _box(one[1], f"{path}, object {one[0]}", example), faults)
    return None if boxes is None else replace(example, objects=boxes)


def _require_size(example: NamedExample, document: Element, path: Path) -> None:
    said = tuple(document.findtext(f"size/{side}") for side in ("width", "height"))
    there = (str(example.size.width), str(example.size.height))
    if None not in said and said != there:
        raise DatasetError(
            "picture-size-differs",
            f"{path} was drawn on a picture of {said[0]} x {said[1]} px; {example.name} has {there[0]} x {there[1]} px",
        )


def _box(element: Element, where: str, example: NamedExample) -> NamedBox:
    name = (element.findtext("name") or "").strip()
    if not name:
        raise DatasetError("label-malformed", f"{where}: the object has no name")
    try:
        left, top, right, bottom = (float(element.findtext(f"bndbox/{side}") or "") for side in SIDES)
    except ValueError as error:
        raise DatasetError("label-malformed", f"{where}: bndbox needs {', '.join(SIDES)}: {error}") from error
    return NamedBox(checked_box((left, top, right, bottom), example.size, where), name)
