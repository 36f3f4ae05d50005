"""What is said of a folder of pictures, in TOML: shipped with marrowcount, in a file, or in the folder itself."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import BaseModel, ValidationError

from marrowcount.errors import DatasetError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

__all__ = ["read_description", "shipped_descriptions"]

SUFFIX: Final = ".toml"

Model = TypeVar("Model", bound=BaseModel)


def shipped_descriptions(kind: str) -> tuple[str, ...]:
    """The names of the collections of a kind, cells or photographs, that are known already."""
    return tuple(sorted(_stem(file) for file in _shipped(kind).iterdir() if file.name.endswith(SUFFIX)))


def read_description(model: type[Model], kind: str, name: str, folder: Path) -> Model:
    """What is said of a folder.

    Args:
        model: what it has to hold.
        kind: cells or photographs.
        name: a shipped one's name or a file's path; empty for ``<kind>.toml`` in the folder.
        folder: of the pictures.

    Raises:
        DatasetError: ``description-missing``, ``description-malformed``.
    """
    told = name or str(folder / f"{kind}{SUFFIX}")
    try:
        return model.model_validate(tomllib.loads(_text(kind, told)))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DatasetError("description-malformed", f"{told} is no TOML in UTF-8: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DatasetError("description-malformed", f"{told}: {place}: {first['msg']}") from error


def _text(kind: str, told: str) -> str:
    known = shipped_descriptions(kind)
    if told in known:
        return (_shipped(kind) / f"{told}{SUFFIX}").read_text(encoding="utf-8")
    try:
        return Path(told).read_text(encoding="utf-8")
    except OSError as error:
        raise DatasetError(
            "description-missing",
            f"{told} cannot be read: {error.strerror}; describe the pictures there, or name a description after "
            f"FOLDER=: {', '.join(known)}",
        ) from error


def _shipped(kind: str) -> Traversable:
    return resources.files("marrowcount_adapters.composites") / "descriptions" / kind


def _stem(file: Traversable) -> str:
    return file.name.removesuffix(SUFFIX)
