"""What the stand-in FHIR server holds: conditional creates and updates, versions, transactions, searches."""

from __future__ import annotations

import json
import threading
import uuid
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, unquote

__all__ = ["FhirStore", "Offers", "StoreError"]

Place = tuple[str, str]
"""Type and id."""

TYPES: Final = (
    "Patient",
    "ServiceRequest",
    "Specimen",
    "ImagingStudy",
    "Device",
    "DocumentReference",
    "Observation",
    "DiagnosticReport",
    "Provenance",
    "Bundle",
)

SEARCHED: Final = frozenset({"identifier", "code", "target"})
"""Search parameters that it knows; others are overlooked, as a lenient server does (FHIR R4 3.1.1.1)."""


class StoreError(ValueError):
    """Something cannot be carried out; nothing was changed."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True, slots=True)
class Offers:
    """What the server does, and says that it does.

    Attributes:
        patients: it can be searched for patients and orders.
    """

    transaction: bool = True
    conditional: bool = True
    patients: bool = False

    def statement(self) -> dict[str, Any]:
        """As a CapabilityStatement."""
        interaction = [{"code": "transaction"}] if self.transaction else []
        rest = {"mode": "server", "interaction": interaction, "resource": [self._resource(each) for each in TYPES]}
        return {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": "2026-01-01",
            "kind": "instance",
            "fhirVersion": "4.0.1",
            "format": ["json"],
            "rest": [rest],
        }

    def _resource(self, resource_type: str) -> dict[str, Any]:
        searched = self.patients or resource_type not in {"Patient", "ServiceRequest"}
        codes = ("create", "read", "update", *(["search-type"] if searched else []))
        interaction = [{"code": code} for code in codes]
        conditional = {"conditionalCreate": self.conditional, "conditionalUpdate": self.conditional}
        return {"type": resource_type, "interaction": interaction, "versioning": "versioned-update", **conditional}


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of one resource.

    Attributes:
        known: the resource that is there already; None where it is made.
        writes: it is written; else the one that is there stands.
    """

    full_url: str
    resource: dict[str, Any]
    place: Place
    known: dict[str, Any] | None
    writes: bool

    @property
    def reference(self) -> str:
        """Type/id."""
        return "/".join(self.place)

    @property
    def status(self) -> HTTPStatus:
        """201 where it is made."""
        return HTTPStatus.CREATED if self.known is None else HTTPStatus.OK


