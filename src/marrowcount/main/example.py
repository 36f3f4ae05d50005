"""``marrowcount settings --example``: every setting with its default and its meaning, as one TOML file."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel

from marrowcount.settings import (
    ArchiveSection,
    CallerSection,
    EhrSection,
    Hl7Section,
    PacsSection,
    RequesterSection,
    Settings,
    StowSection,
    WorklistSection,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic.fields import FieldInfo

__all__ = ["example_settings"]

HEADER: Final = """\
# Every setting of marrowcount with its default. Leave out what you do not change.
# An environment variable wins over this file: MARROWCOUNT_NODE__PORT=4242 sets port of section node.
# Written by `marrowcount settings --example`.
"""

LISTED: Final[Mapping[str, BaseModel]] = {
    "caller": CallerSection(ae_title="SCANNER"),
    "pacs": PacsSection(name="archive", ae_title="ARCHIVE", host="pacs.example.org", port=104),
    "stow": StowSection(name="cloud", url="https://pacs.example.org/dicom-web"),
    "worklist": WorklistSection(name="ris", url="https://ris.example.org/dicom-web"),
    "ehr": EhrSection(name="ehr", base_url="https://ehr.example.org/fhir"),
    "hl7": Hl7Section(name="engine", host="engine.example.org", port=2575),
    "requester": RequesterSection(ae_title="SCANNER1", host="scanner1.example.org", port=11112),
    "archive": ArchiveSection(name="vault", ae_title="VAULT", host="vault.example.org"),
}
"""An example for each list of tables, whose default is empty."""


def example_settings() -> str:
    """The example file; it reads back as the defaults."""
    return HEADER + "\n".join(_table(Settings(), ())) + "\n"


def _table(section: BaseModel, path: tuple[str, ...]) -> Iterator[str]:
    fields = type(section).model_fields
    tables = {name for name in fields if isinstance(getattr(section, name), BaseModel) or name in LISTED}
    for name, field in fields.items():
        if name not in tables:
            yield from _entry(name, field, getattr(section, name))
    for name, field in fields.items():
        if name in tables:
            yield from _subtable(name, field, getattr(section, name), path)


def _subtable(
    name: str, field: FieldInfo, value: BaseModel | tuple[BaseModel, ...], path: tuple[str, ...]
) -> Iterator[str]:
    yield ""
    yield from _comment(field)
    place = ".".join((*path, name))
    if isinstance(value, BaseModel):
        yield f"[{place}]"
        yield from _table(value, (*path, name))
    else:
        yield f"# [[{place}]]  # one table for each"
        yield from (line if line.startswith("#") else f"# {line}".rstrip() for line in _table(LISTED[name], ()))


def _entry(name: str, field: FieldInfo, value: object) -> Iterator[str]:
    yield ""
    yield from _comment(field)
    yield f"# {name} =" if value is None else f"{name} = {_toml(value)}"


def _comment(field: FieldInfo) -> Iterator[str]:
    for line in textwrap.wrap(" ".join((field.description or "").replace("``", "`").split()), 110):
        yield f"# {line}"


def _toml(value: object) -> str:
    """A default as TOML; for plain values and empty tables that is what JSON writes."""
    return json.dumps(value, default=str)
