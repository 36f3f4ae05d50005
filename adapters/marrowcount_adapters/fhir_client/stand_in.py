"""A stand-in FHIR endpoint for demonstrations and tests: ``python -m marrowcount_adapters.fhir_client.stand_in``.

It takes transaction bundles with conditional creates and updates, holds the resources in memory, writes each bundle
that it accepted to a folder, and answers reads and searches by identifier and code. Not a server for patients.
"""

from __future__ import annotations

import argparse
import json
import re
import threading
import uuid
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

__all__ = ["FhirServer", "FhirStore"]

LONGEST_BODY = 16 * 2**20


@dataclass(slots=True)
class FhirStore:
    """Resources by type and id; one lock, since a transaction is all or nothing."""

    resources: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    bundles: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def transact(self, bundle: dict[str, Any]) -> dict[str, Any]:
        """Carry out a transaction (FHIR R4 3.1.0.11); the transaction response.

        Raises:
            ValueError: not a transaction, or an entry that cannot be carried out; nothing was changed.
        """
        if bundle.get("resourceType") != "Bundle" or bundle.get("type") != "transaction":
            msg = "a Bundle of type transaction is expected"
            raise ValueError(msg)
        with self.lock:
            plans = [self._plan(entry) for entry in bundle.get("entry", [])]
            places = {plan.full_url: f"{plan.resource_type}/{plan.resource_id}" for plan in plans if plan.full_url}
            for plan in plans:
                if plan.writes:
                    self._store(plan, places)
            self.bundles += 1
        return {
            "resourceType": "Bundle",
            "type": "transaction-response",
            "entry": [{"response": plan.response()} for plan in plans],
        }

    def _plan(self, entry: dict[str, Any]) -> _Plan:
        request, resource = entry.get("request", {}), entry.get("resource", {})
        resource_type, _, query = str(request.get("url", "")).partition("?")
        if resource.get("resourceType") != resource_type or request.get("method") not in {"POST", "PUT"}:
            msg = f"cannot carry out {request.get('method')} {resource_type}"
            raise ValueError(msg)
        condition = query or str(request.get("ifNoneExist", ""))
        found = self.search(resource_type, parse_qs(condition)) if condition else []
        if len(found) > 1:
            msg = f"{len(found)} {resource_type} match {condition}"
            raise ValueError(msg)
        created = not found
        resource_id = str(uuid.uuid4()) if created else str(found[0]["id"])
        writes = created or request["method"] == "PUT"
        return _Plan(
            str(entry.get("fullUrl", "")), resource_type, resource_id, resource, created=created, writes=writes
        )

    def _store(self, plan: _Plan, places: dict[str, str]) -> None:
        text = json.dumps(plan.resource)
        for full_url, place in places.items():
            text = text.replace(f'"reference": {json.dumps(full_url)}', f'"reference": {json.dumps(place)}')
        old = self.resources.get((plan.resource_type, plan.resource_id))
        version = int(old["meta"]["versionId"]) + 1 if old else 1
        resource = json.loads(text) | {"id": plan.resource_id}
        resource["meta"] = resource.get("meta", {}) | {"versionId": str(version)}
        self.resources[plan.resource_type, plan.resource_id] = resource

    def search(self, resource_type: str, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        """Resources of a type by ``identifier`` and ``code``, as ``system|value`` or value alone."""
        candidates = [resource for (kind, _), resource in self.resources.items() if kind == resource_type]
        for parameter, wanted in query.items():
            candidates = [r for r in candidates if any(_matches(r, parameter, token) for token in wanted)]
        return candidates


@dataclass(frozen=True, slots=True)
class _Plan:
    full_url: str
    resource_type: str
    resource_id: str
    resource: dict[str, Any]
    created: bool
    writes: bool

    def response(self) -> dict[str, str]:
        status = "201 Created" if self.created else "200 OK"
        return {"status": status, "location": f"{self.resource_type}/{self.resource_id}/_history/1"}


def _matches(resource: dict[str, Any], parameter: str, token: str) -> bool:
    if parameter not in {"identifier", "code"}:
        return True
    system, bar, value = unquote(token).rpartition("|")
    values = resource.get("identifier", []) if parameter == "identifier" else resource.get("code", {}).get("coding", [])
    key = "value" if parameter == "identifier" else "code"
    return any(item.get(key) == value and (not bar or item.get("system") == system) for item in values)


class FhirServer(ThreadingHTTPServer):
    """The store behind HTTP on loopback; accepted bundles go to ``folder`` where one is given."""

    def __init__(self, store: FhirStore, folder: Path | None = None, port: int = 0) -> None:
        self.store, self.folder = store, folder
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: FhirServer  # pyright: ignore[reportIncompatibleVariableOverride] - socketserver's way to reach it

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path.removeprefix("/fhir"), parse_qs(urlsplit(self.path).query)
        store = self.server.store
        if path == "/metadata":
            self._answer(HTTPStatus.OK, _capability_statement())
        elif match := re.fullmatch(r"/([A-Za-z]+)", path):
            self._answer(HTTPStatus.OK, _searchset(store.search(match[1], query)))
        elif (match := re.fullmatch(r"/([A-Za-z]+)/([\w-]+)", path)) and (match[1], match[2]) in store.resources:
            self._answer(HTTPStatus.OK, store.resources[match[1], match[2]])
        else:
            self._answer(HTTPStatus.NOT_FOUND, _outcome("not-found", "no such resource"))

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        if length > LONGEST_BODY:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _outcome("too-long", "the body is too long"))
            return
        body = self.rfile.read(length)
        try:
            answer = self.server.store.transact(json.loads(body))
        except ValueError as error:
            self._answer(HTTPStatus.BAD_REQUEST, _outcome("invalid", str(error)))
            return
        if self.server.folder is not None:
            (self.server.folder / f"bundle-{self.server.store.bundles}.json").write_bytes(body)
        self._answer(HTTPStatus.OK, answer)

    def _answer(self, status: HTTPStatus, resource: dict[str, Any]) -> None:
        body = json.dumps(resource).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class names it so
        """Be quiet: requests are not news."""


def _searchset(found: list[dict[str, Any]]) -> dict[str, Any]:
    entries = [{"resource": resource} for resource in found]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": entries}


def _capability_statement() -> dict[str, Any]:
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-01",
        "kind": "instance",
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{"mode": "server", "interaction": [{"code": "transaction"}]}],
    }


def _outcome(code: str, text: str) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code, "diagnostics": text}]}


def main() -> None:
    """Serve until interrupted; the first line printed is the port, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=None, help="where accepted bundles are written")
    arguments = parser.parse_args()
    if arguments.folder is not None:
        arguments.folder.mkdir(parents=True, exist_ok=True)
    server = FhirServer(FhirStore(), arguments.folder, arguments.port)
    print(json.dumps({"ready": True, "port": server.server_address[1]}), flush=True)  # noqa: T201 - the caller reads it
    server.serve_forever()


if __name__ == "__main__":
    main()
