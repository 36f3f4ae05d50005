"""YOLO: a text file of boxes beside or opposite each picture, relative to its size; names in data.yaml or classes.txt.

Layouts read: a folder with ``data.yaml`` (its ``path``, ``train``, ``val``, ``test`` and ``names``, as ultralytics
reads them), or a folder of pictures with ``classes.txt``, as LabelImg leaves it. The labels of ``images/a.png`` lie in
``labels/a.txt``, else in ``a.txt`` beside it. An empty label file says that there is nothing on the picture; a missing
one that nobody looked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from marrowcount.datasets import NamedBox, Split
from marrowcount.errors import DatasetError
from marrowcount_adapters.dataset_files.boxes import checked_box
from marrowcount_adapters.dataset_files.file_names import UNSPLIT
from marrowcount_adapters.dataset_files.files import FoundPicture, all_parsed, beside, blank_example, read_text
from marrowcount_adapters.dataset_files.pictures import pictures_under

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from marrowcount.datasets import Faults, NamedExample
    from marrowcount.slides.geometry import SizePx
    from marrowcount_adapters.dataset_files.files import ReadingOptions

__all__ = ["CLASSES_FILE", "DATA_FILE", "find_yolo", "label_path"]

DATA_FILE: Final = "data.yaml"
CLASSES_FILE: Final = "classes.txt"
SPLIT_KEYS: Final = {"train": Split.TRAIN, "val": Split.VALIDATION, "test": Split.TEST, UNSPLIT: None}
NUMBERS_A_LINE: Final = 5


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where everything lies: base folder of the names, class names by number, pictures with the split they are in."""

    base: Path
    classes: dict[int, str]
    pictures: tuple[tuple[Path, Split | None], ...]


def find_yolo(root: Path, options: ReadingOptions, faults: Faults) -> Iterator[FoundPicture]:
    """The labelled pictures of a YOLO data set.

    Args:
        root: its folder, or its YAML file.
        options: how to read.
        faults: what to do about faulty files.

    Raises:
        DatasetError: ``classes-missing``, ``label-malformed`` (the YAML file); where ``faults`` does not keep going
            also ``label-malformed``, ``label-unreadable``, ``box-outside``, ``box-empty``, ``picture-...``.
    """
    layout = _layout(root)
    for picture, split in layout.pictures:
        with faults.noted():
            blank = blank_example(layout.base, picture, options)
            example = _labelled(replace(blank, split=split or blank.split), label_path(picture), layout.classes, faults)
            if example is not None:
                yield FoundPicture(example, picture)
    _note_orphans(layout, faults)


def label_path(picture: Path) -> Path:
    """Where a picture's labels lie: ``labels`` instead of the last ``images`` on the way."""
    parts = picture.parts
    places = [place for place, part in enumerate(parts[:-1]) if part == "images"]
    if not places:
        return picture.with_suffix(".txt")
    return Path(*parts[: places[-1]], "labels", *parts[places[-1] + 1 :]).with_suffix(".txt")


def _labelled(example: NamedExample, path: Path, classes: dict[int, str], faults: Faults) -> NamedExample | None:
    """The example with the boxes of its label file, as it is without such a file; None where the file is faulty."""
    if not path.is_file():
        return example
    lines = ((number, line) for number, line in enumerate(read_text(path).splitlines(), 1) if line.strip())
    boxes = all_parsed(lines, lambda one: _box(one[1], f"{path}, line {one[0]}", example.size, classes), faults)
    return None if boxes is None else replace(example, objects=boxes)


def _box(line: str, where: str, size: SizePx, classes: dict[int, str]) -> NamedBox:
    number, x, y, width, height = _numbers(line, where)
    if number not in classes:
        known = ", ".join(f"{key} {name}" for key, name in sorted(classes.items()))
        raise DatasetError("label-malformed", f"{where}: there is no class {number:g}; there are: {known}")
    left, top = (x - width / 2) * size.width, (y - height / 2) * size.height
    right, bottom = (x + width / 2) * size.width, (y + height / 2) * size.height
    return NamedBox(checked_box((left, top, right, bottom), size, where), classes[int(number)])


