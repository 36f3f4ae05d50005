"""What a search asks for (PS3.18 section 8.3.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from marrowcount.errors import InstanceError
from marrowcount_adapters.dicomweb.attributes import COUNTED, MODALITIES_IN_STUDY, attribute_path, brief_tags, vr_of
from marrowcount_adapters.dicomweb.matching import criterion, matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from marrowcount_adapters.dicomweb.matching import Criterion

__all__ = ["Key", "Query", "read_query"]

MAX_PARAMETERS: Final = 100
FLAGS: Final = frozenset({"fuzzymatching", "emptyvaluematching", "multiplevaluematching"})
TRUTH: Final = frozenset({"true", "false"})


@dataclass(frozen=True, slots=True)
class Key:
    """An attribute that is matched."""

    path: tuple[str, ...]
    wanted: Criterion


@dataclass(frozen=True, slots=True)
class Query:
    """A search.

    Attributes:
        keys: all must match.
        modalities: what Modalities in Study must meet; None where nothing is asked of it.
        include: tags to be returned beside the usual ones.
        include_all: return all that is known.
        limit: most results.
        offset: results passed over.
        warnings: what was asked for and not done, for people.
    """

    keys: tuple[Key, ...]
    modalities: Criterion | None
    include: frozenset[str]
    include_all: bool
    limit: int
    offset: int
    warnings: tuple[str, ...]

    @property
    def needs_instances(self) -> bool:
        """Whether a key may differ between the instances of a series."""
        return any(key.path[0] not in brief_tags() for key in self.keys)

    def matches(self, header: Mapping[str, object]) -> bool:
        """Whether a header meets all keys."""
        return all(matches(header, key.path, key.wanted) for key in self.keys)


def read_query(parameters: Iterable[tuple[str, str]], max_results: int) -> Query:
    """Read the parameters of a URI.

    Args:
        parameters: names and values, decoded.
        max_results: of one answer, however many are asked for.

    Raises:
        InstanceError: ``bad-query``.
    """
    reading = _Reading(max_results)
    for number, (name, value) in enumerate(parameters):
        if number == MAX_PARAMETERS:
            raise InstanceError("bad-query", "The query has too many parameters.")
        reading.take(name, value)
    return reading.query()


class _Reading:
    def __init__(self, max_results: int) -> None:
        self._keys: list[Key] = []
        self._modalities: Criterion | None = None
        self._include: set[str] = set()
        self._warnings: list[str] = []
        self._most = self._limit = max_results
        self._offset = 0
        self._all = False

    def take(self, name: str, value: str) -> None:
        match name.lower():
            case "includefield":
                self._take_included(value)
            case "limit":
                self._limit = min(_count(value), self._most)
            case "offset":
                self._offset = _count(value)
            case flag if flag in FLAGS:
                self._take_flag(flag, value)
            case "accept":
                pass
            case _:
                self._take_key(name, value)

    def query(self) -> Query:
        return Query(
            tuple(self._keys),
            self._modalities,
            frozenset(self._include),
            self._all,
            self._limit,
            self._offset,
            tuple(dict.fromkeys(self._warnings)),
        )

    def _take_included(self, value: str) -> None:
        for name in value.split(","):
            if name.strip().lower() == "all":
                self._all = True
            else:
                self._include.add(attribute_path(name.strip())[0])

    def _take_flag(self, flag: str, value: str) -> None:
        if value.lower() not in TRUTH:
            raise InstanceError("bad-query", "A flag of the query is neither true nor false.")
        if flag == "fuzzymatching" and value.lower() == "true":
            self._warnings.append(
                "The fuzzymatching parameter is not supported. Only literal matching has been performed."
            )

    def _take_key(self, name: str, value: str) -> None:
        path = attribute_path(name)
        if path == (MODALITIES_IN_STUDY,):
            self._modalities = criterion("CS", value)
        elif path[0] in COUNTED:
            self._warnings.append("Attributes that the server adds are not matched.")
        else:
            self._keys.append(Key(path, criterion(vr_of(path[-1]), value)))
            self._include.add(path[0])


def _count(value: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > 9:  # noqa: PLR2004 - a thousand million
        raise InstanceError("bad-query", "limit and offset are whole numbers.")
    return int(value)
