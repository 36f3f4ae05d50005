"""A stand-in FHIR endpoint for demonstrations and tests: ``python -m marrowcount_adapters.fhir_client.stand_in``.

It takes transactions and single resources, on condition where asked, holds them in memory, writes what it took to a
folder (each transaction), and answers reads and searches. Not a server for patients.
"""

from __future__ import annotations

import argparse
import json
import re
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, parse_qs, urlsplit

from marrowcount_adapters.fhir_client.stand_in_store import FhirStore, Offers, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FhirServer", "FhirStore", "Offers"]

LONGEST_BODY: Final = 16 * 2**20


class FhirServer(ThreadingHTTPServer):
    """The store behind HTTP on loopback; accepted bundles go to ``folder`` where one is given."""

    def __init__(self, store: FhirStore, folder: Path | None = None, port: int = 0) -> None:
        self.store, self.folder = store, folder
        super().__init__(("127.0.0.1", port), _Handler)

    def keep(self, body: bytes) -> None:
        """Write down what was taken."""
        if self.folder is not None:
            (self.folder / f"bundle-{self.store.bundles}.json").write_bytes(body)


class _Handler(BaseHTTPRequestHandler):
    server: FhirServer  # pyright: ignore[reportIncompatibleVariableOverride] - socketserver's way to reach it

    @property
    def _address(self) -> SplitResult:
        return urlsplit(self.path.removeprefix("/fhir"))

    def do_GET(self) -> None:
        path, store = self._address.path, self.server.store
        if path == "/metadata":
            self._answer(HTTPStatus.OK, store.offers.statement())
        elif match := re.fullmatch(r"/([A-Za-z]+)", path):
            self._answer(HTTPStatus.OK, _searchset(store.search(match[1], parse_qs(self._address.query))))
        elif (match := re.fullmatch(r"/([A-Za-z]+)/([\w-]+)", path)) and (match[1], match[2]) in store.resources:
            self._answer(HTTPStatus.OK, store.resources[match[1], match[2]])
        else:
            self._answer(HTTPStatus.NOT_FOUND, _outcome("not-found", "no such resource"))

    def do_POST(self) -> None:
        def take(resource: dict[str, Any], body: bytes) -> tuple[HTTPStatus, Any]:
            resource_type = self._address.path.strip("/")
            if resource_type:
                return self.server.store.create(resource_type, resource, self.headers.get("If-None-Exist", ""))
            answer = self.server.store.transact(resource)
            self.server.keep(body)
            return HTTPStatus.OK, answer

        self._carry_out(take)

    def do_PUT(self) -> None:
        def take(resource: dict[str, Any], _: bytes) -> tuple[HTTPStatus, Any]:
            path, query = self._address.path.strip("/"), self._address.query
            address = f"{path}?{query}" if query else path
            return self.server.store.update(address, resource, self.headers.get("If-Match", ""))

        self._carry_out(take)

    def _carry_out(self, take: Callable[[dict[str, Any], bytes], tuple[HTTPStatus, Any]]) -> None:
        length = int(self.headers.get("Content-Length", 0))
        if length > LONGEST_BODY:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _outcome("too-long", "the body is too long"))
            return
        body = self.rfile.read(length)
        try:
            status, resource = take(json.loads(body), body)
        except StoreError as error:
            self._answer(error.status, _outcome(error.code, str(error)))
        except ValueError as error:
            self._answer(HTTPStatus.BAD_REQUEST, _outcome("invalid", str(error)))
        else:
            self._answer(status, resource)

    def _answer(self, status: HTTPStatus, resource: dict[str, Any]) -> None:
        body = json.dumps(resource).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(body)))
        version = resource.get("meta", {}).get("versionId")
        if version and resource.get("id"):
            self.send_header("ETag", f'W/"{version}"')
            self.send_header("Location", f"{resource['resourceType']}/{resource['id']}/_history/{version}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class names it so
        """Be quiet: requests are not news."""


def _searchset(found: list[dict[str, Any]]) -> dict[str, Any]:
    entries = [{"resource": resource} for resource in found]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": entries}


def _outcome(code: str, text: str) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code, "diagnostics": text}]}


def _patient(identifier: str) -> dict[str, Any]:
    system, _, value = identifier.rpartition("|")
    return {"resourceType": "Patient", "identifier": [{"system": system, "value": value}]}


def main() -> None:
    """Serve until interrupted; the first line printed is the port, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=None, help="where accepted bundles are written")
    parser.add_argument("--patient", action="append", default=[], help="SYSTEM|VALUE of a patient that it knows")
    arguments = parser.parse_args()
    if arguments.folder is not None:
        arguments.folder.mkdir(parents=True, exist_ok=True)
    store = FhirStore(Offers(patients=bool(arguments.patient)))
    for identifier in arguments.patient:
        store.add(_patient(identifier))
    server = FhirServer(store, arguments.folder, arguments.port)
    print(json.dumps({"ready": True, "port": server.server_address[1]}), flush=True)  # noqa: T201 - the caller reads it
    server.serve_forever()


if __name__ == "__main__":
    main()
