"""The boundaries at which others' bytes come in, each as something to feed; what must not happen is told in words."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
import time
from abc import ABC, abstractmethod
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httptools
import httpx

from fuzz_seeds import association_request
from marrowcount.errors import InstanceError, MarrowcountError, PeerError
from marrowcount_adapters.dicomweb.bulk import all_bulk
from marrowcount_adapters.dicomweb.dicom_json import json_object
from marrowcount_adapters.dicomweb.frames import find_frames
from marrowcount_adapters.dicomweb.part10 import opened
from marrowcount_adapters.dimse import Calling, Peer, echo
from marrowcount_adapters.fhir_client import FhirDestination
from marrowcount_adapters.fhir_client.stand_in import Offers
from marrowcount_adapters.filesystem.part10 import same_data_set
from marrowcount_adapters.smart_backend import Asking
from marrowcount_adapters.smart_backend.discovery import discover
from marrowcount_adapters.smart_backend.granting import granted
from marrowcount_adapters.wsi.header import read_context, read_facts
from slide_files import slide_file
from web_nodes import web_node

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ArchiveAnswers", "FhirAnswers", "Files", "Listener", "Target", "WebRequests", "WebServer"]

FIRST: Final = 0.2
"""Share of inputs to the listener that come in place of an association request."""
FAILED: Final = 500
REPLY_S: Final = 0.02
"""How long an answer to a mutated PDU is waited for before the connection is closed."""


class Target(ABC):
    """Takes one input after the other."""

    kind: str
    """Which seeds it is fed with."""

    @abstractmethod
    def feed(self, content: bytes, number: int) -> None:
        """Take an input.

        Raises:
            Exception: any that the boundary does not foresee is a fault.
        """

    def check(self) -> None:
        """Whether the other side still works; called now and then, and at the end."""
        return


class Files(Target):
    """Reading what was received: facts, context, comparison of data sets."""

    kind = "files"

    def __init__(self, folder: Path) -> None:
        self._file, self._other = folder / "fuzzed.dcm", folder / "other.dcm"
        self._other.write_bytes(b"")

    def feed(self, content: bytes, number: int) -> None:
        self._file.write_bytes(content)
        with suppress(InstanceError):
            read_facts(self._file)
        with suppress(InstanceError):
            read_context(self._file)
        same_data_set(self._file, self._other)
        with suppress(InstanceError):
            _read_for_the_web(self._file)
        if number % 2:
            self._other.write_bytes(content)


def _read_for_the_web(file: Path) -> None:
    """Metadata, bulk data and frames as DICOMweb sends them."""
    with opened(file) as source:
        for _ in json_object(source, ""):
            pass
        for _ in all_bulk(source):
            pass
        frames = find_frames(source)
        for number in range(1, min(frames.count, 5) + 1) if frames is not None else ():
            frames.segments(source.file, number)


class WebRequests(Target):
    """Requests to the node's DICOMweb service, its guard before it; what is no HTTP goes in as the body of one."""

    kind = "requests"

    def __init__(self, folder: Path) -> None:
        self._node = web_node(folder / "node")
        self._node.hold(slide_file(folder / "slide.dcm", "1.2.3.4"))

    def feed(self, content: bytes, number: int) -> None:
        del number
        method, target, headers, body = _Request.read(content)
        answer = asyncio.run(self._asked(method, target, headers, body))
        if answer.status_code == FAILED and answer.json()["code"] == "failed":
            raise RuntimeError("the service did not foresee this")
        if left := self._node.left_behind():
            raise RuntimeError(f"{len(left)} files were left behind")

    async def _asked(self, method: str, target: str, headers: list[tuple[bytes, bytes]], body: bytes) -> httpx.Response:
        transport = httpx.ASGITransport(self._node.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, target, headers=headers, content=body)

    def check(self) -> None:
        """The slide that was there is still found."""
        found = self._node.get("/studies?StudyInstanceUID=1.2")
        if found.status_code != 200 or not found.json():
            raise RuntimeError("the search finds nothing any more")


class WebServer(Target):
    """The web service as the node serves it, over loopback: the bytes go to uvicorn as they are.

    What is no whole request is awaited by it, and ends with the connection.
    """

    kind = "server"

    def __init__(self, port: int, incoming: Path) -> None:
        self._port, self._incoming = port, incoming

    def feed(self, content: bytes, number: int) -> None:
        del number
        if re.match(rb"HTTP/1\.1 500 .*\"code\":\s*\"failed\"", self._answer(content), re.DOTALL):
            raise RuntimeError("the service did not foresee this")

    def _answer(self, content: bytes) -> bytes:
        """What came before the server was silent, or closed."""
        answer = b""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=10) as connection:
            connection.sendall(content)
            connection.settimeout(REPLY_S)
            while piece := connection.recv(65536):
                answer += piece
        return answer

    def check(self) -> None:
        """The slide that was there is still found, and nothing half received is left."""
        deadline = time.monotonic() + 60
        found = httpx.get(f"http://127.0.0.1:{self._port}/dicom-web/studies?StudyInstanceUID=1.2", trust_env=False)
        if found.status_code != 200 or not found.json():
            raise RuntimeError("the search finds nothing any more")
        while left := [path for path in self._incoming.rglob("*") if path.is_file()]:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(left)} files were left behind")
            time.sleep(0.1)


