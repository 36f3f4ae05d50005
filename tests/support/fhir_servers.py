"""FHIR servers for tests, in threads of this process, and bundles of known content to send to them."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from made_up_result import CONTEXT, make_result
from marrowcount.review import counted
from marrowcount_adapters.fhir import FhirSettings, Projection, encode, encode_bundle
from marrowcount_adapters.fhir_client.stand_in import Offers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from marrowcount.review import Report
    from marrowcount_adapters.fhir_client.stand_in import FhirStore

__all__ = ["MRN", "SYSTEM", "Scripted", "counts", "held", "patient", "serving", "write_bundle", "write_projection"]

SYSTEM = "urn:oid:2.999.7"
MRN = CONTEXT.patient_id
SETTINGS = FhirSettings({CONTEXT.patient_id_issuer: SYSTEM}, "Haematology")


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[str]:
    """Let a server answer; its service base."""
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/fhir"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Scripted(BaseHTTPRequestHandler):
    """Says what it can do, finds nothing, and gives one answer to whatever is written."""

    answer: tuple[int, bytes] = (500, b"")
    headers_too: tuple[tuple[str, str], ...] = ()

    def do_GET(self) -> None:
        if urlsplit(self.path).path.endswith("/metadata"):
            self.say(200, json.dumps(Offers().statement()).encode())
        else:
            self.say(200, b'{"resourceType": "Bundle", "type": "searchset"}')

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.say(*self.answer, *self.headers_too)

    def do_PUT(self) -> None:
        self.do_POST()

    def say(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def write_projection(file: Path, projection: Projection, report: Report | None = None) -> Path:
    """The same in the form that some records want."""
    text = encode(report or counted(make_result()), SETTINGS, b"%PDF-1.7", projection)
    file.write_text(text, encoding="utf-8")
    return file


def write_bundle(file: Path, report: Report | None = None, document: bytes | None = None) -> Path:
    """The bundle of a report, a machine's count unless said otherwise, as a worker leaves it."""
    usual = report is None and document is None
    text = _usual_bundle() if usual else encode_bundle(report or counted(make_result()), SETTINGS, document)
    file.write_text(text, encoding="utf-8")
    return file


@cache
def _usual_bundle() -> str:
    return encode_bundle(counted(make_result()), SETTINGS)


def patient(value: str = MRN, system: str = SYSTEM, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any element
    """A patient of that number."""
    return {"resourceType": "Patient", "identifier": [{"system": system, "value": value}], **more}


def counts(store: FhirStore) -> dict[str, int]:
    """How many resources of each type a server holds."""
    types = [resource_type for resource_type, _ in store.resources]
    return {each: types.count(each) for each in sorted(set(types))}


def held(store: FhirStore, resource_type: str) -> list[dict[str, Any]]:
    """What a server holds of a type."""
    return store.search(resource_type, {})
