"""A node's web side for tests: store, ledger, DICOMweb and its guard, asked in process or by a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from marrowcount.testing import HeldClock, InMemoryLedger
from marrowcount.workflow.receive import ReceiveLimits, Receiving
from marrowcount_adapters.dicomweb import DicomWebSettings, HeaderIndex, Holdings, StoreRules, dicomweb_app
from marrowcount_adapters.filesystem import FolderStore
from marrowcount_adapters.web_server import Guard, GuardRules, WebServer, WebServerSettings
from marrowcount_adapters.wsi.header import read_facts

BASE = "/dicom-web"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WSM = "1.2.840.10008.5.1.4.1.1.77.1.6"
ANN = "1.2.840.10008.5.1.4.1.1.91.1"
EVERY_SYNTAX = frozenset(
    f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".1.99", ".4.50", ".4.80", ".4.90", ".4.91", ".5", ".4.70")
)
ACCEPTED = dict.fromkeys((WSM, ANN, "1.2.840.10008.5.1.4.1.1.88.33"), EVERY_SYNTAX)


@dataclass
class WebNode:
    """What lies behind the service, and a client in this process."""

    store: FolderStore
    ledger: InMemoryLedger
    receiving: Receiving
    holdings: Holdings
    app: Guard
    results: Path

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        """One request to a path below the base path."""
        return asyncio.run(self._asked(method, path, options))

    def get(self, path: str, accept: str = "", **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        headers = {**options.pop("headers", {}), **({"Accept": accept} if accept else {})}
        return self.ask("GET", path, headers=headers, **options)

    async def _asked(self, method: str, path: str, options: Mapping[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, BASE + path, **options)

    def hold(self, *files: Path) -> None:
        """Take files over as any listener does."""
        for number, file in enumerate(files):
            incoming = self.store.incoming / f"given-{number}"
            incoming.write_bytes(file.read_bytes())
            receipt = self.receiving.take(incoming, "SCANNER", "", "")
            assert receipt.taken, receipt
            incoming.unlink()

    def left_behind(self) -> list[Path]:
        """Files in the inbox."""
        return list(self.store.incoming.iterdir())

    def quarantined(self) -> list[Path]:
        return sorted(self.store.path("quarantine").glob("*.dcm"))


def web_node(
    folder: Path,
    *,
    limits: ReceiveLimits | None = None,
    guard: GuardRules | None = None,
    accepted: Mapping[str, frozenset[str]] = ACCEPTED,
    max_parts: int = 100,
    **changes: Any,  # noqa: ANN401 - whatever the settings have
) -> WebNode:
    """A node without peers."""
    store, ledger, results = FolderStore(folder), InMemoryLedger(), folder / "results"
    receiving = Receiving(store, ledger, HeldClock(NOW), read_facts, limits or ReceiveLimits(min_free_bytes=0))
    holdings = Holdings(ledger, store, results, HeaderIndex(folder / "index.sqlite"))
    settings = DicomWebSettings(StoreRules(accepted, max_parts), **changes)
    app = Guard(Starlette(routes=[Mount(BASE, dicomweb_app(holdings, receiving, settings))]), guard or GuardRules())
    return WebNode(store, ledger, receiving, holdings, app, results)


@contextmanager
def served(app: Any, max_connections: int = 20, port: int = 0) -> Iterator[int]:  # noqa: ANN401 - any application
    """The ASGI application behind a real socket on loopback; its port."""
    server = WebServer(app, WebServerSettings("127.0.0.1", port, max_connections, drain_s=2))
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


def multipart(*parts: bytes, boundary: str = "gate", kind: str = "application/dicom") -> tuple[dict[str, str], bytes]:
    """Headers and body of a store request."""
    lines = b"".join(
        b"--%b\r\nContent-Type: %b\r\n\r\n%b\r\n" % (boundary.encode(), kind.encode(), part) for part in parts
    )
    headers = {"Content-Type": f'multipart/related; type="{kind}"; boundary={boundary}'}
    return headers, lines + f"--{boundary}--\r\n".encode()


def parts_of(answer: httpx.Response) -> list[tuple[dict[str, str], bytes]]:
    """Headers and bytes of each part of a multipart answer, by the standard library's own rules of splitting."""
    kind, _, rest = answer.headers["content-type"].partition(";")
    assert kind == "multipart/related", answer.headers["content-type"]
    boundary = rest.split("boundary=")[1].strip('"').encode()
    whole = b"\r\n" + answer.content
    pieces = whole.split(b"\r\n--" + boundary)
    assert not pieces[0]
    assert pieces[-1] == b"--\r\n"
    found = []
    for piece in pieces[1:-1]:
        head, _, body = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        found.append(({name.lower(): value for name, value in fields.items()}, body))
    return found


Started = Callable[..., WebNode]
