"""A TCP proxy on loopback that can be cut: connections break, new ones are refused, until it is mended."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CutLine", "cut_line"]


class CutLine:
    """Passes bytes on to an address, while it is not cut.

    Attributes:
        port: of loopback, on which it listens.
    """

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._listen(self._server)

    def cut(self) -> None:
        """Break all connections and refuse new ones."""
        with self._lock:
            broken, self._open = [*self._open, self._server], []
        for connection in broken:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def mend(self) -> None:
        """Listen again, at the same port."""
        self._server = socket.create_server(("127.0.0.1", self.port))
        self._listen(self._server)

    def _listen(self, server: socket.socket) -> None:
        threading.Thread(target=self._accept, args=(server,), daemon=True).start()

    def _accept(self, server: socket.socket) -> None:
        with suppress(OSError):  # cut
            while True:
                here, _ = server.accept()
                there = socket.create_connection(self._to)
                with self._lock:
                    self._open += [here, there]
                for source, target in ((here, there), (there, here)):
                    threading.Thread(target=_pass_on, args=(source, target), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while content := source.recv(65536):
            target.sendall(content)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


@contextmanager
def cut_line(host: str, port: int) -> Iterator[CutLine]:
    """A line for the block."""
    line = CutLine(host, port)
    try:
        yield line
    finally:
        line.cut()
