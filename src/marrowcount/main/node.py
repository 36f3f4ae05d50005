"""``marrowcount serve``: the listener and its ticks here, counting and delivering in a supervised worker process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.main.auditing import audit_service
from marrowcount.main.count_service import series_count_service
from marrowcount.main.dimse_service import dimse_service
from marrowcount.main.logs import configure_logs
from marrowcount.main.parts import open_parts
from marrowcount.main.reconciling import reconciled_store
from marrowcount.main.web_service import web_service
from marrowcount.main.worklist_service import worklist_service
from marrowcount_adapters.schedule import Tick, ticking

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from pathlib import Path

    from marrowcount.main.parts import Announced, Parts, Service
    from marrowcount.settings import Settings

__all__ = ["serve", "until_terminated"]

ASSESS_EVERY_S: Final = 2.0
LOOK_AGAIN_EVERY_S: Final = 60.0
SWEEP_EVERY_S: Final = 600.0
STALE_S: Final = 3600.0
"""Age from which a file in the inbox belongs to no living association."""

SHORTEST_PAUSE_S: Final = 3.0
LONGEST_PAUSE_S: Final = 60.0
"""Pauses before a worker that died is started again; they double as long as it dies at once."""

STEADY_S: Final = 120.0
"""A worker that lived so long could start; the next pause is the shortest again."""

LOOK_UP_S: Final = 0.5
"""Between two looks for a signal that did not wake the main thread."""

log = structlog.get_logger()


def serve(settings: Settings, file: Path | None) -> None:
    """Run until SIGTERM or SIGINT; the first line on standard output says where the node listens, as JSON."""
    until_terminated(lambda stop: _serve(settings, file, stop))


def until_terminated(work: Callable[[threading.Event], None]) -> None:
    """Run work that watches an event, which SIGTERM and SIGINT set."""
    configure_logs()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    work(stop)


def rest_until(stop: threading.Event) -> None:
    """Wait for the event that a signal sets, looking up now and then.

    Python runs a signal's handler in the main thread when that wakes. A signal that comes just before it goes to sleep,
    or that the system hands to another thread, does not wake it; a wait without end would then never hear of it.
    """
    while not stop.wait(LOOK_UP_S):
        pass


def _serve(settings: Settings, file: Path | None, stop: threading.Event) -> None:
    with open_parts(settings) as parts, ExitStack() as running:
        announced: dict[str, object] = {"ready": True}
        for service in _services(parts, file):
            announced |= running.enter_context(service)
        _announce(announced)
        rest_until(stop)


def _services(parts: Parts, file: Path | None) -> Iterator[Service]:
    """What runs, in the order of its start; it is stopped in the opposite order."""
    yield reconciled_store(parts)
    yield audit_service(parts)
    yield dimse_service(parts)
    yield web_service(parts)
    yield worker_service(_worker_command(file))
    yield upkeep_service(parts)
    yield series_count_service(parts)
    yield worklist_service(parts)


def _announce(announced: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(announced) + "\n")
    sys.stdout.flush()
    log.info("node.ready", **announced)


@contextmanager
def upkeep_service(parts: Parts) -> Generator[Announced]:
    """What is done every now and then: find complete slides, sweep the inbox."""
    readiness = parts.readiness
    assess = Tick("assess", ASSESS_EVERY_S, lambda: bool(readiness.assess_slides()))
    look_again = Tick("look-again", LOOK_AGAIN_EVERY_S, lambda: bool(readiness.look_again()))
    sweep = Tick("sweep", SWEEP_EVERY_S, lambda: bool(parts.store.sweep(STALE_S)))
    with ticking(assess, look_again, sweep):
        yield {}


@contextmanager
def worker_service(command: list[str]) -> Generator[Announced]:
    """The worker process, kept running."""
    stop = threading.Event()
    supervising = threading.Thread(target=WorkerProcess(command).supervise, args=(stop,), name="supervise")
    supervising.start()
    try:
        yield {}
    finally:
        stop.set()
        supervising.join()


def _worker_command(file: Path | None) -> list[str]:
    settings = ["--settings", str(file)] if file else []
    return [sys.executable, "-m", "marrowcount", "worker", "--supervised", *settings]


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """The worker process, started again whenever it dies.

    It reads from a pipe that nobody writes to: when this process dies, however suddenly, the pipe ends and the worker
    with it. An orphan would otherwise go on counting beside the next node's worker.
    """

    command: list[str]

    def supervise(self, stop: threading.Event) -> None:
        """Keep a worker running until ``stop`` is set, then end it."""
        pause = SHORTEST_PAUSE_S
        while not stop.is_set():
            began = time.monotonic()
            with subprocess.Popen(self.command, stdin=subprocess.PIPE) as process:  # noqa: S603 - our own module
                while process.poll() is None and not stop.wait(0.2):
                    pass
                process.terminate()
            if not stop.is_set():
                pause = SHORTEST_PAUSE_S if time.monotonic() - began > STEADY_S else min(2 * pause, LONGEST_PAUSE_S)
                log.error("worker.died", status=process.returncode, restart_after_s=pause)
                stop.wait(pause)
