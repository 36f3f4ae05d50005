"""Writing a result: all at once, or one resource after the other; never twice, never over a person's word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from marrowcount.errors import DeliveryRefusedError, PeerError
from marrowcount_adapters.fhir_client.answers import Answer, Verdict, verdict_of
from marrowcount_adapters.fhir_client.capabilities import Way
from marrowcount_adapters.fhir_client.exchange import AnsweredError
from marrowcount_adapters.fhir_client.looking import condition, find_remote, is_recorded, require_ours
from marrowcount_adapters.fhir_client.parcel import placeholder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from marrowcount_adapters.fhir_client.capabilities import Capabilities, Knowledge
    from marrowcount_adapters.fhir_client.exchange import Exchange
    from marrowcount_adapters.fhir_client.looking import Remote
    from marrowcount_adapters.fhir_client.parcel import Entry, Parcel

__all__ = ["Writing"]

REPORT: Final = "DiagnosticReport"

_PLACE: Final = re.compile(r"[A-Za-z]+/[A-Za-z0-9.-]{1,64}(/_history/[A-Za-z0-9.-]{1,64})?$")
_VERSION: Final = re.compile(r'W/"([A-Za-z0-9.-]{1,64})"')


@dataclass(slots=True)
class Writing:
    """One attempt to write a result, with what may be tried once in it.

    Attributes:
        knowledge: of the server; told of what it could not do.
        allowed: ways of writing that may be tried.
    """

    exchange: Exchange
    can: Capabilities
    knowledge: Knowledge
    parcel: Parcel
    allowed: frozenset[Way] = frozenset(Way)
    rebased: bool = False
    bare: bool = False

    def deliver(self) -> tuple[str, ...]:
        """Write until it is written; where each entry is kept, with its version.

        Raises:
            PeerError: no answer, or one after which the same may succeed later.
            DeliveryRefusedError: refused for good, or a person's result stands there.
        """
        while True:
            way = self._way()
            try:
                return self._write(way)
            except AnsweredError as error:
                self._after(error, way)

    def _way(self) -> Way:
        """The best that is left.

        Raises:
            DeliveryRefusedError: ``no-way``.
        """
        offered = self.knowledge.open(self.can.ways(self.parcel.resource_types))
        for way in offered:
            if way in self.allowed:
                return way
        raise DeliveryRefusedError(
            "no-way", f"{self.exchange.name} can write in none of the ways that its setting `writes` allows"
        )

    def _after(self, error: AnsweredError, way: Way) -> None:
        """Make ready for another try where one is left that may help.

        Raises:
            PeerError: none is.
        """
        match error.verdict:
            case Verdict.SIMPLER if way is not Way.SEARCH and not error.what.startswith("GET"):
                self.knowledge.cannot(way)
            case Verdict.CONFLICT | Verdict.GONE if not self.rebased:
                self.rebased = True
            case Verdict.TOO_LARGE if not self.bare:
                self.parcel, self.bare = self.parcel.without_documents(), True
            case _:
                raise error.final(self.exchange.name) from None

    def _write(self, way: Way) -> tuple[str, ...]:
        results = self.parcel.results
        remote = dict(find_remote(self.exchange, results))
        require_ours(self.exchange, results, remote)
        if way is Way.SEARCH or self.rebased:
            remote |= find_remote(self.exchange, [entry for entry in self.parcel.entries if not entry.replaces])
        written = _All(self.exchange, self.can, self.parcel, remote)
        return written.at_once() if way is Way.TRANSACTION else written.one_by_one(conditional=way is Way.SINGLE)


@dataclass(frozen=True, slots=True)
class _All:
    """The entries, and what the server holds of them."""

    exchange: Exchange
    can: Capabilities
    parcel: Parcel
    remote: Mapping[str, Remote]

    def at_once(self) -> tuple[str, ...]:
        """As a transaction (FHIR R4 3.1.0.11).

        Raises:
            AnsweredError: refused, as a whole or for an entry; nothing was written, unless the server is no good one.
            PeerError: no answer.
        """
        entries = [entry for entry in self.parcel.entries if not self._is_known_provenance(entry)]
        named = {entry.full_url: self._name(entry) for entry in self.parcel.entries}
        sent = [self._planned(entry, named) for entry in entries]
        answer = self.exchange.write("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": sent})
        responses = _responses(answer, len(sent))
        for entry, response in zip(entries, responses, strict=True):
            _require_done(entry, response)
            if entry.full_url not in self.remote:
                _require_new(entry, response)
        return tuple(_place_of(response) for response in responses)

    def _name(self, entry: Entry) -> str:
        there = self.remote.get(entry.full_url)
        return there.place if there and entry.replaces else placeholder(entry.full_url)

    def _planned(self, entry: Entry, named: Mapping[str, str]) -> Mapping[str, Any]:
        """What is known to be there is replaced in the version that was read; all else is made unless it is there.

        A conditional update would be shorter, and would replace what a person signs between our look and our write.
        """
        there, resource = self.remote.get(entry.full_url), entry.referring(named)
        if there is not None and entry.replaces:
            request = {"method": "PUT", "url": there.place}
            request |= {"ifMatch": there.e_tag} if there.e_tag else {}
            full_url = f"{self.exchange.base_url.rstrip('/')}/{there.place}"
            return {"fullUrl": full_url, "resource": _with_id(resource, there), "request": request}
        request = {"method": "POST", "url": entry.resource_type}
        request |= {"ifNoneExist": condition(entry.token)} if entry.token else {}
        return {"fullUrl": placeholder(entry.full_url), "resource": resource, "request": request}

    def one_by_one(self, *, conditional: bool) -> tuple[str, ...]:
        """What others refer to first, so that each reference leads to what is there.

        Raises:
            AnsweredError: one was refused; those before it are written, and found again by the next try.
            PeerError: no answer.
        """
        places: dict[str, str] = {}
        kept: list[str] = []
        for entry in self.parcel.in_order():
            if not self._is_known_provenance(entry):
                place = self._written(entry, places, conditional=conditional)
                kept.append(place)
                places[entry.full_url] = place.partition("/_history")[0]
        return tuple(kept)

    def _written(self, entry: Entry, places: Mapping[str, str], *, conditional: bool) -> str:
        there, resource = self.remote.get(entry.full_url), entry.referring(places)
        if there is not None and not entry.replaces:
            return there.place
        if there is not None:
            matching = {"If-Match": there.e_tag} if there.e_tag else {}
            answer = self.exchange.write("PUT", f"/{there.place}", _with_id(resource, there), matching)
            return _place_of(answer, there.place)
        asks = {"If-None-Exist": condition(entry.token)} if entry.token and conditional else {}
        answer = self.exchange.write("POST", f"/{entry.resource_type}", resource, asks)
        _require_new(entry, answer)
        return _place_of(answer) or self._found(entry)

    def _found(self, entry: Entry) -> str:
        """Of a server that does not say where it put what it took."""
        there = find_remote(self.exchange, [entry]).get(entry.full_url)
        if there is None and entry.token is not None:
            raise PeerError("odd-answer", f"{self.exchange.name} took a {entry.resource_type} and does not hold it")
        return there.place if there else ""

    def _is_known_provenance(self, entry: Entry) -> bool:
        """It stands there already, from an earlier try; where nothing of the result did, it cannot."""
        if entry.resource_type != "Provenance" or not self.remote or "Provenance" not in self.can.searchable:
            return False
        return is_recorded(self.exchange, entry.resource, self._targets(entry))

    def _targets(self, provenance: Entry) -> Sequence[str]:
        """The report that it is about, else all that it is about and that are there."""
        urls = [str(target.get("reference")) for target in provenance.resource.get("target", [])]
        there = [self.remote[url].place for url in urls if url in self.remote]
        return [place for place in there if place.startswith(f"{REPORT}/")] or there


def _responses(answer: Answer, expected: int) -> Sequence[Answer]:
    """Of each entry; a transaction succeeds or fails whole, but some servers answer 200 with failures inside.

    Raises:
        PeerError: ``odd-answer``.
    """
    entries = answer.resource.get("entry")
    if answer.resource.get("resourceType") != "Bundle" or not isinstance(entries, list) or len(entries) != expected:
        raise PeerError("odd-answer", "the server accepted the transaction but did not answer with a Bundle of as many")
    return [_response(entry) for entry in entries]


def _response(entry: object) -> Answer:
    said = entry.get("response") if isinstance(entry, dict) else None
    response = said if isinstance(said, dict) else {}
    status = str(response.get("status", ""))[:3]
    outcome = response.get("outcome")
    if not status.isdecimal():
        raise PeerError("odd-answer", "the server's answer to the transaction does not tell what became of an entry")
    headers = {name: str(response[name]) for name in ("location", "etag") if response.get(name)}
    return Answer(int(status), outcome if isinstance(outcome, dict) else {}, headers)


def _require_done(entry: Entry, response: Answer) -> None:
    if verdict_of(response) is not Verdict.DONE:
        raise AnsweredError(response, f"transaction, entry {entry.resource_type}")


def _require_new(entry: Entry, answer: Answer) -> None:
    """A result that was to be made, and that the server now says was there, was written by somebody else meanwhile."""
    if entry.replaces and answer.status == HTTPStatus.OK:
        gone_by = Answer(HTTPStatus.PRECONDITION_FAILED, {}, answer.headers)
        raise AnsweredError(gone_by, f"create {entry.resource_type}")


def _with_id(resource: Mapping[str, Any], there: Remote) -> Mapping[str, Any]:
    return {**resource, "id": there.place.partition("/")[2]}


def _place_of(answer: Answer, known: str = "") -> str:
    """Where something is kept, with its version, as far as the answer says; no host, whatever stands before."""
    for header in ("location", "content-location"):
        if found := _PLACE.search(answer.headers.get(header, "")):
            return found[0]
    resource = answer.resource
    if _PLACE.fullmatch(place := f"{resource.get('resourceType')}/{resource.get('id')}") and resource.get("id"):
        known = place
    version = _VERSION.fullmatch(answer.headers.get("etag", ""))
    return f"{known}/_history/{version[1]}" if known and version else known
