"""The DICOM JSON Model (PS3.18 Annex F) of workitems: read strictly, looked into by keyword."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

from marrowcount.workitems import Presence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = [
    "Attributes",
    "MalformedError",
    "first",
    "items",
    "key_of",
    "keyword_of",
    "parse_attributes",
    "presence",
    "put",
    "put_items",
    "values",
]

Attributes: TypeAlias = "dict[str, dict[str, Any]]"
"""Elements by tag, eight hexadecimal digits in capitals."""

TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
VR: Final = re.compile(r"[A-Z]{2}")

DEEPEST: Final = 16
"""Sequences within sequences; the Unified Procedure Step needs five."""

GROUP_LENGTH: Final = "0000"


class MalformedError(Exception):
    """The data set is not what it should be; the message says why and quotes no value."""


def parse_attributes(body: bytes) -> Attributes:
    """One data set of a request.

    Raises:
        MalformedError: it is no DICOM JSON, holds more or fewer than one data set, or an attribute has another value
            representation than the data dictionary says.
    """
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedError("the payload is no JSON") from error
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    return _attributes(document, 0)


def _refuse_constant(name: str) -> None:
    raise MalformedError(f"{name} is no JSON")


def _attributes(document: object, depth: int) -> Attributes:
    if not isinstance(document, dict):
        raise MalformedError("a data set of the DICOM JSON Model, or an array of one, is expected")
    if depth > DEEPEST:
        raise MalformedError(f"sequences are nested deeper than {DEEPEST} levels")
    return {str(tag).upper(): _element(str(tag), element, depth) for tag, element in document.items()}


def _element(tag: str, element: object, depth: int) -> dict[str, Any]:
    if not TAG.fullmatch(tag):
        raise MalformedError("a name is no tag of eight hexadecimal digits")
    if not isinstance(element, dict) or not VR.fullmatch(str(element.get("vr", ""))):
        raise MalformedError(f"{tag} has no value representation")
    _check_vr(tag, element["vr"])
    held = element.get("Value")
    if held is None:
        return {"vr": element["vr"]}
    if not isinstance(held, list):
        raise MalformedError(f"the Value of {tag} is no array")
    nested = element["vr"] == "SQ"
    return {"vr": element["vr"], "Value": [_attributes(item, depth + 1) for item in held] if nested else held}


def _check_vr(tag: str, vr: str) -> None:
    try:
        expected = dictionary_VR(int(tag, 16))
    except KeyError:  # private, or younger than the dictionary
        return
    if vr not in expected.split(" or "):
        raise MalformedError(f"{tag} has the value representation {vr}; the data dictionary says {expected}")


def key_of(keyword: str) -> str:
    """The tag of a keyword, as a key.

    Raises:
        KeyError: the data dictionary has no such keyword.
    """
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return f"{tag:08X}"


def keyword_of(key: str) -> str:
    """The keyword of a tag, or the tag where it has none."""
    return keyword_for_tag(int(key, 16)) or key


def values(attributes: Mapping[str, Mapping[str, Any]], keyword: str) -> Sequence[Any]:
    """The values of an attribute; none where it is absent or empty."""
    held = attributes.get(key_of(keyword), {}).get("Value") or ()
    return [value for value in held if value not in (None, "")]


def first(attributes: Mapping[str, Mapping[str, Any]], keyword: str) -> str:
    """The first value of an attribute as text, or ""."""
    held = values(attributes, keyword)
    return str(held[0]) if held else ""


def items(attributes: Mapping[str, Mapping[str, Any]], keyword: str) -> Sequence[Attributes]:
    """The items of a sequence; none where it is absent or empty."""
    return [item for item in values(attributes, keyword) if isinstance(item, dict)]


def put(attributes: Attributes, keyword: str, *held: object) -> None:
    """Set an attribute; without values it is empty."""
    element: dict[str, Any] = {"vr": dictionary_VR(keyword).split(" or ")[0]}
    if held:
        element["Value"] = list(held)
    attributes[key_of(keyword)] = element


def put_items(attributes: Attributes, keyword: str, *held: Attributes) -> None:
    """Set a sequence."""
    put(attributes, keyword, *held)


def presence(attributes: Attributes, path: Sequence[str]) -> Presence:
    """What is said of an attribute, which may lie within sequences: every one of their items must say it."""
    found = set(_presences(attributes, path))
    for worst in (Presence.ABSENT, Presence.EMPTY):
        if worst in found:
            return worst
    return Presence.VALUED


def _presences(attributes: Attributes, path: Sequence[str]) -> Iterator[Presence]:
    keyword, *within = path
    if key_of(keyword) not in attributes:
        yield Presence.ABSENT
    elif not values(attributes, keyword):
        yield Presence.ABSENT if within else Presence.EMPTY
    elif not within:
        yield Presence.VALUED
    else:
        for item in items(attributes, keyword):
            yield from _presences(item, within)
