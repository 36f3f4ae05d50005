"""Reading settings: a file, the environment, and complaints that name what is wrong."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import BaseModel, ValidationError

from marrowcount.errors import SettingsError
from marrowcount.settings.settings import ENVIRONMENT_PREFIX, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


__all__ = ["read_settings", "variable_names"]

SETTINGS_FILE_VARIABLE: Final = "MARROWCOUNT_SETTINGS"
"""Environment variable that names the TOML file; the command line's ``--settings`` wins over it."""

OTHER_VARIABLES: Final = frozenset(
    {
        SETTINGS_FILE_VARIABLE,
        "MARROWCOUNT_SHARED_DATA",
        "MARROWCOUNT_TEST_ARTEFACTS",
        "MARROWCOUNT_TEST_POSTGRESQL",
    }
)
"""Variables with our prefix that are no settings."""


def read_settings(file: Path | None = None) -> Settings:
    """Read the file (or the one that ``MARROWCOUNT_SETTINGS`` names, or none) and the environment.

    Raises:
        SettingsError: the file cannot be read, or a setting is unknown or wrong.
    """
    named = file or os.environ.get(SETTINGS_FILE_VARIABLE)
    table = _read_table(Path(named)) if named else {}
    _refuse_unknown_variables(os.environ)
    try:
        return Settings(**table)
    except ValidationError as error:
        raise SettingsError("wrong-setting", "\n".join(_complaints(error))) from None


def _read_table(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError("unreadable-settings", f"{file}: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError("unreadable-settings", f"{file} is not TOML: {error}") from None


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    known = {name.upper() for name in variable_names()}
    for name in environment:
        if name.upper().startswith(ENVIRONMENT_PREFIX) and name.upper() not in known | OTHER_VARIABLES:
            allowed = ", ".join(sorted(known))
            raise SettingsError("unknown-setting", f"environment variable {name} names no setting; allowed: {allowed}")


def variable_names() -> Iterator[str]:
    """Every environment variable that sets something."""
    for name, field in Settings.model_fields.items():
        yield f"{ENVIRONMENT_PREFIX}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _nested_names(f"{ENVIRONMENT_PREFIX}{name}__", field.annotation)


def _nested_names(prefix: str, section: type[BaseModel]) -> Iterator[str]:
    for name, field in section.model_fields.items():
        yield f"{prefix}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _nested_names(f"{prefix}{name}__", field.annotation)


def _complaints(error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        place = ".".join(str(part) for part in fault["loc"]) or "settings"
        if fault["type"] == "extra_forbidden":
            yield f"{place}: there is no such setting; allowed here: {', '.join(_allowed_beside(fault['loc']))}"
        elif fault["type"] == "value_error" and isinstance(fault["input"], BaseModel):
            yield f"{place}: {fault['msg'].removeprefix('Value error, ')}"
        else:
            yield f"{place} = {fault['input']!r}: {fault['msg'].removeprefix('Value error, ')}"


def _allowed_beside(place: tuple[int | str, ...]) -> list[str]:
    fields = Settings.model_fields
    for part in place[:-1]:
        if isinstance(part, str):
            fields = _section_of(fields[part].annotation).model_fields
    return sorted(fields)


def _section_of(annotation: object) -> type[BaseModel]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return _section_of(get_args(annotation)[0])
