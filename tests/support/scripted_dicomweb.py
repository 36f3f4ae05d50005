"""A DICOMweb origin server whose answers a test decides: QIDO-RS and WADO-RS over what it is given."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydicom import dcmread
from pydicom.dataset import Dataset

__all__ = ["ScriptedDicomWeb", "scripted_dicomweb"]

KEYS = {"studies": "StudyInstanceUID", "series": "SeriesInstanceUID", "instances": "SOPInstanceUID"}
ANSWERED = {
    "studies": ["StudyInstanceUID", "PatientID", "IssuerOfPatientID", "PatientName", "AccessionNumber", "StudyDate"],
    "series": ["SeriesInstanceUID", "Modality"],
    "instances": ["SOPInstanceUID", "SOPClassUID"],
}
BOUNDARY = "marrow-count"


@dataclass
class ScriptedDicomWeb:
    """Holds files, answers from their headers, and fails as told.

    Attributes:
        page: the most matches of one answer.
        counted: what it says of every series' number of instances.
        statuses: instead of an answer, by the last part of the path.
        broken: SOP Instance UIDs whose transfer breaks off in its middle.
        single: answer with application/dicom instead of multipart.
        body: instead of an answer to a query.
        requests: path, query and headers of each.
    """

    files: list[Path] = field(default_factory=list)
    page: int = 1000
    counted: int | None = None
    statuses: dict[str, int] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    single: bool = False
    body: bytes | None = None
    requests: list[tuple[str, dict[str, list[str]], Any]] = field(default_factory=list)

    def searched(self, parts: list[str], query: dict[str, list[str]]) -> list[dict[str, Any]]:
        headers = [dcmread(path, stop_before_pixels=True) for path in self.files]
        above = {KEYS[name]: uid for name, uid in zip(parts[::2], parts[1::2], strict=False)}
        asked = {key: value[0] for key, value in query.items() if key not in {"includefield", "limit", "offset"}}
        fitting = [h for h in headers if all(str(h.get(k, "")) == v for k, v in {**above, **asked}.items())]
        found = {str(h[KEYS[parts[-1]]].value): h for h in fitting}
        first = int(query.get("offset", ["0"])[0])
        return [self.answer(parts[-1], header) for header in list(found.values())[first : first + self.page]]

    def answer(self, level: str, header: Dataset) -> dict[str, Any]:
        answer = Dataset()
        for keyword in ANSWERED[level]:
            if keyword in header:
                setattr(answer, keyword, header[keyword].value)
        if level == "series" and self.counted is not None:
            answer.NumberOfSeriesRelatedInstances = self.counted
        result: dict[str, Any] = answer.to_json_dict()
        return result

    def content(self, uid: str) -> bytes | None:
        held = {str(dcmread(path, stop_before_pixels=True).SOPInstanceUID): path for path in self.files}
        return held[uid].read_bytes() if uid in held else None


class Server(ThreadingHTTPServer):
    script: ScriptedDicomWeb


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        url, script = urlsplit(self.path), self.server.script
        parts = url.path.removeprefix("/web/").split("/")
        script.requests.append((url.path, parse_qs(url.query), self.headers))
        status = script.statuses.get(parts[-1])
        if status is not None:
            self.said(status, "text/plain", b"PatientName of somebody")
        elif len(parts) == 6:
            self.instance(parts[-1])
        elif script.body is not None:
            self.said(200, "application/dicom+json", script.body)
        else:
            found = script.searched(parts, parse_qs(url.query))
            self.said(200 if found else 204, "application/dicom+json", json.dumps(found).encode() if found else b"")

    def instance(self, uid: str) -> None:
        script = self.server.script
        content = script.content(uid)
        if content is None:
            self.said(404, "text/plain", b"")
            return
        if uid in script.broken:
            content = content[: len(content) // 2]
        kind, body = "application/dicom", content
        if not script.single:
            kind = f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}"'
            body = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode() + content
            body += b"" if uid in script.broken else f"\r\n--{BOUNDARY}--\r\n".encode()
        self.said(200, kind, body)

    def said(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def scripted_dicomweb(script: ScriptedDicomWeb) -> Iterator[str]:
    """Listening, for the block; its service base."""
    server = Server(("127.0.0.1", 0), Handler)
    server.script = script
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/web"
    finally:
        server.shutdown()
        server.server_close()