class _Request:
    """What httptools, which uvicorn reads with, makes of a request."""

    def __init__(self) -> None:
        self.target, self.headers, self.body = b"", list[tuple[bytes, bytes]](), b""

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() not in {b"host", b"content-length", b"transfer-encoding"}:
            self.headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    @classmethod
    def read(cls, content: bytes) -> tuple[str, str, list[tuple[bytes, bytes]], bytes]:
        read = cls()
        parser = httptools.HttpRequestParser(read)
        try:
            parser.feed_data(content)
            path = httptools.parse_url(read.target)
            target = path.path.decode("ascii") + ("?" + path.query.decode("latin-1") if path.query else "")
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, UnicodeDecodeError):
            kind = b'multipart/related; type="application/dicom"; boundary=B'
            return "POST", "/dicom-web/studies", [(b"Content-Type", kind)], content
        return parser.get_method().decode("ascii"), target, read.headers, read.body


class Listener(Target):
    """A node that listens on loopback; some inputs come in place of the association request, others after it."""

    kind = "pdus"

    def __init__(self, port: int) -> None:
        self._port = port
        self._request = association_request()

    def feed(self, content: bytes, number: int) -> None:
        with suppress(ConnectionError, TimeoutError), self._connected() as connection:
            if number % 5:
                connection.sendall(self._request)
                if not connection.recv(4096):
                    return
            connection.sendall(content)
            connection.settimeout(REPLY_S)
            connection.recv(4096)

    @contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self._port), timeout=10) as connection:
            yield connection

    def check(self) -> None:
        """C-ECHO; a passing rejection for want of room is waited out."""
        deadline = time.monotonic() + 60
        while True:
            try:
                echo(Peer("MARROWCOUNT", "127.0.0.1", self._port), Calling("SCANNER", associate_s=10, answer_s=10))
            except PeerError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return


class _Answering:
    """A server that answers every connection with the bytes that it was told last, and closes."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.content = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._server.accept()
            with connection, suppress(OSError):
                connection.settimeout(1)
                connection.recv(65536)
                connection.sendall(self.content)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass


FHIR_BUNDLE: Final = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [
        {
            "fullUrl": "urn:uuid:8c2b2e2e-6b0f-5d0c-9d52-0f9a3f1d3c11",
            "resource": {"resourceType": "Observation", "status": "preliminary"},
            "request": {"method": "PUT", "url": "Observation?identifier=urn:oid:2.999%7C1"},
        },
    ],
}


class FhirAnswers(Target):
    """A FHIR server's answers to our transaction, and those of its token endpoint."""

    kind = "http"

    def __init__(self, folder: Path) -> None:
        self._server = _Answering()
        self._destination = FhirDestination("ehr", f"http://127.0.0.1:{self._server.port}/fhir", timeout_s=5)
        self._bundle = folder / "bundle.json"
        self._bundle.write_text(json.dumps(FHIR_BUNDLE))

    def feed(self, content: bytes, number: int) -> None:
        self._server.content = content
        self._destination.knowledge.capabilities(Offers().statement)
        with suppress(PeerError):
            self._destination.send([self._bundle], lambda _path, _taken: None)
        if number % 10 == 0:
            with suppress(PeerError):
                self._destination.check()
            self._feed_token_client()

    def _feed_token_client(self) -> None:
        asking, url, scopes = Asking(5), f"http://127.0.0.1:{self._server.port}", ("system/Patient.rs",)
        with suppress(PeerError):
            discover(asking, url)
        with suppress(PeerError):
            granted(asking.post(f"{url}/token", {}), "ehr", f"{url}/token", scopes)


class ArchiveAnswers(Target):
    """A PACS's answers to our association request and C-ECHO."""

    kind = "answers"

    def __init__(self) -> None:
        self._server = _Answering()

    def feed(self, content: bytes, number: int) -> None:
        del number
        self._server.content = content
        with suppress(MarrowcountError):
            echo(Peer("PACS", "127.0.0.1", self._server.port), Calling("MARROWCOUNT", 2, 0.5, 0.5))
