"""Values of elements as the DICOM JSON Model has them (PS3.18 Annex F)."""

from __future__ import annotations

import base64
import math
import re
import struct
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["BINARY_VRS", "DEFAULT_CHARACTER_SET", "JsonElement", "character_set", "json_element", "plain_vr"]

JsonElement: TypeAlias = "dict[str, object]"

BINARY_VRS: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
DEFAULT_CHARACTER_SET: Final = ("iso8859",)
"""What pydicom decodes the default repertoire (ISO IR 6) with; ASCII is a part of it."""

NUMBERS: Final[Mapping[str, str]] = MappingProxyType(
    {"FL": "f", "FD": "d", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
)
NAME_PARTS: Final = ("Alphabetic", "Ideographic", "Phonetic")
NAME_DELIMITERS: Final = PN_DELIMS | TEXT_VR_DELIMS

ESCAPE: Final = b"\x1b"
INTEGER: Final = re.compile(r"[+-]?\d{1,12}")
DECIMAL: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def json_element(vr: str, value: bytes, encodings: Sequence[str], *, signed: bool = False) -> JsonElement:
    """An element with its value, which is never a sequence.

    A value that cannot be what its VR stands for is given as it is where JSON has a form for it, else left empty:
    a header with one odd value is still of use.

    Args:
        vr: as the file or the dictionary has it.
        value: in Little Endian.
        encodings: of text, see :func:`character_set`.
        signed: Pixel Representation, for values that are ``US or SS``.
    """
    vr = plain_vr(vr, signed=signed)
    if vr in BINARY_VRS:
        return {"vr": vr, "InlineBinary": base64.b64encode(value).decode("ascii")} if value else {"vr": vr}
    values = _values(vr, value, encodings)
    return {"vr": vr, "Value": values} if any(one is not None for one in values) else {"vr": vr}


def plain_vr(vr: str, *, signed: bool) -> str:
    """One VR where the dictionary leaves a choice (PS3.6 section 6)."""
    if " or " not in vr:
        return vr
    if "OW" in vr:
        return "OW"
    return "SS" if signed else "US"


def character_set(value: bytes) -> tuple[str, ...]:
    """Encodings that Specific Character Set (0008,0005) names; the default where it names none that is known."""
    names = [name.strip() for name in value.decode("latin-1").strip(" \0").split("\\")]
    try:
        return tuple(convert_encodings(names))
    except (LookupError, ValueError):  # the latter for a NUL within a name
        return DEFAULT_CHARACTER_SET


def _values(vr: str, value: bytes, encodings: Sequence[str]) -> Sequence[object]:
    if vr in NUMBERS:
        return _numbers(NUMBERS[vr], value)
    if vr in IN_CHARACTER_SET:
        return IN_CHARACTER_SET[vr](value, encodings)
    return IN_ASCII.get(vr, _plain)(value)


def _tags(value: bytes) -> Sequence[object]:
    return [f"{group:04X}{element:04X}" for group, element in struct.iter_unpack("<HH", value[: len(value) & ~3])]


def _names(value: bytes, encodings: Sequence[str]) -> Sequence[object]:
    # Decoded before it is split: a backslash may be the second byte of a character.
    return [_name(one) for one in _decoded(value, encodings, NAME_DELIMITERS).split("\\")]


def _texts(value: bytes, encodings: Sequence[str]) -> Sequence[object]:
    return [_stripped(one) for one in _decoded(value, encodings, TEXT_VR_DELIMS).split("\\")]


def _long_text(value: bytes, encodings: Sequence[str]) -> Sequence[object]:
    return [_decoded(value, encodings, TEXT_VR_DELIMS).rstrip(" \0") or None]


def _decoded(value: bytes, encodings: Sequence[str], delimiters: set[int]) -> str:
    """Text; what its encoding does not know is replaced, for an odd letter must not cost the rest."""
    if ESCAPE in value:  # code extensions (PS3.5 section 6.1.2.5)
        return decode_bytes(value, encodings, delimiters)
    return value.decode(encodings[0], "replace")


def _link(value: bytes) -> Sequence[object]:
    return [value.decode("latin-1").rstrip(" \0") or None]


def _plain(value: bytes) -> Sequence[str | None]:
    return [_stripped(one) for one in value.decode("latin-1").split("\\")]


def _number_strings(value: bytes) -> Sequence[object]:
    return [_number(text) for text in _plain(value)]


def _stripped(text: str) -> str | None:
    return text.strip(" \0") or None


def _numbers(form: str, value: bytes) -> list[object]:
    size = struct.calcsize(form)
    count = len(value) // size
    # JSON has no infinity and no NaN (PS3.18 section F.2.4).
    return [one if math.isfinite(one) else None for one in struct.unpack(f"<{count}{form}", value[: count * size])]


def _number(text: str | None) -> object:
    """Integer and decimal strings as numbers; as text, which Annex F allows, where they are none."""
    if text is None:
        return None
    if INTEGER.fullmatch(text):
        return int(text)
    if DECIMAL.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


def _name(text: str) -> object:
    """Component groups of a person's name (PS3.5 section 6.2.1)."""
    groups = [group.strip(" \0") for group in text.split("=")]
    return {part: group for part, group in zip(NAME_PARTS, groups, strict=False) if group} or None


IN_CHARACTER_SET: Final[Mapping[str, Callable[[bytes, Sequence[str]], Sequence[object]]]] = MappingProxyType(
    {"LO": _texts, "SH": _texts, "UC": _texts, "LT": _long_text, "ST": _long_text, "UT": _long_text, "PN": _names}
)
IN_ASCII: Final[Mapping[str, Callable[[bytes], Sequence[object]]]] = MappingProxyType(
    {"AT": _tags, "DS": _number_strings, "IS": _number_strings, "UR": _link}
)
