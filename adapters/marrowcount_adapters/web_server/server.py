"""uvicorn in a thread of the node's process, with limits that it does not set by itself."""

from __future__ import annotations

import asyncio
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from marrowcount.errors import SettingsError

if TYPE_CHECKING:
    import ssl
    from asyncio import TimerHandle, Transport
    from collections.abc import Callable

    from starlette.types import ASGIApp

__all__ = ["WebServer", "WebServerSettings"]

LOG: Final = structlog.get_logger()

HEAD_S: Final = 20.0
"""For the head of a request to come whole, and for the first one to begin."""
STALL_S: Final = 60.0
"""For a receiver to take anything of what waits for it."""
MAX_HEAD_BYTES: Final = 32 << 10
READ_AHEAD_BYTES: Final = 512 << 10
"""Of a body, that the application has not asked for yet."""
KEEP_ALIVE_S: Final = 30
BACKLOG: Final = 128
START_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class WebServerSettings:
    """Where to listen.

    Attributes:
        host: address; ``0.0.0.0`` or ``::`` for all.
        port: 0 for any free one.
        max_connections: more are answered 503.
        drain_s: for running requests to end when the server is stopped.
        tls: for HTTPS; with ``verify_mode`` CERT_REQUIRED callers must show a certificate.
    """

    host: str
    port: int
    max_connections: int = 100
    drain_s: float = 20.0
    tls: ssl.SSLContext | None = None


class WebServer:
    """Serves one application."""

    def __init__(self, app: ASGIApp, settings: WebServerSettings) -> None:
        self._settings = settings
        config = uvicorn.Config(
            app,
            http=_BoundedHttp,
            ws="websockets-sansio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=settings.max_connections,
            timeout_keep_alive=KEEP_ALIVE_S,
            proxy_headers=False,
            timeout_graceful_shutdown=max(1, round(settings.drain_s)),
            ssl_context_factory=None if settings.tls is None else _given(settings.tls),
        )
        self._server = _Server(config)
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """Where it listens; 0 while it does not."""
        return int(self._socket.getsockname()[1]) if self._socket is not None else 0

    def start(self) -> None:
        """Listen.

        Raises:
            SettingsError: ``cannot-listen``, the address is taken or not this machine's.
        """
        listening = self._socket = self._bound()
        self._thread = threading.Thread(target=self._run, args=(listening,), name="web-server", daemon=True)
        self._thread.start()
        if not self._server.running.wait(START_S):
            raise SettingsError("cannot-listen", "The web server did not start; see the log.")
        LOG.info("web.started", host=self._settings.host, port=self.port, tls=self._settings.tls is not None)

    def stop(self) -> None:
        """Take no more requests, let the running ones finish for so long, then end them."""
        if self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(self._settings.drain_s + 10)
        self._thread = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        LOG.info("web.stopped")

    def _run(self, listening: socket.socket) -> None:
        asyncio.run(self._server.serve([listening]))

    def _bound(self) -> socket.socket:
        settings = self._settings
        try:
            family, _, _, _, address = socket.getaddrinfo(
                settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            return socket.create_server(
                address[:2],
                family=family,
                backlog=BACKLOG,
                dualstack_ipv6=settings.host == "::" and socket.has_dualstack_ipv6(),
            )
        except OSError as error:
            where = f"{settings.host} port {settings.port}"
            raise SettingsError("cannot-listen", f"Cannot listen on {where}: {error.strerror}.") from error


class _Server(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.running = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.running.set()


class _BoundedHttp(HttpToolsProtocol):
    """Closes connections that dawdle over a request's head or do not take their answer, and refuses endless heads."""

    _awaiting_head: TimerHandle | None = None
    _stalled: TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._awaiting_head)
        _cancel(self._stalled)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0
        self._await_head()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        _cancel(self._awaiting_head)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Read further ahead than uvicorn does: to stop and go on for every 64 KiB costs more than the memory."""
        if self.cycle.response_complete or self.parser is None or self.parser.should_upgrade():
            return
        self.cycle.body += body
        if len(self.cycle.body) > READ_AHEAD_BYTES:
            self.flow.pause_reading()
        self.cycle.message_event.set()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(STALL_S, self.transport.abort)

    def resume_writing(self) -> None:
        _cancel(self._stalled)
        super().resume_writing()

    def _await_head(self) -> None:
        _cancel(self._awaiting_head)
        self._awaiting_head = self.loop.call_later(HEAD_S, self.transport.abort)

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            raise ValueError("the head of the request is too long")


def _cancel(timer: TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def _given(context: ssl.SSLContext) -> Callable[[uvicorn.Config, Callable[[], ssl.SSLContext]], ssl.SSLContext]:
    return lambda _config, _default: context
