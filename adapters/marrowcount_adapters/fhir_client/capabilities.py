"""What a FHIR server says that it can do, and the way of writing that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from marrowcount.errors import PeerError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

__all__ = ["Capabilities", "Knowledge", "Way", "capabilities_of"]

KNOWN_FOR_S: Final = 3600.0
"""Time after which a server is asked again what it can do, in seconds: it may have been updated."""


class Way(StrEnum):
    """How a result is written, the simplest last."""

    TRANSACTION = "transaction"
    """All at once, all or nothing, with conditional creates (FHIR R4 3.1.0.11)."""
    SINGLE = "single"
    """One resource after the other, what others refer to first, with conditional creates (3.1.0.8.1)."""
    SEARCH = "search"
    """The same, each resource searched for first."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Of a server, by its CapabilityStatement.

    Attributes:
        version: of FHIR.
        transaction: it carries out transactions.
        conditional_create: types of resources that it creates on condition.
        searchable: types of resources that can be searched.
    """

    version: str = ""
    transaction: bool = False
    conditional_create: frozenset[str] = frozenset()
    searchable: frozenset[str] = frozenset()

    def ways(self, resource_types: Collection[str]) -> list[Way]:
        """How resources of these types may be written, the best first."""
        conditional = frozenset(resource_types) <= self.conditional_create
        offered = {
            Way.TRANSACTION: self.transaction and conditional,
            Way.SINGLE: conditional,
            Way.SEARCH: True,
        }
        return [way for way in Way if offered[way]]


@dataclass(slots=True)
class Knowledge:
    """What this process knows of a server for a while, and what it has learnt not to try.

    Attributes:
        monotonic: seconds on a clock that nobody sets.
    """

    monotonic: Callable[[], float]
    _capabilities: Capabilities | None = None
    _until: float = 0.0
    _not: set[Way] = field(default_factory=set)

    def capabilities(self, read: Callable[[], Mapping[str, Any]], release: str = "4") -> Capabilities:
        """As known; read at first, and anew after an hour.

        Raises:
            PeerError: see :func:`capabilities_of`; and what ``read`` raises.
        """
        if self._capabilities is None or self.monotonic() >= self._until:
            self._capabilities = capabilities_of(read(), release)
            self._until, self._not = self.monotonic() + KNOWN_FOR_S, set()
        return self._capabilities

    def cannot(self, way: Way) -> None:
        """It said that it can, and could not."""
        self._not.add(way)

    def open(self, ways: Collection[Way]) -> list[Way]:
        """Those that it has not failed at."""
        return [way for way in ways if way not in self._not]


def capabilities_of(statement: Mapping[str, Any], release: str = "4") -> Capabilities:
    """Read a CapabilityStatement; what it does not say, the server cannot.

    Args:
        statement: what came, whatever it is.
        release: of FHIR that is spoken.

    Raises:
        PeerError: ``not-fhir-r4`` or ``not-fhir-r5``.
    """
    version = statement.get("fhirVersion")
    if statement.get("resourceType") != "CapabilityStatement" or not str(version).startswith(f"{release}."):
        said = f"it answers, but not as a FHIR R{release} server (version {str(version)[:20]})"
        raise PeerError(f"not-fhir-r{release}", said)
    servers = [each for each in _objects(statement.get("rest")) if each.get("mode") == "server"]
    resources = {str(each.get("type")): each for server in servers for each in _objects(server.get("resource"))}
    return Capabilities(
        version=str(version)[:20],
        transaction=any("transaction" in _interactions(server) for server in servers),
        conditional_create=frozenset(t for t, each in resources.items() if each.get("conditionalCreate") is True),
        searchable=frozenset(t for t, each in resources.items() if "search-type" in _interactions(each)),
    )


def _interactions(of: Mapping[str, Any]) -> set[str]:
    return {str(each.get("code")) for each in _objects(of.get("interaction"))}


def _objects(listed: object) -> Iterator[Mapping[str, Any]]:
    return (each for each in listed if isinstance(each, Mapping)) if isinstance(listed, list) else iter(())
