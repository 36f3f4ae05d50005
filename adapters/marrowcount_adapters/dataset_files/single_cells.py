"""Folders of single cells: each picture shows one cell, whose class stands in its folder's or its file's name.

The box is the whole picture, or a central part of it. Other cells that reach into the picture are not labelled, so that
the examples are never complete.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from marrowcount.datasets import NamedBox
from marrowcount.errors import DatasetError
from marrowcount.slides.geometry import PixelBox
from marrowcount_adapters.dataset_files.file_names import split_of
from marrowcount_adapters.dataset_files.files import FoundPicture, blank_example
from marrowcount_adapters.dataset_files.pictures import pictures_under

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from marrowcount.datasets import Faults
    from marrowcount.slides.geometry import SizePx
    from marrowcount_adapters.dataset_files.files import ReadingOptions

__all__ = ["FROM_FOLDER", "FROM_PREFIX", "find_cells"]

FROM_FOLDER: Final = "folder"
FROM_PREFIX: Final = "prefix"
PREFIX: Final = re.compile(r"[A-Za-z]+")
"""The letters that a file name begins with: BLA of BLA_00008.jpg, BAS of BAS___BAS_0001_101.png."""


def find_cells(root: Path, options: ReadingOptions, faults: Faults) -> Iterator[FoundPicture]:
    """The single cells of a folder and its subfolders.

    Raises:
        DatasetError: where ``faults`` does not keep going: ``name-unmatched`` (no class in the name), ``picture-...``.
    """
    for picture in pictures_under(root):
        with faults.noted():
            example = blank_example(root, picture, options)
            named = NamedBox(_central(example.size, options.cell_share), _class_of(picture, root, options.class_from))
            yield FoundPicture(replace(example, objects=(named,), complete=False), picture)


def _central(size: SizePx, share: float) -> PixelBox:
    aside, above = size.width * (1 - share) / 2, size.height * (1 - share) / 2
    return PixelBox(aside, above, size.width - aside, size.height - above)


def _class_of(picture: Path, root: Path, class_from: str) -> str:
    if class_from == FROM_FOLDER:
        return _folder_class(picture, root)
    sought = PREFIX if class_from == FROM_PREFIX else re.compile(class_from)
    match = sought.match(picture.name) if class_from == FROM_PREFIX else sought.search(picture.name)
    found = None if match is None else next((part for part in match.groups() if part), match.group())
    if not found:
        raise DatasetError("name-unmatched", f"{picture}: {sought.pattern!r} finds no class in its name")
    return found


def _folder_class(picture: Path, root: Path) -> str:
    """The nearest folder, unless that is the data set itself or a split."""
    within = picture.relative_to(root)
    if len(within.parts) < 2 or (len(within.parts) == 2 and split_of(within) is not None):  # noqa: PLR2004
        raise DatasetError(
            "name-unmatched",
            f"{picture} lies in no folder that names its class; if file names do, take the class from the prefix",
        )
    return within.parts[-2]
