"""The boundaries at which others' bytes come in, each as something to feed; what must not happen is told in words."""

from __future__ import annotations

import json
import socket
import threading
import time
from abc import ABC, abstractmethod
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fuzz_seeds import association_request
from marrowcount.errors import InstanceError, MarrowcountError, PeerError
from marrowcount_adapters.dimse import Calling, Peer, echo
from marrowcount_adapters.fhir_client import FhirDestination
from marrowcount_adapters.filesystem.part10 import same_data_set
from marrowcount_adapters.wsi.header import read_context, read_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ArchiveAnswers", "FhirAnswers", "Files", "Listener", "Target"]

FIRST: Final = 0.2
"""Share of inputs to the listener that come in place of an association request."""
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
        if number % 2:
            self._other.write_bytes(content)


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


class FhirAnswers(Target):
    """A FHIR server's answers to our transaction."""

    kind = "http"

    def __init__(self, folder: Path) -> None:
        self._server = _Answering()
        self._destination = FhirDestination("ehr", f"http://127.0.0.1:{self._server.port}/fhir", timeout_s=5)
        self._bundle = folder / "bundle.json"
        self._bundle.write_text(json.dumps({"resourceType": "Bundle", "entry": []}))

    def feed(self, content: bytes, number: int) -> None:
        self._server.content = content
        with suppress(PeerError):
            self._destination.send([self._bundle], lambda _path, _taken: None)
        if number % 10 == 0:
            with suppress(PeerError):
                self._destination.check()


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
