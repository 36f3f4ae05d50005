"""An EHR on loopback for tests of SMART Backend Services: discovery, token endpoint and a resource, all as told."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

Answer = tuple[int, Any] | tuple[int, Any, dict[str, str]]

SCOPE = "system/Observation.crus"


@dataclass
class TokenServer:
    """What is answered, and what was asked.

    Attributes:
        discovery: members of smart-configuration that replace or, as None, remove the usual ones; or a whole answer.
        answers: of the token endpoint, in turn; the last one again and again. None stands for a good token.
        refused: tokens that the resource answers 401.
    """

    scheme: str = "http"
    port: int = 0
    discovery: dict[str, Any] | Answer = field(default_factory=dict)
    answers: list[Answer | None] = field(default_factory=lambda: [None])
    expires_in: float = 300
    refused: set[str] = field(default_factory=set)
    forms: list[dict[str, str]] = field(default_factory=list)
    bearers: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    refusal: bytes = b""
    refusal_headers: dict[str, str] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/fhir"

    @property
    def token_url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/token"

    def answer_get(self, path: str, bearer: str) -> Answer:
        self.paths.append(path)
        if path != "/fhir/.well-known/smart-configuration":
            return self.resource(bearer)
        if isinstance(self.discovery, tuple):
            return self.discovery
        usual = {"token_endpoint": self.token_url, "grant_types_supported": ["client_credentials"]}
        return 200, {name: value for name, value in {**usual, **self.discovery}.items() if value is not None}

    def answer_post(self, path: str, bearer: str, body: bytes) -> Answer:
        self.paths.append(path)
        if path != "/token":
            self.bodies.append(body)
            return self.resource(bearer)
        self.forms.append({name: values[0] for name, values in parse_qs(body.decode()).items()})
        told = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return told or self.token(f"SECRET-TOKEN-{len(self.forms)}")

    def token(self, value: str, **members: object) -> Answer:
        usual = {"access_token": value, "token_type": "bearer", "expires_in": self.expires_in}
        return 200, usual | {"scope": self.forms[-1]["scope"] if self.forms else SCOPE} | members

    def resource(self, bearer: str) -> Answer:
        self.bearers.append(bearer)
        if not bearer or bearer in self.refused or "*" in self.refused:
            return 401, self.refusal, self.refusal_headers
        return 200, {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}


@contextmanager
def token_server(tls: ssl.SSLContext | None = None) -> Iterator[TokenServer]:
    told = TokenServer("https" if tls else "http")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.say(told.answer_get(self.path, self.bearer))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.say(told.answer_post(self.path, self.bearer, body))

        @property
        def bearer(self) -> str:
            return self.headers.get("Authorization", "").removeprefix("Bearer ")

        def say(self, answer: Answer) -> None:
            status, document, headers = (*answer, {})[:3]
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response_only(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):  # who had heard enough
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.port = server.server_address[1]
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
