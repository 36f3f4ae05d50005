"""Mappings as TOML files: those that are shipped, and the user's own."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets.mapping import IDENTITY, NUCLEATED_CELL, ClassMapping, Meaning, normal_name
from marrowcount.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["load_mapping", "mapping_of", "mapping_text", "shipped_mappings"]

FOLDER: Final = "mappings"
SUFFIX: Final = ".toml"


class _File(BaseModel):
    """What a mapping file holds; ``about`` and ``verified`` are for people."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: str = Field(min_length=1)
    verified: str = ""
    source: str = ""
    licence: str = ""
    complete: bool = False
    classes: dict[str, tuple[str, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    ignore: dict[str, tuple[str, ...]] = Field(default_factory=dict[str, tuple[str, ...]])


def shipped_mappings() -> tuple[str, ...]:
    """The names of the mappings that come with marrowcount."""
    files = (resources.files("marrowcount.datasets") / FOLDER).iterdir()
    return (IDENTITY.name, *sorted(file.name.removesuffix(SUFFIX) for file in files if file.name.endswith(SUFFIX)))


def load_mapping(name: str) -> ClassMapping:
    """A shipped mapping by its name, or the user's own by the path of its file.

    Raises:
        DatasetError: ``mapping-missing``, ``mapping-malformed``.
    """
    if name == IDENTITY.name:
        return IDENTITY
    if name in shipped_mappings():
        return mapping_of(_shipped(name), name)
    return _own(Path(name))


def mapping_text(name: str) -> str:
    """The file of a shipped mapping, comments and all, to start one's own from.

    Raises:
        DatasetError: ``mapping-missing``.
    """
    if name == IDENTITY.name:
        classes = "".join(f'"{called}" = ["{called}"]\n' for called in IDENTITY.meanings)
        return f'about = "The 19 classes by their own names"\ncomplete = true\n\n[classes]\n{classes}'
    if name not in shipped_mappings():
        raise DatasetError("mapping-missing", f"{name!r} is none of the shipped: {', '.join(shipped_mappings())}")
    return _shipped(name)


def _shipped(name: str) -> str:
    return (resources.files("marrowcount.datasets") / FOLDER / f"{name}{SUFFIX}").read_text(encoding="utf-8")


def _own(path: Path) -> ClassMapping:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        known = ", ".join(shipped_mappings())
        raise DatasetError(
            "mapping-missing", f"{path} is no shipped mapping ({known}) and cannot be read as a file: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        raise DatasetError("mapping-malformed", f"{path} is not UTF-8 text: {error.reason}") from error
    return mapping_of(text, str(path))


def mapping_of(text: str, name: str) -> ClassMapping:
    """A mapping from the text of its file.

    Raises:
        DatasetError: ``mapping-malformed``: no TOML, an unknown key or class, a name with two meanings, no reason.
    """
    try:
        read = _File.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise DatasetError("mapping-malformed", f"{name} is no TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DatasetError("mapping-malformed", f"{name}: {place}: {first['msg']}") from error
    meanings: dict[str, Meaning] = {}
    for called, meaning in _meanings(read, name):
        if meanings.setdefault(normal_name(called), meaning) != meaning:
            raise DatasetError("mapping-malformed", f"{name}: {called!r} has two meanings; leave one")
    return ClassMapping(Path(name).stem, meanings, read.complete, read.source, read.licence)


def _meanings(read: _File, file: str) -> Iterator[tuple[str, Meaning]]:
    for label, names in read.classes.items():
        meaning = Meaning(_cell_type(label, file))
        yield from ((name, meaning) for name in names)
    for reason, names in read.ignore.items():
        if not reason.strip():
            raise DatasetError("mapping-malformed", f"{file}: {', '.join(names)} are ignored without a reason")
        yield from ((name, Meaning(ignored=reason.strip())) for name in names)


def _cell_type(label: str, file: str) -> CellType | None:
    if label == NUCLEATED_CELL:
        return None
    try:
        return CellType.from_label(label)
    except ValueError as error:
        raise DatasetError(
            "mapping-malformed", f"{file}: {error}; or {NUCLEATED_CELL!r} for an unstated one"
        ) from error