def _numbers(line: str, where: str) -> list[float]:
    fields = line.split()
    if len(fields) != NUMBERS_A_LINE:
        raise DatasetError(
            "label-malformed",
            f"{where}: {len(fields)} fields instead of class, x, y, width, height; outlines and predictions with "
            "probabilities are not read",
        )
    try:
        return [float(int(fields[0])), *map(float, fields[1:])]
    except ValueError as error:
        raise DatasetError("label-malformed", f"{where}: {error}") from error


def _layout(root: Path) -> _Layout:
    files = (root,) if root.is_file() else tuple(root / name for name in (DATA_FILE, "dataset.yaml"))
    file = next((path for path in files if path.is_file()), None)
    if file is not None:
        return _from_yaml(file)
    found = next(iter(sorted(root.rglob(CLASSES_FILE))), None)
    if found is None:
        raise DatasetError("classes-missing", f"{root} has neither {DATA_FILE} nor {CLASSES_FILE} to name its classes")
    names = [line.strip() for line in read_text(found).splitlines()]
    return _Layout(root, _classes([name for name in names if name], found), _unsplit(root))


def _unsplit(folder: Path) -> tuple[tuple[Path, Split | None], ...]:
    return tuple((picture, None) for picture in pictures_under(folder))


def _from_yaml(file: Path) -> _Layout:
    data = _yaml(file)
    base = beside(file.parent, str(data.get("path") or ""))
    listed = tuple(
        (picture, split)
        for key, split in SPLIT_KEYS.items()
        for place in _listed(data.get(key))
        for picture in _pictures(base, place, file)
    )
    return _Layout(base, _classes(data.get("names"), file), listed or _unsplit(base))


def _yaml(file: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(read_text(file))
    except yaml.YAMLError as error:
        raise DatasetError("label-malformed", f"{file} is no YAML: {error}") from error
    if not isinstance(data, dict):
        raise DatasetError("label-malformed", f"{file} holds no table of train, val, test and names")
    return data


def _classes(names: object, file: Path) -> dict[int, str]:
    if isinstance(names, list):
        return {number: str(name) for number, name in enumerate(names)}
    if isinstance(names, dict) and all(isinstance(number, int) for number in names):
        return {number: str(name) for number, name in names.items()}
    raise DatasetError("classes-missing", f"{file} has no names: a list of class names, or numbers and their names")


def _listed(value: object) -> Sequence[str]:
    if value is None:
        return ()
    return [str(one) for one in value] if isinstance(value, list) else (str(value),)


def _pictures(base: Path, place: str, file: Path) -> Sequence[Path]:
    """The pictures of a folder, or those that a text file lists; a folder above the YAML's is looked for beside it."""
    path = beside(base, place)
    if not path.exists():
        path = beside(base, place.removeprefix("../"))
    if path.is_dir():
        return pictures_under(path)
    if path.suffix == ".txt" and path.is_file():
        return [beside(base, line.strip()) for line in read_text(path).splitlines() if line.strip()]
    raise DatasetError("pictures-missing", f"{file} names {place}, which is neither a folder nor a list of pictures")


def _note_orphans(layout: _Layout, faults: Faults) -> None:
    """Label files without a picture are faults."""
    expected = {label_path(picture) for picture, _ in layout.pictures}
    for folder in sorted({path.parent for path in expected}):
        for path in sorted(folder.glob("*.txt")):
            with faults.noted():
                if path not in expected and _looks_like_labels(path):
                    raise DatasetError("picture-missing", f"{path} has labels, but there is no picture of that name")


def _looks_like_labels(path: Path) -> bool:
    if path.name == CLASSES_FILE:
        return False
    lines = [line.split() for line in read_text(path).splitlines() if line.strip()]
    return bool(lines) and all(len(fields) == NUMBERS_A_LINE and fields[0].isdigit() for fields in lines)
