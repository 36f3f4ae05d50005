"""Folders of single-cell pictures: what their names say, and at which scale they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from marrowcount.datasets import load_mapping
from marrowcount.errors import DatasetError
from marrowcount_adapters.composites.descriptions import read_description
from marrowcount_adapters.composites.pictures import PICTURE_SUFFIXES

if TYPE_CHECKING:
    from pathlib import Path

    from marrowcount.cytology.cell_types import CellType
    from marrowcount.datasets import ClassMapping

__all__ = ["CellCollection", "SingleCell", "read_collection"]

KIND: Final = "cells"


def _with_groups(pattern: str) -> str:
    try:
        missing = {"class", "original"} - set(re.compile(pattern).groupindex)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    if missing:
        raise ValueError(f"has no group called {' or '.join(sorted(missing))}")
    return pattern


class Description(BaseModel):
    """How a collection's files are named and how fine they are.

    Attributes:
        mapping: from its class names to the 19: a shipped one, or the path of a file.
        pattern: regular expression, searched in the path below the folder; its group ``class`` is the class's name in
            the mapping, its group ``original`` the same for all copies of one picture.
        um_per_px: of the pictures.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mapping: str
    pattern: Annotated[str, AfterValidator(_with_groups)]
    um_per_px: float = Field(gt=0.01, lt=1)


@dataclass(frozen=True, slots=True)
class SingleCell:
    """A picture with one cell in its middle.

    Attributes:
        path: of its file.
        name: unique among all collections.
        cell_type: None where only that it is nucleated is known.
        group: of all copies of the same original.
        um_per_px: of the picture.
    """

    path: Path
    name: str
    cell_type: CellType | None
    group: str
    um_per_px: float


@dataclass(frozen=True, slots=True)
class CellCollection:
    """A folder of single-cell pictures; the mapping says where they come from and under which licence."""

    mapping: ClassMapping
    cells: tuple[SingleCell, ...]


def read_collection(folder: Path, description: str = "") -> CellCollection:
    """List a folder's pictures; none is read yet.

    Args:
        folder: searched through all its folders.
        description: a shipped one's name or a file's path; without it the folder's own ``cells.toml``.

    Raises:
        DatasetError: ``description-missing``, ``description-malformed``, ``name-unreadable`` (a picture whose name the
            pattern does not fit), ``class-unmapped``, ``no-pictures``, and those of reading the mapping.
    """
    told = read_description(Description, KIND, description, folder)
    mapping = load_mapping(told.mapping)
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
    cells = (_cell(path, folder, told, mapping) for path in paths)
    found = tuple(cell for cell in cells if cell is not None)
    if not found:
        raise DatasetError("no-pictures", f"{folder} holds no pictures of single cells; name another folder")
    return CellCollection(mapping, found)


def _cell(path: Path, folder: Path, told: Description, mapping: ClassMapping) -> SingleCell | None:
    below = path.relative_to(folder)
    match = re.search(told.pattern, below.with_suffix("").as_posix())
    if match is None:
        raise DatasetError("name-unreadable", f"{path} is not named as the description says: {told.pattern}")
    meaning = mapping.meaning_of(match["class"])
    if meaning.ignored:
        return None
    group = f"{mapping.name}/{match['class']}/{match['original']}"
    return SingleCell(path, f"{mapping.name}/{below.as_posix()}", meaning.cell_type, group, told.um_per_px)
