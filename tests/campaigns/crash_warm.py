"""Processes of a node forked from one that has imported everything: starting costs nothing but the node's own work.

Importing takes most of a start, and on a busy machine most of a campaign. What runs is the same: ``serve`` and its
supervised worker, each in a process of its own. Now and then the campaign starts a node in the usual way all the same.
"""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from contextlib import suppress
from functools import partial
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    import threading
    from multiprocessing.connection import Connection
    from typing import Self

__all__ = ["WORKER_FILE", "WarmProcess", "warm_up"]

FORKING = multiprocessing.get_context("forkserver")
PRELOADED = ["crash_campaign", "marrowcount.main.node", "marrowcount.main.worker"]
WORKER_FILE = "worker.pid"


def warm_up() -> None:
    """Import everything once, in the process that all others are forked from."""
    # What is forked from imports as this process does; the server of forks knows the environment alone.
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([str(Path(__file__).parent), *filter(None, sys.path)]))
    FORKING.set_forkserver_preload(PRELOADED)
    resource_tracker.ensure_running()
    forkserver.ensure_running()


class WarmProcess:
    """A node, used like :class:`subprocess.Popen`.

    Attributes:
        stdout: what it prints.
    """

    def __init__(self, folder: Path) -> None:
        reader, writer = FORKING.Pipe(duplex=False)
        self._process = FORKING.Process(target=_serve, args=(folder, writer))
        self._process.start()
        writer.close()
        self.pid = int(self._process.pid or 0)
        self.stdout: TextIO = open(os.dup(reader.fileno()))  # noqa: SIM115, PTH123 - the node's user closes it
        reader.close()

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float) -> int | None:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("node", timeout)
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()

    def terminate(self) -> None:
        self._process.terminate()


def _serve(folder: Path, said: Connection) -> None:
    """The node's process."""
    os.setsid()
    _log_to(folder)
    spawner = _spawner(folder)
    os.dup2(said.fileno(), 1)
    said.close()
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - as long as the process lives
    from marrowcount.main import node
    from marrowcount.settings import read_settings

    file = folder / "settings.toml"
    asked = partial(_WarmWorker, spawner)
    node.subprocess = SimpleNamespace(Popen=asked, PIPE=subprocess.PIPE)  # type: ignore[assignment]
    node.serve(read_settings(file), file)


def _spawner(folder: Path) -> socket.socket:
    """A process that forks workers for the node, which has too many threads to do so itself; how to ask it."""
    ours, theirs = socket.socketpair()
    if os.fork():
        theirs.close()
        return ours
    ours.close()
    while (told := socket.recv_fds(theirs, 1, 1))[0]:
        worker = os.fork()
        if not worker:
            theirs.close()
            os.dup2(told[1][0], 0)
            _work(folder)
            os._exit(0)
        os.close(told[1][0])
        (folder / WORKER_FILE).write_text(str(worker))
        theirs.send(struct.pack("i", worker))
        with suppress(BrokenPipeError):
            theirs.send(struct.pack("i", os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])))
    os._exit(0)


class _WarmWorker:
    """What the node's supervisor takes for a process that it started."""

    def __init__(self, spawner: socket.socket, _command: list[str], stdin: int) -> None:
        assert stdin == subprocess.PIPE
        self._spawner = spawner
        self.returncode: int | None = None
        reader, self._writer = os.pipe()
        socket.send_fds(spawner, [b"."], [reader])
        os.close(reader)
        self._pid = self._told()

    def _told(self) -> int:
        return int(struct.unpack("i", self._spawner.recv(4))[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._writer)
        if self.returncode is None:
            self.returncode = self._told()

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._spawner], [], [], 0)[0]:
            self.returncode = self._told()
        return self.returncode

    def terminate(self) -> None:
        if self.returncode is None:
            os.kill(self._pid, signal.SIGTERM)


def _work(folder: Path) -> None:
    """The worker's process; its standard input ends with its node."""
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - as long as the process lives
    from marrowcount.main.node import until_terminated
    from marrowcount.main.worker import run_supervised_worker
    from marrowcount.settings import read_settings

    read = read_settings(folder / "settings.toml")

    def run(stop: threading.Event) -> None:
        run_supervised_worker(read, stop)

    until_terminated(run)


def _log_to(folder: Path) -> None:
    log = os.open(folder / "node.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(log, 2)
    os.close(log)
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115 - as long as the process lives
