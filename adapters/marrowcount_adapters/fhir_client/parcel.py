"""A bundle as it is to be sent: its entries, what each is known by, and references that point where they should."""

from __future__ import annotations

from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs
from uuid import NAMESPACE_URL, uuid5

from marrowcount.errors import DeliveryHeldError, DeliveryRefusedError
from marrowcount_adapters.fhir_client.exact_json import copied, read_exact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["Entry", "Parcel", "Token", "placeholder", "read_parcel", "subject_of"]

RANKS: Final = (
    "Specimen",
    "ImagingStudy",
    "Device",
    "DocumentReference",
    "Observation",
    "DiagnosticReport",
    "Provenance",
)
"""The order of single writes, as far as references leave a choice."""

Json = Any
"""A value of JSON, whatever it is."""


@dataclass(frozen=True, slots=True)
class Token:
    """A business identifier, as one searches by it (FHIR R4 3.1.1.4.10).

    Attributes:
        system: URI; empty where any is meant.
    """

    system: str
    value: str

    def __str__(self) -> str:
        """As a search parameter; the bar parts, so what it and the comma mean is escaped in the parts."""
        return f"{_escaped(self.system)}|{_escaped(self.value)}" if self.system else _escaped(self.value)

    def names(self, resource: Mapping[str, Json]) -> bool:
        """Whether a resource bears it: a server that overlooks the condition of a search finds everything."""
        listed = resource.get("identifier")
        identifiers = listed if isinstance(listed, list) else [listed]
        return any(
            isinstance(each, dict) and each.get("value") == self.value and self.system in {"", each.get("system")}
            for each in identifiers
        )


def _escaped(text: str) -> str:
    for letter in ("\\", "|", ",", "$"):
        text = text.replace(letter, f"\\{letter}")
    return text


NO_TOKEN: Final = Token("", "")
"""Of what names nothing."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource of a bundle.

    Attributes:
        full_url: by which the others refer to it.
        token: by which it is known to every server; None for one that is made anew each time.
        replaces: it takes the place of an earlier one (conditional update); else the earlier one stands.
    """

    full_url: str
    resource: Mapping[str, Json]
    token: Token | None
    replaces: bool

    @property
    def resource_type(self) -> str:
        """Such as Observation."""
        return str(self.resource.get("resourceType"))

    @property
    def status(self) -> str:
        """Such as preliminary; empty where it has none."""
        return str(self.resource.get("status", ""))

    def referring(self, places: Mapping[str, str]) -> Mapping[str, Json]:
        """The resource, its references rewritten to where the others are."""
        rewritten: Mapping[str, Json] = _rewritten(self.resource, places)
        return rewritten


@dataclass(frozen=True, slots=True)
class Parcel:
    """The entries of a transaction."""

    entries: tuple[Entry, ...]

    @property
    def resource_types(self) -> frozenset[str]:
        """Of all its entries."""
        return frozenset(entry.resource_type for entry in self.entries)

    @property
    def results(self) -> Sequence[Entry]:
        """Observations and report: what takes the place of an earlier count."""
        return [entry for entry in self.entries if entry.replaces]

    def identifiers(self, *resource_types: str) -> Mapping[str, frozenset[Token]]:
        """Of those of each of these types to whom it refers by identifier: patients, orders."""
        found: dict[str, set[Token]] = {resource_type: set() for resource_type in resource_types}
        for each in (each for entry in self.entries for each in _objects(entry.resource)):
            kind = each.get("type")
            if isinstance(kind, str) and kind in found and (token := _token_in(each.get("identifier"))) is not None:
                found[kind].add(token)
        return {kind: frozenset(tokens) for kind, tokens in found.items()}

    def pointing(self, places: Mapping[tuple[str, Token], str]) -> Parcel:
        """With a literal reference beside each of these identifiers; a document is left as it was made."""
        if not places:
            return self
        return self._each(
            lambda resource: resource if resource.get("resourceType") == "Bundle" else _pointed(resource, places)
        )

    def without_documents(self) -> Parcel:
        """Without the data of documents that it presents; size and hash stay (FHIR R4 Attachment)."""
        return self._each(_bare)

    def in_order(self) -> Sequence[Entry]:
        """What others refer to before those.

        Raises:
            DeliveryRefusedError: ``circular``.
        """
        known = {entry.full_url: number for number, entry in enumerate(self.entries)}
        sorter: TopologicalSorter[int] = TopologicalSorter()
        for number, entry in enumerate(self.entries):
            sorter.add(number, *(known[each] for each in _references(entry.resource) if each in known))
        try:
            sorter.prepare()
        except CycleError:
            raise DeliveryRefusedError("circular", "entries of the bundle refer to each other in a circle") from None
        return list(self._sorted(sorter))

    def _sorted(self, sorter: TopologicalSorter[int]) -> Iterator[Entry]:
        ready: list[int] = []
        while sorter.is_active():
            ready.extend(sorter.get_ready())
            first = min(ready, key=self._rank)
            ready.remove(first)
            yield self.entries[first]
            sorter.done(first)

    def _rank(self, number: int) -> tuple[int, int]:
        resource_type = self.entries[number].resource_type
        return RANKS.index(resource_type) if resource_type in RANKS else 0, number

    def _each(self, change: Any) -> Parcel:  # noqa: ANN401 - of a resource, to a resource
        return Parcel(tuple(replace(entry, resource=change(entry.resource)) for entry in self.entries))


