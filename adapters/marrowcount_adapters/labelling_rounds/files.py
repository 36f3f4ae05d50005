"""Reading and writing one file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from marrowcount.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Stored", "read_bytes", "read_file", "sha256_of", "written"]


class Stored(BaseModel):
    """What stands in a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


_File = TypeVar("_File", bound=Stored)


def read_file(path: Path, kind: type[_File], what: str, advice: str) -> _File:
    """A file of JSON, checked.

    Args:
        path: of the file.
        kind: what it holds.
        what: first part of the codes.
        advice: what to do.

    Raises:
        DatasetError: ``<what>-missing``, ``<what>-malformed``.
    """
    return parsed(read_bytes(path, what, advice), kind, str(path), what, advice)


def parsed(data: bytes, kind: type[_File], where: str, what: str, advice: str) -> _File:
    """What bytes of JSON hold.

    Raises:
        DatasetError: ``<what>-malformed``.
    """
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DatasetError(f"{what}-malformed", f"{where}: {place}: {first['msg']}; {advice}") from error


def read_bytes(path: Path, what: str, advice: str) -> bytes:
    """A file as it is.

    Raises:
        DatasetError: ``<what>-missing``.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{what}-missing", f"{path} cannot be read: {error.strerror}; {advice}") from error


def written(path: Path, content: str) -> Path:
    """Write a text beside, then replace.

    Raises:
        DatasetError: ``dataset-unwritable``.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(content, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise DatasetError("dataset-unwritable", f"{path} cannot be written: {error}") from error
    return path


def sha256_of(path: Path) -> str:
    """Of a file's bytes, in hexadecimal.

    Raises:
        OSError: it cannot be read.
    """
    return hashlib.sha256(path.read_bytes()).hexdigest()
