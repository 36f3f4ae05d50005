"""QIDO-RS (PS3.18 section 10.6): what the node holds, found by its headers."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from marrowcount_adapters.dicomweb.attributes import (
    AVAILABILITY,
    COUNTED,
    MODALITIES_IN_STUDY,
    RETRIEVE_URL,
    RETURNED,
    SERIES_INSTANCES,
    STUDY_INSTANCES,
    STUDY_SERIES,
    SYNTAXES,
    Level,
    vr_of,
)
from marrowcount_adapters.dicomweb.matching import matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from marrowcount_adapters.dicomweb.index import Entry, HeaderIndex, SeriesEntry
    from marrowcount_adapters.dicomweb.query import Query

__all__ = ["Found", "Scope", "search"]

MODALITY: Final = "00080060"
CHARACTER_SET: Final = "00080005"
ALWAYS: Final = {CHARACTER_SET: {"vr": "CS", "Value": ["ISO_IR 192"]}}
OPTIONAL: Final = frozenset({"00080201", "00081030", "0008103E", "00100021", "00400244", "00400245", "00400275"})
"""Returned where they are known; all others stand empty where they are not."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to search: in a study, in a series of it, or everywhere."""

    level: Level
    study_uid: str | None = None
    series_uid: str | None = None

    @property
    def returned(self) -> Sequence[str]:
        """Attributes of the level, and of those above it that the scope does not name (PS3.18 Table 10.6.1-5)."""
        levels = [self.level]
        if self.level is Level.INSTANCE and self.series_uid is None:
            levels.insert(0, Level.SERIES)
        if self.level is not Level.STUDY and self.study_uid is None:
            levels.insert(0, Level.STUDY)
        return tuple(dict.fromkeys(tag for level in levels for tag in RETURNED[level]))


@dataclass(frozen=True, slots=True)
class Found:
    """The results that are returned, and whether there are more."""

    results: Sequence[Mapping[str, object]]
    more: bool


@dataclass(slots=True)
class _Group:
    """A study or a series while its instances pass by."""

    study_uid: str
    series_uid: str = ""
    header: Mapping[str, object] = field(default_factory=dict)
    modalities: set[str] = field(default_factory=set)
    series: int = 0
    instances: int = 0
    matched: bool = False


def search(index: HeaderIndex, scope: Scope, query: Query, base_url: str) -> Found:
    """Search.

    Args:
        index: brought up to date.
        scope: what is searched for, and where.
        query: what it shall meet.
        base_url: of the service, for Retrieve URLs.

    Raises:
        StorageError: the index cannot be read.
    """
    results = _Search(index, scope, query, base_url).results()
    page = list(islice(results, query.offset, query.offset + query.limit + 1))
    return Found(page[: query.limit], len(page) > query.limit)


class _Search:
    def __init__(self, index: HeaderIndex, scope: Scope, query: Query, base_url: str) -> None:
        self._index, self._scope, self._query, self._base_url = index, scope, query, base_url

    def results(self) -> Iterator[Mapping[str, object]]:
        if self._scope.level is Level.INSTANCE:
            return self._instances()
        groups = self._studies() if self._scope.level is Level.STUDY else self._series()
        return (self._described(group) for group in groups if group.matched)

    def _instances(self) -> Iterator[Mapping[str, object]]:
        studies = self._wanted_studies()
        for entry in self._index.all_instances(self._scope.study_uid, self._scope.series_uid):
            if (studies is None or entry.held.study_uid in studies) and self._query.matches(entry.header):
                yield self._instance(entry)

    def _instance(self, entry: Entry) -> Mapping[str, object]:
        held = entry.held
        url = f"{self._base_url}/studies/{held.study_uid}/series/{held.series_uid}/instances/{held.sop_instance_uid}"
        added = {AVAILABILITY: _one("CS", "ONLINE"), SYNTAXES: _one("UI", held.transfer_syntax_uid)}
        return self._picked(entry.header, added | {RETRIEVE_URL: _one("UR", url)})

    def _series(self) -> Iterator[_Group]:
        studies = self._wanted_studies()
        for group in self._series_groups():
            if studies is None or group.study_uid in studies:
                yield group

    def _studies(self) -> Iterator[_Group]:
        study: _Group | None = None
        for series in self._series_groups():
            if study is None or study.study_uid != series.study_uid:
                if study is not None:
                    yield self._judged(study)
                study = _Group(series.study_uid, header=series.header)
            study.modalities |= series.modalities
            study.series += 1
            study.instances += series.instances
            study.matched |= series.matched
        if study is not None:
            yield self._judged(study)

    def _judged(self, study: _Group) -> _Group:
        wanted = self._query.modalities
        study.matched = study.matched and (wanted is None or any(map(wanted, study.modalities or {""})))
        return study

    def _series_groups(self) -> Iterator[_Group]:
        """Series by series, those of a study together; matched where any of its instances is."""
        if not self._query.needs_instances:
            for entry in self._index.all_series(self._scope.study_uid, None):
                yield self._of_series(entry)
            return
        matching = {
            entry.held.series_uid
            for entry in self._index.all_instances(self._scope.study_uid, None)
            if self._query.matches(entry.header)
        }
        for entry in self._index.all_series(self._scope.study_uid, None):
            group = self._of_series(entry)
            group.matched = entry.series_uid in matching
            yield group

    def _of_series(self, entry: SeriesEntry) -> _Group:
        group = _Group(entry.study_uid, entry.series_uid, entry.brief, instances=entry.instances)
        group.modalities = {str(one) for one in _values(entry.brief, MODALITY)}
        group.matched = not self._query.needs_instances and self._query.matches(entry.brief)
        return group

    def _wanted_studies(self) -> frozenset[str] | None:
        """Studies with the modalities asked for; None where none are asked for."""
        wanted = self._query.modalities
        if wanted is None:
            return None
        path = (MODALITY,)
        return frozenset(
            entry.study_uid
            for entry in self._index.all_series(self._scope.study_uid, None)
            if matches(entry.brief, path, wanted)
        )

    def _described(self, group: _Group) -> Mapping[str, object]:
        url = f"{self._base_url}/studies/{group.study_uid}"
        if self._scope.level is Level.STUDY:
            added = {
                AVAILABILITY: _one("CS", "ONLINE"),
                MODALITIES_IN_STUDY: {"vr": "CS", "Value": sorted(group.modalities)},
                STUDY_SERIES: _one("IS", group.series),
                STUDY_INSTANCES: _one("IS", group.instances),
            }
        else:
            url = f"{url}/series/{group.series_uid}"
            added = {SERIES_INSTANCES: _one("IS", group.instances)}
        return self._picked(group.header, added | {RETRIEVE_URL: _one("UR", url)})

    def _picked(self, header: Mapping[str, object], added: Mapping[str, object]) -> Mapping[str, object]:
        """The attributes to be returned, in the order of their tags."""
        found = {**header, **ALWAYS, **added}
        asked = found.keys() if self._query.include_all else self._query.include
        tags = sorted({CHARACTER_SET, *self._scope.returned, *asked})
        empty = set(self._scope.returned) - OPTIONAL - COUNTED - {MODALITIES_IN_STUDY}
        picked = ((tag, found.get(tag, {"vr": vr_of(tag)} if tag in empty else None)) for tag in tags)
        return {tag: element for tag, element in picked if element is not None}


def _one(vr: str, value: object) -> dict[str, object]:
    return {"vr": vr, "Value": [value]}


def _values(header: Mapping[str, object], tag: str) -> Iterable[object]:
    element = header.get(tag)
    return element.get("Value", ()) if isinstance(element, dict) else ()
