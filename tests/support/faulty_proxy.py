"""A proxy before an HTTP server that does to each request what a script says: refuses, drops, cuts, delays, resets."""

from __future__ import annotations

import json
import socket
import struct
from collections import deque
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Fault", "FaultyProxy", "answering"]

HOP_BY_HOP: Final = frozenset({"connection", "host", "content-length", "transfer-encoding", "keep-alive"})


@dataclass(frozen=True, slots=True)
class Fault:
    """What becomes of one request.

    Attributes:
        passes: the server gets it, whatever becomes of its answer.
        status: of an answer in the server's place; 0 for none.
        end: what becomes of the connection where there is no such answer: "reset", "silent" (closed without a word)
            or "half" (half of the server's answer).
        meanwhile: is done before the request passes, as somebody else would; its answer comes as it is.
    """

    name: str
    passes: bool = False
    status: int = 0
    code: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    end: str = ""
    meanwhile: Callable[[], object] | None = None


def answering(status: int, code: str = "", **headers: str) -> Fault:
    """An answer in the server's place, which hears nothing of the request."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Fault(f"http-{status}", status=status, code=code, headers=named)


@dataclass(slots=True)
class Script:
    """What becomes of the next requests; without an entry each passes.

    Attributes:
        writes_only: reads pass in any case, and use up no entry.
        down: nothing passes, and nothing of the script is used up.
    """

    faults: deque[Fault | None] = field(default_factory=deque)
    writes_only: bool = True
    down: Fault | None = None
    requests: list[str] = field(default_factory=list)

    def next(self, method: str) -> Fault | None:
        if self.down is not None:
            return self.down
        if not self.faults or (self.writes_only and method == "GET"):
            return None
        return self.faults.popleft()


class FaultyProxy(ThreadingHTTPServer):
    """Stands before the server at a port of loopback."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int) -> None:
        self.behind, self.script = port, Script()
        super().__init__(("127.0.0.1", 0), _Handler)

    def plan(self, *faults: Fault | None, writes_only: bool = True) -> None:
        """What becomes of the next requests; None: nothing."""
        self.script.faults = deque(faults)
        self.script.writes_only = writes_only

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: FaultyProxy  # pyright: ignore[reportIncompatibleVariableOverride] - socketserver's way to reach it

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.script.requests.append(f"{self.command} {self.path}")
        fault = self.server.script.next(self.command)
        if fault is not None and fault.meanwhile is not None:
            fault.meanwhile()
            fault = None
        status, headers, answer = 0, {}, b""
        if fault is None or fault.passes:
            status, headers, answer = self._behind(body)
        if fault is None:
            self._say(status, headers.items(), answer)
        elif fault.status:
            self._say(fault.status, fault.headers, _outcome(fault.code))
        else:
            self._end(fault.end, status, answer)

    def do_POST(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.do_GET()

    def _behind(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        connection = HTTPConnection("127.0.0.1", self.server.behind, timeout=30)
        sent = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        try:
            connection.request(self.command, self.path, body or None, sent)
            response = connection.getresponse()
            kept = {k: v for k, v in response.getheaders() if k.lower() not in {*HOP_BY_HOP, "date", "server"}}
            return response.status, kept, response.read()
        finally:
            connection.close()

    def _say(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _end(self, how: str, status: int, answer: bytes) -> None:
        self.close_connection = True
        if how == "half":
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer[: len(answer) // 2])
        if how == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def _outcome(code: str) -> bytes:
    if not code:
        return b""
    issue = {"severity": "error", "code": code, "diagnostics": "DOE^JANE MRN00017"}
    return json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()
