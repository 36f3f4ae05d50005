"""A thin checker of what the library lets pass: targets of references, required codes, ids, empty objects, invariants.

It knows only the elements that are used here; one that it does not know is a fault, so that nothing new goes unchecked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from marrowcount_adapters.fhir.rules import ANY, R4

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from marrowcount_adapters.fhir.rules import Rules

__all__ = ["faults_of"]

ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
UCUM: Final = "http://unitsofmeasure.org"

Json = dict[str, Any]

PARTS: Final[Mapping[str, str]] = {
    "text": "Narrative",
    "extension": "Extension",
    "identifier": "Identifier",
    "accessionIdentifier": "Identifier",
    "presentedForm": "Attachment",
    "attachment": "Attachment",
}
"""Elements whose own elements belong to a data type rather than to the resource."""


def faults_of(bundle: Json, rules: Rules = R4) -> list[str]:
    """Faults, each with its place; none where the bundle is sound.

    Args:
        bundle: as read from JSON.
        rules: of the version of FHIR.
    """
    entries = bundle.get("entry", [])
    kinds = {entry.get("fullUrl"): entry["resource"]["resourceType"] for entry in entries}
    check = _Check(rules, kinds)
    check.walk(bundle, "Bundle", "Bundle")
    faults = [*check.faults, *_of_bundle(bundle, entries)]
    if len(kinds) != len(entries):
        faults.append("Bundle.entry.fullUrl: two entries have the same")
    return faults


@dataclass(slots=True)
class _Check:
    """Walks through a bundle and notes what is wrong.

    Attributes:
        kinds: of resource by the names of the entries.
    """

    rules: Rules
    kinds: Mapping[str, str]
    faults: list[str] = field(default_factory=list[str])

    def walk(self, part: Json, path: str, place: str) -> None:
        """Check an object.

        Args:
            part: the object.
            path: in the definitions, such as ``Observation.status``.
            place: in the bundle, for people.
        """
        if not part:
            self.faults.append(f"{place}: empty object")
        if "resourceType" in part:
            path = part["resourceType"]
            self._note(place, _of_resource(part))
        for name, value in part.items():
            self._element(f"{path}.{name}", name, value, f"{place}.{name}")

    def _element(self, path: str, name: str, value: object, place: str) -> None:
        if value in ("", [], None):
            self.faults.append(f"{place}: empty")
        for number, item in enumerate(value if isinstance(value, list) else [value]):
            here = f"{place}[{number}]" if isinstance(value, list) else place
            if isinstance(item, dict):
                self._object(item, path, name, here)
            elif path in self.rules.codes and item not in self.rules.codes[path]:
                self.faults.append(f"{here}: {item} is no code of its value set")

    def _object(self, item: Json, path: str, name: str, place: str) -> None:
        if path in self.rules.targets or _is_reference(item):
            self._reference(item, path, place)
        self._note(place, INVARIANTS.get(name, _nothing)(item))
        self.walk(item, PARTS.get(name, path), place)

    def _reference(self, reference: Json, path: str, place: str) -> None:
        allowed = self.rules.targets.get(path)
        if allowed is None:
            self.faults.append(f"{place}: no reference is known here")
            return
        target = self._target(reference, place)
        if target is not None and allowed != ANY and target not in allowed:
            self.faults.append(f"{place}: must not point at {target}")

    def _target(self, reference: Json, place: str) -> str | None:
        """Kind of resource that a reference points at; logical ones must say it."""
        url = reference.get("reference")
        if url is not None and url not in self.kinds:
            self.faults.append(f"{place}: {url} is no entry of the bundle")
            return None
        if url is None and "type" not in reference:
            self.faults.append(f"{place}: points at nothing")
            return None
        return self.kinds[url] if url is not None else str(reference["type"])

    def _note(self, place: str, found: Iterator[str]) -> None:
        self.faults.extend(f"{place}: {fault}" for fault in found)


def _is_reference(item: Json) -> bool:
    """Whether it looks like one, wherever it stands."""
    logical = isinstance(item.get("type"), str) and bool(item.keys() & {"identifier", "display"})
    return "reference" in item or (logical and "resourceType" not in item)


def _nothing(item: Json) -> Iterator[str]:  # noqa: ARG001 - as all invariants
    yield from ()


def _of_resource(resource: Json) -> Iterator[str]:
    if "id" in resource and not ID.fullmatch(resource["id"]):
        yield f"{resource['id']} is no id"
    if resource["resourceType"] == "Observation":
        yield from _of_observation(resource)


def _of_observation(observation: Json) -> Iterator[str]:
    has_value = any(name.startswith("value") for name in observation)
    if has_value and "dataAbsentReason" in observation:
        yield "has a value and a reason for having none (obs-6)"
    if not has_value and not observation.keys() & {"dataAbsentReason", "hasMember", "component"}:
        yield "says nothing (eu-lab-1)"
    if has_value and observation["code"] in [each["code"] for each in observation.get("component", [])]:
        yield "has a component of its own code (obs-7)"
    if not any(each["coding"][0]["code"] == "laboratory" for each in observation.get("category", [])):
        yield "is not of a laboratory (us-core)"


def _of_component(component: Json) -> Iterator[str]:
    has_value = any(name.startswith("value") for name in component)
    if has_value == ("dataAbsentReason" in component):
        yield "must have either a value or a reason for having none (obs-6, eu-lab-2)"


def _of_quantity(quantity: Json) -> Iterator[str]:
    if quantity.get("system") != UCUM or "code" not in quantity:
        yield "has no unit of UCUM (us-core-3)"


def _of_coding(coding: Json) -> Iterator[str]:
    if not coding.keys() >= {"system", "code"}:
        yield "is no code of a system"


def _of_identifier(identifier: object) -> Iterator[str]:
    if isinstance(identifier, dict) and "value" not in identifier:
        yield "is an identifier without a value"


def _of_attachment(attachment: Json) -> Iterator[str]:
    if "data" in attachment and not attachment.keys() >= {"contentType", "size", "hash"}:
        yield "is data without type, size and hash (att-1)"


INVARIANTS: Final[Mapping[str, Callable[[Json], Iterator[str]]]] = {
    "component": _of_component,
    "valueQuantity": _of_quantity,
    "coding": _of_coding,
    "identifier": _of_identifier,
    "accessionIdentifier": _of_identifier,
    "presentedForm": _of_attachment,
    "attachment": _of_attachment,
}


def _of_bundle(bundle: Json, entries: list[Json]) -> Iterator[str]:
    kinds = [entry["resource"]["resourceType"] for entry in entries]
    requests = ["request" in entry for entry in entries]
    if bundle["type"] == "transaction" and not all(requests):
        yield "Bundle.entry: a transaction without a request (bdl-3)"
    if bundle["type"] == "document":
        yield from _of_document(bundle, entries, kinds)
        if any(requests):
            yield "Bundle.entry: a document with a request (bdl-3)"


def _of_document(bundle: Json, entries: list[Json], kinds: list[str]) -> Iterator[str]:
    if not bundle.keys() >= {"identifier", "timestamp"}:
        yield "Bundle: a document needs identifier and timestamp (bdl-9, bdl-10)"
    if kinds[:1] != ["Composition"] or [kinds.count(kind) for kind in ("Composition", "DiagnosticReport")] != [1, 1]:
        yield "Bundle.entry: one Composition comes first, with one DiagnosticReport (bdl-11, eu-lab)"
        return
    composition = entries[0]["resource"]
    report = next(entry["resource"] for entry in entries if entry["resource"]["resourceType"] == "DiagnosticReport")
    shared = {name: composition[name] for name in ("category", "subject")}
    for name, value in {**shared, "identifier": [composition["identifier"]], "code": composition["type"]}.items():
        if report[name] != value:
            yield f"DiagnosticReport.{name}: is not the Composition's (eu-lab)"
    if "imagingStudy" in report:
        yield "DiagnosticReport.imagingStudy: is not allowed (eu-lab)"
    if not any(each["url"].endswith("extension-DiagnosticReport.composition") for each in report.get("extension", [])):
        yield "DiagnosticReport: does not name its Composition (eu-lab)"
