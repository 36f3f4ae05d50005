"""Media types as HTTP writes them (RFC 9110 sections 8.3 and 12.5.1), with the parameters of PS3.18 section 8.7."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from marrowcount.errors import InstanceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ANYTHING", "MediaRange", "MediaType", "accepted_ranges", "media_type"]

MAX_HEADER: Final = 4096
"""Characters of an Accept header that are looked at; browsers send a few hundred."""

WORD: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
ESSENCE: Final = re.compile(rf"\s*({WORD}/{WORD})\s*")
# Values such as application/dicom often come without the quotes that RFC 2045 asks for.
PARAMETER: Final = re.compile(rf'\s*;\s*({WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]+))\s*')
QUALITY: Final = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type with its parameters; names and the type itself in lower case."""

    essence: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MediaRange:
    """What a user agent would take.

    Attributes:
        multipart: whether the parts of a ``multipart/related`` shall be of that type.
        essence: ``type/subtype``, ``type/*`` or ``*/*``; of the parts where it is a multipart.
        transfer_syntax: UID, ``*`` for any, empty where none is named.
        quality: from 0 to 1.
    """

    multipart: bool
    essence: str
    transfer_syntax: str = ""
    quality: float = 1.0

    def covers(self, essence: str) -> bool:
        """Whether a type lies in this range."""
        return self.essence in {essence, "*/*", f"{essence.partition('/')[0]}/*"}


ANYTHING: Final = MediaRange(multipart=False, essence="*/*")
"""What a user agent without Accept takes."""


def media_type(text: str) -> MediaType | None:
    """The value of Content-Type; None where it is none."""
    essence = ESSENCE.match(text)
    if essence is None:
        return None
    parameters, end = _parameters(text, essence.end())
    return MediaType(essence[1].lower(), parameters) if end == len(text) else None


def accepted_ranges(accept: str) -> Sequence[MediaRange]:
    """The ranges of an Accept header, the most welcome first; those with quality 0 stand at the end.

    Raises:
        InstanceError: ``bad-accept``, it cannot be read.
    """
    if not accept.strip():
        return (ANYTHING,)
    if len(accept) > MAX_HEADER:
        raise _unreadable()
    ranges: list[MediaRange] = []
    at = 0
    while at < len(accept):
        essence = ESSENCE.match(accept, at)
        if essence is None:
            raise _unreadable()
        parameters, at = _parameters(accept, essence.end())
        ranges.append(_range(essence[1].lower(), parameters))
        if at < len(accept) and accept[at] != ",":
            raise _unreadable()
        at += 1
    return sorted(ranges, key=lambda one: -one.quality)


def _range(essence: str, parameters: Mapping[str, str]) -> MediaRange:
    quality = parameters.get("q", "1")
    if not QUALITY.fullmatch(quality):
        raise _unreadable()
    syntax = parameters.get("transfer-syntax", "")
    multipart = essence in {"multipart/related", "multipart/*"}
    kind = parameters.get("type", "*/*").lower() if multipart else essence
    return MediaRange(multipart, kind, syntax, float(quality))


def _parameters(text: str, at: int) -> tuple[Mapping[str, str], int]:
    found: dict[str, str] = {}
    while parameter := PARAMETER.match(text, at):
        quoted = parameter[2]
        found.setdefault(parameter[1].lower(), parameter[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        at = parameter.end()
    return MappingProxyType(found), at


def _unreadable() -> InstanceError:
    return InstanceError("bad-accept", "The Accept header cannot be read (RFC 9110 section 12.5.1).")
