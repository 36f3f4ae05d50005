"""Whether an attribute matches what a query asks for (PS3.4 section C.2.2.2, PS3.18 section 8.3.4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from marrowcount.errors import InstanceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Criterion", "criterion", "matches"]

Criterion: TypeAlias = "Callable[[str], bool]"
"""Judges one value as text."""

EMPTY: Final = '""'
"""A value that shall be empty (PS3.18 section 8.3.4.6)."""

RANGED: Final = frozenset({"DA", "DT", "TM"})
UNMATCHED: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN", "SQ"})
PLACES: Final = {"DA": 8, "TM": 12, "DT": 20}
"""Digits of a value with all its places (PS3.5 Table 6.2-1)."""
MOMENT: Final = re.compile(r"[0-9]*(\.[0-9]*)?")
ZONE: Final = re.compile(r"[+-][0-9]{4}$")


def matches(header: Mapping[str, object], path: Sequence[str], wanted: Criterion) -> bool:
    """Whether any value of an attribute meets a criterion; one that is absent counts as empty.

    Args:
        header: in the DICOM JSON Model.
        path: tags, from :func:`~marrowcount_adapters.dicomweb.attributes.attribute_path`.
        wanted: from :func:`criterion`.
    """
    values = list(_texts(header, path))
    return any(map(wanted, values)) if values else wanted("")


def criterion(vr: str, text: str) -> Criterion:
    """What a query's value asks for.

    Raises:
        InstanceError: ``bad-query``, such attributes are not matched, or a range cannot be read.
    """
    if vr in UNMATCHED:
        raise InstanceError("bad-query", "An attribute that is binary or a sequence cannot be searched for.")
    if text in {"", "*"}:
        return lambda _value: True
    if text == EMPTY:
        return lambda value: not value
    if vr == "UI":
        wanted = frozenset(re.split(r"[,\\]", text))
        return lambda value: value in wanted
    if vr in RANGED:
        return _range(vr, text)
    return _pattern(vr, text)


def _pattern(vr: str, text: str) -> Criterion:
    """With * for any characters and ? for one; names without regard to case."""
    if vr == "PN":
        pattern = _wildcards(text.casefold().rstrip("^="))
        return lambda value: any(
            pattern.fullmatch(group.rstrip("^")) is not None
            for group in (*value.casefold().split("="), value.casefold())
        )
    pattern = _wildcards(text.strip())
    return lambda value: pattern.fullmatch(value.strip()) is not None


@lru_cache(maxsize=64)
def _wildcards(text: str) -> re.Pattern[str]:
    # Runs of * are one, so that no pattern can take exponential time.
    parts = re.split(r"(\*+|\?)", text)
    return re.compile("".join(_part(part) for part in parts), re.DOTALL)


def _part(part: str) -> str:
    if part.startswith("*"):
        return ".*"
    return "." if part == "?" else re.escape(part)


def _range(vr: str, text: str) -> Criterion:
    first, dash, last = text.partition("-")
    if not dash:
        last = first
    if not MOMENT.fullmatch(first) or not MOMENT.fullmatch(last) or not first + last:
        raise InstanceError("bad-query", "A date or time is written in digits, a range with a hyphen between two.")
    # Compared place by place: a value stands for its beginning, a bound for all that begins like it.
    lower, upper = _padded(vr, first, "0"), _padded(vr, last, "9") if last else "9" * PLACES[vr]
    return lambda value: bool(value) and lower <= _padded(vr, value, "0") <= upper


def _padded(vr: str, moment: str, digit: str) -> str:
    """Digits alone, without zone and punctuation, with all places."""
    return ZONE.sub("", moment).replace(".", "").replace(":", "").ljust(PLACES[vr], digit)


def _texts(header: Mapping[str, object], path: Sequence[str]) -> Iterator[str]:
    element = header.get(path[0])
    values = cast("Sequence[object]", element.get("Value", ())) if isinstance(element, Mapping) else ()
    for value in values:
        if len(path) > 1:
            if isinstance(value, Mapping):
                yield from _texts(value, path[1:])
        elif isinstance(value, Mapping):
            yield "=".join(str(value[part]) for part in ("Alphabetic", "Ideographic", "Phonetic") if part in value)
        elif value is not None:
            yield str(value)
