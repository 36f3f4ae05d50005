"""A FHIR server that keeps nothing: it answers as fast as Python's can, and rightly. ``python ehr_server.py``."""

from __future__ import annotations

import json
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RESOURCES = (
    "Device",
    "DiagnosticReport",
    "DocumentReference",
    "ImagingStudy",
    "Observation",
    "Patient",
    "Provenance",
    "ServiceRequest",
    "Specimen",
)
INTERACTIONS = [{"code": code} for code in ("read", "create", "update", "search-type")]
STATEMENT = {
    "resourceType": "CapabilityStatement",
    "status": "active",
    "date": "2026-01-01",
    "kind": "instance",
    "fhirVersion": "4.0.1",
    "format": ["json"],
    "rest": [
        {
            "mode": "server",
            "interaction": [{"code": "transaction"}],
            "resource": [
                {
                    "type": kind,
                    "interaction": INTERACTIONS,
                    "conditionalCreate": True,
                    "conditionalUpdate": "single",
                    "searchParam": [{"name": "identifier", "type": "token"}],
                }
                for kind in RESOURCES
            ],
        }
    ],
}
PATIENT = {"resourceType": "Patient", "id": "1", "identifier": [{"system": "urn:oid:1.2.3.4", "value": "MRN00017"}]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_GET(self) -> None:
        if self.path.endswith("/metadata"):
            self._answer(STATEMENT)
        elif "/Patient?" in self.path:
            self._answer(_searchset([PATIENT]))
        else:
            self._answer(_searchset([]))

    def do_POST(self) -> None:
        bundle = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        made = {"status": "201 Created", "location": "Observation/1/_history/1", "etag": 'W/"1"'}
        answer = {"resourceType": "Bundle", "type": "transaction-response"}
        self._answer({**answer, "entry": [{"response": made} for _ in bundle["entry"]]})

    def _answer(self, resource: dict[str, Any]) -> None:
        body = json.dumps(resource).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class names it so
        """Be quiet."""


def _searchset(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(found),
        "entry": [{"resource": r} for r in found],
    }


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(json.dumps({"ready": True, "port": server.server_address[1]}), flush=True)  # noqa: T201 - the caller reads it
    server.serve_forever()


if __name__ == "__main__":
    main()
