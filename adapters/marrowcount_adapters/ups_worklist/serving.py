"""The worklist behind a socket, in a thread."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Final

import structlog
import uvicorn

from marrowcount.errors import SettingsError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["WorklistServer"]

LOG: Final = structlog.get_logger()

START_S: Final = 30.0
STOP_S: Final = 10


class WorklistServer:
    """Serves an application; port 0 takes a free one."""

    def __init__(self, app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> None:
        self._app, self._host, self._port = app, host, port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it can be reached."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    def start(self) -> None:
        """Listen.

        Raises:
            SettingsError: ``cannot-listen``.
        """
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listening = socket.socket(family)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((self._host, self._port))
        except OSError as error:
            listening.close()
            where = f"{self._host} port {self._port}"
            raise SettingsError("cannot-listen", f"Cannot listen on {where}: {error.strerror}.") from error
        self._port = int(listening.getsockname()[1])
        config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="websockets-sansio",
            timeout_graceful_shutdown=STOP_S,
            server_header=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, args=(self._server, listening), name="worklist", daemon=True)
        self._thread.start()
        self._await_start(self._server)
        LOG.info("worklist.started", url=self.url)

    def _run(self, server: uvicorn.Server, listening: socket.socket) -> None:
        with listening:
            server.run(sockets=[listening])

    def _await_start(self, server: uvicorn.Server) -> None:
        deadline = time.monotonic() + START_S
        while not server.started:
            if time.monotonic() > deadline:
                raise SettingsError("cannot-listen", "the worklist did not begin to serve")
            time.sleep(0.01)

    def stop(self) -> None:
        """Finish what is under way, close the event connections, and stop."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join()
        self._server = self._thread = None
        LOG.info("worklist.stopped")
