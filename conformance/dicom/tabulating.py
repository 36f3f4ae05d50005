"""Markdown tables, and what they are made of: names of UIDs, docstrings of codes, attributes of data sets."""

from __future__ import annotations

import ast
import inspect
import itertools
from typing import TYPE_CHECKING, Final

from pydicom.datadict import dictionary_description, dictionary_VR, tag_for_keyword
from pydicom.tag import Tag
from pydicom.uid import UID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from enum import Enum, IntEnum, StrEnum

NAMES: Final = {
    "1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
    "1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
    "1.2.840.10008.1.2.4.112": "JPEG XL",
    "1.2.840.10008.1.2.8.1": "Deflated Image Frame Compression",
}
"""Younger than pydicom's dictionary."""


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A Markdown table."""
    yield f"| {' | '.join(heading)} |"
    yield f"|{'|'.join('---' for _ in heading)}|"
    for row in rows:
        yield f"| {' | '.join(_cell(value) for value in row)} |"


def _cell(value: str) -> str:
    return " ".join(value.split()).replace("|", "\\|")


def name_of(uid: str) -> str:
    """What the standard calls a UID."""
    return NAMES.get(uid) or UID(uid).name


def documented(kind: type[Enum]) -> Mapping[str, str]:
    """The docstring below each member of an enumeration."""
    (tree,) = ast.parse(inspect.getsource(kind)).body
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    said: dict[str, str] = {}
    for member, text in itertools.pairwise(body):
        match member, text:
            case ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(value=ast.Constant(value=str(words))):
                said[name] = words.replace("``", "`")
    return said


def named(member: Enum) -> str:
    """A member's name as words."""
    return member.name.replace("_", " ").capitalize()


def statuses(kind: type[IntEnum]) -> Callable[[], Iterator[str]]:
    """What the node answers with, or what a set of codes means, and when."""

    def rows() -> Iterator[str]:
        said = documented(kind)
        return table(
            ("status", "name", "when"),
            ((f"{member:04X}H", named(member), said.get(member.name, "")) for member in kind),
        )

    return rows


def codes(kind: type[StrEnum]) -> Callable[[], Iterator[str]]:
    """A closed set of codes with their meanings."""

    def rows() -> Iterator[str]:
        said = documented(kind)
        return table(
            ("code", "meaning"),
            ((f"`{member.value}`", said.get(name, "")) for name, member in kind.__members__.items()),
        )

    return rows


def attribute(keyword: str) -> str:
    """An attribute's name and tag, as the standard writes them."""
    tag = Tag(tag_for_keyword(keyword) or 0)
    return f"{dictionary_description(tag)} ({tag.group:04X},{tag.element:04X})"


def vr_of(keyword: str) -> str:
    """An attribute's value representation."""
    return dictionary_VR(tag_for_keyword(keyword) or 0)


def amount(count: int) -> str:
    """A number of bytes in the largest binary unit that divides it."""
    for shift, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if count and count % (1 << shift) == 0:
            return f"{count >> shift:,} {unit}"
    return f"{count:,} bytes"


def seconds(count: float) -> str:
    """A time in seconds."""
    return f"{count:g} s"
