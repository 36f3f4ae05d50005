"""Searching the worklist: query parameters (PS3.18 8.3.4) and attribute matching (PS3.4 C.2.2.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from pydicom.datadict import dictionary_VR, tag_for_keyword

from marrowcount.zones import zone_of_offset
from marrowcount_adapters.ups_worklist.json_model import TAG, Attributes, MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["MatchingKey", "Search", "matches", "parse_filter", "parse_search"]

RETURNED: Final = (
    "SOPClassUID",
    "SOPInstanceUID",
    "SpecificCharacterSet",
    "ScheduledProcedureStepPriority",
    "ScheduledProcedureStepModificationDateTime",
    "ProcedureStepLabel",
    "WorklistLabel",
    "ScheduledProcessingParametersSequence",
    "ScheduledStationNameCodeSequence",
    "ScheduledStationClassCodeSequence",
    "ScheduledStationGeographicLocationCodeSequence",
    "ScheduledHumanPerformersSequence",
    "ScheduledProcedureStepStartDateTime",
    "ExpectedCompletionDateTime",
    "ScheduledProcedureStepExpirationDateTime",
    "ScheduledWorkitemCodeSequence",
    "CommentsOnTheScheduledProcedureStep",
    "InputReadinessState",
    "InputInformationSequence",
    "StudyInstanceUID",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "AdmissionID",
    "IssuerOfAdmissionIDSequence",
    "ReferencedRequestSequence",
    "ProcedureStepState",
    "ProcedureStepProgressInformationSequence",
)
"""What every result tells, where the workitem has it."""

LARGEST_PAGE: Final = 1000
TEMPORAL: Final = frozenset({"DA", "TM", "DT"})
LITERAL: Final = frozenset({"UI", "DA", "TM", "DT", "SQ", "DS", "IS", "US", "UL", "FD", "FL"})
"""Value representations in which * and ? are no wildcards."""

EARLIEST: Final = "00000101000000"
"""Fills up what a date and time leaves out."""

_DT: Final = r"\d{4}(?:\d\d){0,5}(?:\.\d{1,6})?(?:[+-]\d{4})?"
DT: Final = re.compile(r"(?P<digits>\d{4}(?:\d\d){0,5})(?:\.(?P<fraction>\d{1,6}))?(?P<zone>[+-]\d{4})?")
RANGE: Final = re.compile(rf"(?P<begin>{_DT})?-(?P<end>{_DT})?")
"""What could be a zone is one: 2026-0500 is no range."""


@dataclass(frozen=True, slots=True)
class MatchingKey:
    """An attribute, within sequences where its path is longer than one, and what it shall be."""

    path: tuple[str, ...]
    wanted: str


@dataclass(frozen=True, slots=True)
class Search:
    """A search: what is looked for, what is told of it, and which page.

    Attributes:
        fields: tags told besides those that always are; None for all.
    """

    keys: tuple[MatchingKey, ...]
    fields: frozenset[str] | None
    offset: int = 0
    limit: int = LARGEST_PAGE

    def told(self, attributes: Attributes) -> Attributes:
        """Of a workitem that was found, what the result tells."""
        if self.fields is None:
            return attributes
        told = {_key(name) for name in RETURNED} | self.fields | {key.path[0] for key in self.keys}
        return {key: element for key, element in attributes.items() if key in told}


def parse_search(parameters: Iterable[tuple[str, str]]) -> Search:
    """The query of a search.

    Raises:
        MalformedError: a parameter is neither an attribute nor one of PS3.18 Table 8.3.4-1.
    """
    keys: list[MatchingKey] = []
    fields: set[str] | None = set()
    offset, limit = 0, LARGEST_PAGE
    for name, value in parameters:
        if name == "includefield":
            fields = None if value == "all" or fields is None else fields | {_key(n) for n in value.split(",")}
        elif name == "limit":
            limit = min(limit, _count(name, value))
        elif name == "offset":
            offset = _count(name, value)
        elif name != "fuzzymatching":  # not supported, as PS3.18 8.3.4.2 allows
            keys.append(MatchingKey(_path(name), value))
    return Search(tuple(keys), None if fields is None else frozenset(fields), offset, limit)


def parse_filter(text: str) -> tuple[MatchingKey, ...]:
    """The filter of a subscription (PS3.18 11.10.1.2): attributes with values, separated by commas.

    Raises:
        MalformedError: it is none.
    """
    parts = [part.partition("=") for part in text.split(",") if part]
    if not parts or not all(name and equals for name, equals, _ in parts):
        raise MalformedError("a filter is attribute=value, several of them separated by commas")
    return tuple(MatchingKey(_path(name), value) for name, _, value in parts)


def _count(name: str, value: str) -> int:
    if not re.fullmatch(r"\d{1,9}", value):
        raise MalformedError(f"{name} is no number")
    return int(value)


def _path(name: str) -> tuple[str, ...]:
    return tuple(_key(part) for part in name.split("."))


@lru_cache(maxsize=512)
def _key(name: str) -> str:
    if TAG.fullmatch(name):
        return name.upper()
    tag = tag_for_keyword(name)
    if tag is None:
        raise MalformedError(f"{name[:64]!r} is neither an attribute nor a query parameter")
    return f"{tag:08X}"


def matches(attributes: Attributes, keys: Sequence[MatchingKey]) -> bool:
    """Whether a workitem is what is looked for.

    Keys within the same sequence are matched by one of its items together (sequence matching, PS3.4 C.2.2.2.6).
    """
    by_sequence: dict[str, list[MatchingKey]] = {}
    for key in keys:
        tag, *within = key.path
        if within:
            by_sequence.setdefault(tag, []).append(MatchingKey(tuple(within), key.wanted))
        elif not _matches_element(attributes.get(tag), key):
            return False
    return all(_some_item(attributes.get(tag), nested) for tag, nested in by_sequence.items())


def _some_item(element: dict[str, Any] | None, keys: Sequence[MatchingKey]) -> bool:
    if all(not key.wanted for key in keys):
        return True
    held = (element or {}).get("Value") or ()
    return any(matches(item, keys) for item in held if isinstance(item, dict))


def _matches_element(element: dict[str, Any] | None, key: MatchingKey) -> bool:
    if key.wanted in {"", "*"}:
        return True  # universal matching
    held = [_text(value) for value in (element or {}).get("Value") or () if value is not None]
    vr = str((element or {}).get("vr") or _vr(key.path[0]))
    return any(_matches_value(value, key.wanted, vr) for value in held)


def _vr(key: str) -> str:
    try:
        return dictionary_VR(int(key, 16))
    except KeyError:
        return "LO"


def _text(value: object) -> str:
    if isinstance(value, dict):  # a person's name
        return str(value.get("Alphabetic", ""))
    return str(value)


def _matches_value(value: str, wanted: str, vr: str) -> bool:
    if vr == "UI":
        return value in re.split(r"[,\\]", wanted)
    if vr in TEMPORAL:
        return _within(value, wanted, vr)
    if vr == "PN":
        value, wanted = value.casefold(), wanted.casefold()
    if vr not in LITERAL and re.search(r"[*?]", wanted):
        return re.fullmatch(translate(wanted.replace("[", "[[]")), value) is not None
    return value.strip() == wanted.strip()


def _within(value: str, wanted: str, vr: str) -> bool:
    if vr == "DT":
        return _within_instants(value, wanted)
    begin, hyphen, end = wanted.partition("-")
    return begin <= value and (not end or value <= end) if hyphen else value == wanted


def _within_instants(value: str, wanted: str) -> bool:
    """Range and single value matching of dates with times, each as exact as it is written (PS3.4 C.2.2.2.5)."""
    single = DT.fullmatch(wanted)
    asked = RANGE.fullmatch(wanted)
    if single is None and asked is None:
        raise MalformedError("a date and time is not of the form YYYYMMDDHHMMSS.FFFFFF&ZZXX, nor a range of these")
    begin, end = (wanted, wanted) if asked is None or single is not None else (asked["begin"], asked["end"])
    try:
        earliest, latest = _span(value)
    except MalformedError:
        return False  # what one workitem says wrongly must not end the search for others
    return (not begin or latest >= _span(begin)[0]) and (not end or earliest <= _span(end)[1])


def _span(text: str) -> tuple[datetime, datetime]:
    """The earliest and the latest instant that a DT value may mean; UTC where it names no zone.

    Raises:
        MalformedError: there is no such date, or no such time.
    """
    found = DT.fullmatch(text.strip())
    if not found:
        raise MalformedError("a date and time is not of the form YYYYMMDDHHMMSS.FFFFFF&ZZXX")
    digits, fraction = found["digits"], found["fraction"] or ""
    zone = zone_of_offset(found["zone"]) if found["zone"] else UTC
    if zone is None:
        raise MalformedError("there is no such zone")
    try:
        start = datetime.strptime(digits + EARLIEST[len(digits) :] + fraction.ljust(6, "0"), "%Y%m%d%H%M%S%f").replace(
            tzinfo=zone
        )
        after = _after(start, len(digits), len(fraction))
    except (ValueError, OverflowError) as error:
        raise MalformedError("a date or time does not exist") from error
    return start.astimezone(UTC), (after - timedelta(microseconds=1)).astimezone(UTC)


def _after(start: datetime, digits: int, fraction: int) -> datetime:
    """The end of the year, month, day or smaller unit that was written last."""
    if digits == len("YYYY"):
        return start.replace(year=start.year + 1)
    if digits == len("YYYYMM"):
        return (start + timedelta(days=31)).replace(day=1)
    units = {8: timedelta(days=1), 10: timedelta(hours=1), 12: timedelta(minutes=1)}
    return start + units.get(digits, timedelta(microseconds=10 ** (6 - fraction)))
