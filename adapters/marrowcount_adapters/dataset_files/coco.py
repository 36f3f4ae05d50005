"""COCO: one JSON file of pictures, boxes and classes, or one for each split.

A picture without annotations is one on which somebody looked and found nothing, unless ``examples.csv`` says otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from marrowcount.datasets import NamedBox
from marrowcount.errors import DatasetError
from marrowcount_adapters.dataset_files.boxes import checked_box
from marrowcount_adapters.dataset_files.file_names import split_in
from marrowcount_adapters.dataset_files.files import FoundPicture, all_parsed, beside, blank_example, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from marrowcount.datasets import Faults, NamedExample
    from marrowcount_adapters.dataset_files.files import ReadingOptions

__all__ = ["ANNOTATIONS", "find_coco"]

ANNOTATIONS: Final = "annotations"
"""Folder of the JSON files."""

PICTURE_FOLDERS: Final = ("", "images", "..", "../images")
"""Where pictures may lie, from the folder of the JSON file."""


class _Image(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: int | str
    file_name: str
    width: int | None = None
    height: int | None = None


class _Annotation(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: int | str | None = None
    image_id: int | str
    category_id: int
    bbox: tuple[float, float, float, float] | None = None
    iscrowd: int = 0


class _Category(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: int
    name: str


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    images: tuple[_Image, ...]
    annotations: tuple[_Annotation, ...] = ()
    categories: tuple[_Category, ...]


@dataclass(frozen=True, slots=True)
class _File:
    """A JSON file read, and what its pictures are read with."""

    path: Path
    root: Path
    options: ReadingOptions
    document: _Document
    names: Mapping[int, str]


def find_coco(root: Path, options: ReadingOptions, faults: Faults) -> Iterator[FoundPicture]:
    """The labelled pictures of a COCO file, or of all in a folder.

    Raises:
        DatasetError: ``label-missing``: no such file; where ``faults`` does not keep going also ``label-malformed``,
            ``label-unreadable``, ``box-outside``, ``box-empty``, ``picture-...``, ``picture-size-differs``.
    """
    for path in _paths(root):
        with faults.noted():
            document = _document(path)
            names = {category.id: category.name for category in document.categories}
            file = _File(path, root if root.is_dir() else root.parent, options, document, names)
            yield from _pictures(file, faults)


def _paths(root: Path) -> Sequence[Path]:
    if root.is_file():
        return (root,)
    files = sorted((root / ANNOTATIONS).glob("*.json")) or sorted(root.glob("*.json"))
    if not files:
        raise DatasetError("label-missing", f"{root} and its {ANNOTATIONS} hold no JSON file")
    return files


def _document(path: Path) -> _Document:
    try:
        document = _Document.model_validate_json(read_text(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DatasetError("label-malformed", f"{path}: {place}: {first['msg']}") from error
    ids = {image.id for image in document.images}
    lost = next((one for one in document.annotations if one.image_id not in ids), None)
    if lost is not None:
        raise DatasetError("label-malformed", f"{path}: annotation {lost.id} is about no picture: {lost.image_id}")
    return document


def _pictures(file: _File, faults: Faults) -> Iterator[FoundPicture]:
    of_image: defaultdict[int | str, list[_Annotation]] = defaultdict(list)
    for annotation in file.document.annotations:
        of_image[annotation.image_id].append(annotation)
    for image in file.document.images:
        with faults.noted():
            picture = _picture(file, image)
            example = _labelled(file, blank_example(file.root, picture, file.options), of_image[image.id], faults)
            if example is not None:
                _require_size(file, image, example)
                yield FoundPicture(replace(example, split=example.split or split_in(file.path.stem)), picture)


def _picture(file: _File, image: _Image) -> Path:
    folders = (beside(file.path.parent, folder) for folder in PICTURE_FOLDERS)
    for folder in (file.options.pictures,) if file.options.pictures else folders:
        if (candidate := beside(folder, image.file_name)).is_file():
            return candidate
    raise DatasetError("picture-missing", f"{file.path}: image {image.id}, {image.file_name}, is not there")


def _require_size(file: _File, image: _Image, example: NamedExample) -> None:
    said, there = (image.width, image.height), (example.size.width, example.size.height)
    if None not in said and said != there:
        raise DatasetError(
            "picture-size-differs",
            f"{file.path}: image {image.id} has {said[0]} x {said[1]} px; {example.name} {there[0]} x {there[1]} px",
        )


def _labelled(
    file: _File, example: NamedExample, annotations: Sequence[_Annotation], faults: Faults
) -> NamedExample | None:
    boxes = all_parsed(annotations, lambda one: _box(one, file, example), faults)
    return None if boxes is None else replace(example, objects=boxes)


def _box(annotation: _Annotation, file: _File, example: NamedExample) -> NamedBox:
    where = f"{file.path}, annotation {annotation.id}"
    if annotation.bbox is None or annotation.iscrowd:
        what = "marks a crowd" if annotation.iscrowd else "has no bbox"
        raise DatasetError("label-malformed", f"{where} {what}; only boxes of single objects are read")
    if annotation.category_id not in file.names:
        raise DatasetError("label-malformed", f"{where}: there is no category {annotation.category_id}")
    left, top, width, height = annotation.bbox
    sides = (left, top, left + width, top + height)
    return NamedBox(checked_box(sides, example.size, where), file.names[annotation.category_id])