def read_parcel(file: Path) -> Parcel:
    """Read a bundle: a transaction, or a document, which is one resource as it stands.

    Raises:
        DeliveryHeldError: ``unidentified-patient``.
        DeliveryRefusedError: ``not-a-transaction``.
    """
    bundle = _bundle_in(file)
    entries = bundle.get("entry", [])
    if bundle.get("type") == "document":
        parcel = Parcel((_document(bundle),))
    elif bundle.get("type") == "transaction" and isinstance(entries, list):
        parcel = Parcel(tuple(_entry(each) for each in entries))
    else:
        raise DeliveryRefusedError("not-a-transaction", "the file of the result is no FHIR transaction and no document")
    _require_identified(parcel)
    return parcel


def _document(bundle: Mapping[str, Json]) -> Entry:
    """Each version of a report is a document of its own, made once and never changed."""
    token = _token_in(bundle.get("identifier"))
    return Entry(f"document:{token}", bundle, token, replaces=False)


def subject_of(file: Path) -> str:
    """What the deliveries of one specimen have in common; empty where there is no bundle, or no specimen in it."""
    if not file.is_file():
        return ""
    for each in _bundle_in(file).get("entry", []):
        if each.get("resource", {}).get("resourceType") == "Specimen":
            return str(each.get("fullUrl", ""))
    return ""


def _bundle_in(file: Path) -> Mapping[str, Json]:
    try:
        bundle = read_exact(file.read_bytes())
    except ValueError:
        raise DeliveryRefusedError("not-a-transaction", "the file of the result is no JSON; restore it") from None
    return bundle if isinstance(bundle, dict) else {}


def _entry(stored: Mapping[str, Json]) -> Entry:
    request, resource = stored.get("request", {}), stored.get("resource", {})
    condition = str(request.get("url", "")).partition("?")[2] or str(request.get("ifNoneExist", ""))
    said = parse_qs(condition).get("identifier", [""])[0]
    system, _, value = said.rpartition("|")
    token = Token(system, value) if value else None
    return Entry(str(stored.get("fullUrl", "")), resource, token, replaces=request.get("method") == "PUT")


def _require_identified(parcel: Parcel) -> None:
    """A result whose patient cannot be told from its subject goes to no health record."""
    for subject in _subjects(parcel):
        if subject is not None and not subject.get("identifier", {}).get("system"):
            raise DeliveryHeldError(
                "unidentified-patient",
                "the slide's header does not tell whose it is: it needs a Patient ID, and its issuer an entry in the "
                "setting patient_id_systems; then have the slide counted or sent anew",
            )
    if len(parcel.identifiers("Patient")["Patient"]) > 1:
        raise DeliveryRefusedError("several-patients", "the bundle names more than one patient")


def _subjects(parcel: Parcel) -> Iterator[Json]:
    """Of each resource, also of those within a document."""
    for entry in parcel.entries:
        yield entry.resource.get("subject")
        yield from (each.get("resource", {}).get("subject") for each in entry.resource.get("entry", []))


def placeholder(full_url: str) -> str:
    """Another name for an entry, for use within one transaction.

    Some servers replace a full URL wherever it stands (Medplum 4.5 does), and so in our identifiers, which are equal.
    """
    return f"urn:uuid:{uuid5(NAMESPACE_URL, full_url)}"


def _objects(value: Json) -> Iterator[dict[str, Json]]:
    """Every object within a value, itself included, in no order."""
    left: list[Json] = [value]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            yield each
            left.extend(inner for inner in each.values() if isinstance(inner, (dict, list)))
        else:
            left.extend(inner for inner in each if isinstance(inner, (dict, list)))


def _references(resource: Json) -> Iterator[str]:
    return (each["reference"] for each in _objects(resource) if isinstance(each.get("reference"), str))


def _rewritten(resource: Json, places: Mapping[str, str]) -> Json:
    def rewrite(each: dict[str, Json]) -> None:
        reference = each.get("reference")
        if isinstance(reference, str) and reference in places:
            each["reference"] = places[reference]

    return copied(resource, rewrite)


def _pointed(resource: Json, places: Mapping[tuple[str, Token], str]) -> Json:
    types = {resource_type for resource_type, _ in places}

    def point(each: dict[str, Json]) -> None:
        kind = each.get("type")
        if isinstance(kind, str) and kind in types:
            place = places.get((kind, _token_in(each.get("identifier")) or NO_TOKEN))
            if place is not None:
                each["reference"] = place

    return copied(resource, point)


def _token_in(identifier: Json) -> Token | None:
    if not isinstance(identifier, dict):
        return None
    return Token(str(identifier.get("system", "")), str(identifier.get("value", "")))


def _bare(resource: Json) -> Json:
    copy = copied(resource)
    for each in (*copy.get("presentedForm", []), *(content["attachment"] for content in copy.get("content", []))):
        each.pop("data", None)
    return copy
