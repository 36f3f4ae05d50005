"""Looking before writing: whose result it is there, what is there of it already, and who put it there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from marrowcount.errors import DeliveryHeldError, DeliveryRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from marrowcount_adapters.fhir_client.capabilities import Capabilities
    from marrowcount_adapters.fhir_client.exchange import Exchange
    from marrowcount_adapters.fhir_client.parcel import Entry, Parcel, Token

__all__ = ["Remote", "addressed", "condition", "find_remote", "is_recorded", "require_ours"]

PERSONS_WORD: Final = frozenset({"final", "amended", "corrected", "appended", "entered-in-error"})
"""Statuses that only a person gives; nothing of a machine's takes their place, whoever wrote it."""

MOST_FOUND: Final = "200"
"""Resources asked for at once; a result has some twenty."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A resource that the server holds.

    Attributes:
        version: by which an update says what it replaces; empty where the server keeps none.
    """

    place: str
    version: str
    status: str

    @property
    def e_tag(self) -> str:
        """By which an update replaces this version and no other (If-Match, FHIR R4 3.1.0.5)."""
        return f'W/"{self.version}"' if self.version else ""


def condition(token: Token) -> str:
    """What a conditional create asks: the query alone, its bar percent-encoded."""
    return f"identifier={quote(str(token), safe=':')}"


def addressed(exchange: Exchange, parcel: Parcel, can: Capabilities, *, look_up_patient: bool) -> Parcel:
    """The parcel with the server's own patient and order in it, where it can be asked for them.

    Raises:
        DeliveryHeldError: ``patient-not-found`` or ``patient-ambiguous``; no patient is ever made or guessed.
    """
    wanted = parcel.identifiers("Patient", "ServiceRequest")
    places: dict[tuple[str, Token], str] = {}
    if look_up_patient and "Patient" in can.searchable:
        places = {("Patient", token): _patient(exchange, token) for token in wanted["Patient"]}
    patients = list(places.values())
    if "ServiceRequest" in can.searchable:
        orders = {("ServiceRequest", each): _order(exchange, each, patients) for each in wanted["ServiceRequest"]}
        places |= {each: place for each, place in orders.items() if place}
    return parcel.pointing(places)


def _order(exchange: Exchange, token: Token, patients: Sequence[str]) -> str:
    """The one order of this number, of this patient where that is known; empty where there is none such."""
    found = [each for each in _named(exchange, "ServiceRequest", token) if _is_of(each, patients)]
    return _place(found[0]) if len(found) == 1 and (token.system or patients) else ""


def _is_of(order: Mapping[str, Any], patients: Sequence[str]) -> bool:
    subject = order.get("subject")
    return not patients or (isinstance(subject, dict) and subject.get("reference") in patients)


def _patient(exchange: Exchange, token: Token) -> str:
    found = _named(exchange, "Patient", token)
    if not found:
        raise DeliveryHeldError(
            "patient-not-found",
            f"{exchange.name} knows no patient of the slide's Patient ID; it is asked again from time to time",
        )
    if len(found) > 1 or _is_replaced(found[0]):
        raise DeliveryHeldError(
            "patient-ambiguous",
            f"{exchange.name} knows several patients, or a replaced one, of the slide's Patient ID; have them merged",
        )
    return _place(found[0])


def _is_replaced(patient: Mapping[str, Any]) -> bool:
    links = patient.get("link")
    listed = links if isinstance(links, list) else []
    return any(isinstance(link, dict) and link.get("type") == "replaced-by" for link in listed)


def find_remote(exchange: Exchange, entries: Sequence[Entry]) -> Mapping[str, Remote]:
    """What the server holds of these, by full URL; one search for each type of resource.

    Raises:
        DeliveryRefusedError: ``several-matches``: two resources bear one identifier; none is picked.
    """
    found: dict[str, Remote] = {}
    for resource_type in dict.fromkeys(entry.resource_type for entry in entries):
        wanted = [entry for entry in entries if entry.resource_type == resource_type and entry.token]
        found |= _find(exchange, resource_type, wanted)
    return found


def _find(exchange: Exchange, resource_type: str, wanted: Sequence[Entry]) -> Mapping[str, Remote]:
    if not wanted:
        return {}
    said = ",".join(str(entry.token) for entry in wanted)
    resources = list(_search(exchange, resource_type, {"identifier": said, "_count": MOST_FOUND}))
    found = {}
    for entry in wanted:
        there = [each for each in resources if entry.token and entry.token.names(each)]
        if len(there) > 1:
            raise DeliveryRefusedError(
                "several-matches",
                f"{exchange.name} holds {len(there)} of type {resource_type} under one identifier of the result; have "
                "one of them removed, then retry",
            )
        if there:
            found[entry.full_url] = _remote(there[0])
    return found


def require_ours(exchange: Exchange, entries: Sequence[Entry], remote: Mapping[str, Remote]) -> None:
    """What a machine says, a count or that there is none, takes the place of nothing that a person answered for.

    Raises:
        DeliveryRefusedError: ``remote-is-final``.
    """
    if any(entry.status in PERSONS_WORD for entry in entries):
        return
    for entry in entries:
        there = remote.get(entry.full_url)
        if there is not None and there.status in PERSONS_WORD:
            raise DeliveryRefusedError(
                "remote-is-final",
                f"{exchange.name} holds a person's {entry.resource_type} ({there.status}) of this slide; a machine's "
                "result does not take its place: have it reviewed, then drop this delivery",
            )


def is_recorded(exchange: Exchange, provenance: Mapping[str, Any], targets: Sequence[str]) -> bool:
    """Whether this provenance of these is there already: it bears no identifier, but a time."""
    moment = _moment(provenance.get("recorded"))
    for target in targets:
        for each in _search(exchange, "Provenance", {"target": target, "_count": MOST_FOUND}):
            if moment is not None and _moment(each.get("recorded")) == moment:
                return True
    return False


def _moment(said: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(said))
    except ValueError:
        return None


def _named(exchange: Exchange, resource_type: str, token: Token) -> list[Mapping[str, Any]]:
    """All of a type that bear the identifier."""
    found = _search(exchange, resource_type, {"identifier": str(token), "_count": MOST_FOUND})
    return [each for each in found if token.names(each)]


def _search(exchange: Exchange, resource_type: str, query: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """What a search finds; links to further pages are not followed, since they may lead anywhere."""
    entries = exchange.get(f"/{resource_type}", query).get("entry")
    for entry in entries if isinstance(entries, list) else ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and resource.get("resourceType") == resource_type and resource.get("id"):
            yield resource


def _place(resource: Mapping[str, Any]) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _remote(resource: Mapping[str, Any]) -> Remote:
    meta = resource.get("meta")
    version = meta.get("versionId", "") if isinstance(meta, dict) else ""
    return Remote(_place(resource), str(version), str(resource.get("status", "")))