@dataclass(slots=True)
class FhirStore:
    """Resources by type and id; one lock, since a transaction is all or nothing."""

    offers: Offers = field(default_factory=Offers)
    resources: dict[Place, dict[str, Any]] = field(default_factory=dict)
    bundles: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def add(self, resource: dict[str, Any]) -> str:
        """Put a resource in, as others do; its place."""
        plan = self._created("", resource, [])
        self._store(plan, {})
        return plan.reference

    def transact(self, bundle: dict[str, Any]) -> dict[str, Any]:
        """Carry out a transaction (FHIR R4 3.1.0.11); the transaction response.

        Raises:
            StoreError: not a transaction, or an entry that cannot be carried out; nothing was changed.
        """
        if bundle.get("resourceType") != "Bundle" or bundle.get("type") != "transaction":
            raise StoreError(HTTPStatus.BAD_REQUEST, "invalid", "a Bundle of type transaction is expected")
        if not self.offers.transaction:
            raise StoreError(HTTPStatus.METHOD_NOT_ALLOWED, "not-supported", "no transactions here")
        with self.lock:
            plans = [self._planned(entry) for entry in bundle.get("entry", [])]
            places = {plan.full_url: plan.reference for plan in plans if plan.full_url}
            responses = [{"response": self._response(plan, self._store(plan, places))} for plan in plans]
            self.bundles += 1
        return {"resourceType": "Bundle", "type": "transaction-response", "entry": responses}

    def create(self, resource_type: str, resource: dict[str, Any], if_none_exist: str) -> tuple[HTTPStatus, Any]:
        """Create, on condition where one is given (FHIR R4 3.1.0.8); the resource that is there then.

        Raises:
            StoreError: several match, or the resource is of another type.
        """
        request = {"method": "POST", "url": resource_type, "ifNoneExist": if_none_exist}
        return self._one({"resource": resource, "request": request})

    def update(self, address: str, resource: dict[str, Any], if_match: str) -> tuple[HTTPStatus, Any]:
        """Update ``Type/id``, or ``Type?query`` on condition (FHIR R4 3.1.0.4); the resource that is there then.

        Raises:
            StoreError: it is not there, or in another version, or several match.
        """
        return self._one({"resource": resource, "request": {"method": "PUT", "url": address, "ifMatch": if_match}})

    def _one(self, entry: dict[str, Any]) -> tuple[HTTPStatus, Any]:
        with self.lock:
            plan = self._planned(entry)
            return plan.status, self._store(plan, {})

    def _planned(self, entry: dict[str, Any]) -> Plan:
        request, resource = entry.get("request", {}), entry.get("resource", {})
        address, _, query = str(request.get("url", "")).partition("?")
        resource_type, _, resource_id = address.partition("/")
        if resource.get("resourceType") != resource_type or request.get("method") not in {"POST", "PUT"}:
            raise StoreError(HTTPStatus.BAD_REQUEST, "invalid", f"cannot carry out {request.get('method')} {address}")
        full_url = str(entry.get("fullUrl", ""))
        if resource_id:
            return self._updated(full_url, resource, (resource_type, resource_id), str(request.get("ifMatch") or ""))
        found = self._matching(resource_type, query or str(request.get("ifNoneExist") or ""))
        return self._created(full_url, resource, found, replaces=request["method"] == "PUT")

    def _updated(self, full_url: str, resource: dict[str, Any], place: Place, if_match: str) -> Plan:
        known = self.resources.get(place)
        if known is None:
            raise StoreError(HTTPStatus.NOT_FOUND, "not-found", "no such resource")
        if if_match not in {"", f'W/"{known["meta"]["versionId"]}"'}:
            raise StoreError(HTTPStatus.PRECONDITION_FAILED, "conflict", "it has another version now")
        return Plan(full_url, resource, place, known, writes=True)

    def _matching(self, resource_type: str, condition: str) -> list[dict[str, Any]]:
        if condition and not self.offers.conditional:
            raise StoreError(HTTPStatus.NOT_IMPLEMENTED, "not-supported", "no conditional requests here")
        found = self.search(resource_type, parse_qs(condition)) if condition else []
        if len(found) > 1:
            text = f"{len(found)} {resource_type} match {condition}"
            raise StoreError(HTTPStatus.PRECONDITION_FAILED, "multiple-matches", text)
        return found

    def _created(
        self, full_url: str, resource: dict[str, Any], found: list[dict[str, Any]], *, replaces: bool = False
    ) -> Plan:
        known = found[0] if found else None
        resource_id = str(known["id"]) if known else str(uuid.uuid4())
        place = str(resource["resourceType"]), resource_id
        return Plan(full_url, resource, place, known, writes=replaces or known is None)

    def _store(self, plan: Plan, places: dict[str, str]) -> dict[str, Any]:
        if not plan.writes:
            return plan.known or {}
        text = json.dumps(plan.resource)
        for full_url, place in places.items():
            text = text.replace(f'"reference": {json.dumps(full_url)}', f'"reference": {json.dumps(place)}')
        version = int(plan.known["meta"]["versionId"]) + 1 if plan.known else 1
        resource: dict[str, Any] = json.loads(text) | {"id": plan.place[1]}
        resource["meta"] = resource.get("meta", {}) | {"versionId": str(version)}
        self.resources[plan.place] = resource
        return resource

    def _response(self, plan: Plan, stored: dict[str, Any]) -> dict[str, str]:
        version = stored["meta"]["versionId"]
        status = f"{plan.status.value} {plan.status.phrase}"
        return {"status": status, "location": f"{plan.reference}/_history/{version}", "etag": f'W/"{version}"'}

    def search(self, resource_type: str, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        """Resources of a type by ``identifier`` and ``code`` (``system|value``), and ``target``; commas mean "or"."""
        with self.lock:
            found = [resource for (kind, _), resource in self.resources.items() if kind == resource_type]
        for parameter, wanted in query.items():
            tokens = [token for each in wanted for token in each.split(",")]
            if parameter in SEARCHED:
                found = [each for each in found if any(_matches(each, parameter, token) for token in tokens)]
        return found


def _matches(resource: dict[str, Any], parameter: str, token: str) -> bool:
    if parameter == "target":
        return any(each.get("reference") == token for each in resource.get("target", []))
    system, bar, value = unquote(token).rpartition("|")
    found = resource.get("identifier", []) if parameter == "identifier" else resource.get("code", {}).get("coding", [])
    values = found if isinstance(found, list) else [found]
    key = "value" if parameter == "identifier" else "code"
    return any(item.get(key) == value and (not bar or item.get("system") == system) for item in values)
