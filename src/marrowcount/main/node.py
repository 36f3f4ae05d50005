"""``marrowcount serve``: the listener and its ticks here, counting and delivering in a supervised worker process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.main.completeness import completeness_settings
from marrowcount.main.logs import configure_logs
from marrowcount.workflow.readiness import assess_slides
from marrowcount.workflow.receive import ReceiveLimits, Receiving
from marrowcount_adapters.dimse import Listener, ListenerSettings
from marrowcount_adapters.filesystem import FolderStore
from marrowcount_adapters.schedule import SystemClock, Tick, ticking
from marrowcount_adapters.sql import open_ledger
from marrowcount_adapters.wsi.header import read_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from marrowcount.ports import Ledger
    from marrowcount.settings import ReceiveSection, Settings

__all__ = ["serve", "until_terminated"]

GIB: Final = 2**30
ASSESS_EVERY_S: Final = 2.0
SWEEP_EVERY_S: Final = 600.0
STALE_S: Final = 3600.0
"""Age from which a file in the inbox belongs to no living association."""

SHORTEST_PAUSE_S: Final = 3.0
LONGEST_PAUSE_S: Final = 60.0
"""Pauses before a worker that died is started again; they double as long as it dies at once."""

STEADY_S: Final = 120.0
"""A worker that lived so long could start; the next pause is the shortest again."""

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


def _serve(settings: Settings, file: Path | None, stop: threading.Event) -> None:
    ledger, store, clock = open_ledger(settings.database_url), FolderStore(settings.node.data_folder), SystemClock()
    receiving = Receiving(store, ledger, clock, read_facts, receive_limits(settings.receive))
    listener = Listener(
        listener_settings(settings), receiving, lambda uid, done, failed: _note_commitment(ledger, uid, done, failed)
    )
    completeness = completeness_settings(settings.receive)
    assess = Tick("assess", ASSESS_EVERY_S, lambda: bool(assess_slides(ledger, clock, completeness)))
    sweep = Tick("sweep", SWEEP_EVERY_S, lambda: bool(store.sweep(STALE_S)))
    worker = WorkerProcess(_worker_command(file))
    listener.start()
    supervising = threading.Thread(target=worker.supervise, args=(stop,), name="supervise")
    supervising.start()
    with ticking(assess, sweep):
        _announce(settings, listener.port)
        stop.wait()
    listener.stop()
    supervising.join()
    ledger.close()


def _announce(settings: Settings, port: int) -> None:
    where = {"ready": True, "ae_title": settings.node.ae_title, "host": settings.node.host, "port": port}
    sys.stdout.write(json.dumps(where) + "\n")
    sys.stdout.flush()
    log.info("node.ready", **where)


def receive_limits(section: ReceiveSection) -> ReceiveLimits:
    """The limits of receipt in the core's words."""
    return ReceiveLimits(int(section.max_instance_gib * GIB), int(section.disk_watermark_gib * GIB))


def listener_settings(settings: Settings) -> ListenerSettings:
    """What the listener needs to know."""
    return ListenerSettings(
        ae_title=settings.node.ae_title,
        host=settings.node.host,
        port=settings.node.port,
        allowed_callers=frozenset(settings.receive.allowed_callers),
        max_associations=settings.receive.max_associations,
    )


def _note_commitment(ledger: Ledger, transaction_uid: str, committed: Sequence[str], failed: Sequence[str]) -> bool:
    """Record a grant; False while the sender has not noted yet which transaction it asked for."""
    if failed:
        log.error("commitment.refused", transaction_uid=transaction_uid, failed=list(failed))
        return True
    known = ledger.committed(transaction_uid, SystemClock().now())
    log.info("commitment.granted", transaction_uid=transaction_uid, instances=len(committed), known=known)
    return known


def _worker_command(file: Path | None) -> list[str]:
    settings = ["--settings", str(file)] if file else []
    return [sys.executable, "-m", "marrowcount", "worker", *settings]


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """The worker process, started again whenever it dies."""

    command: list[str]

    def supervise(self, stop: threading.Event) -> None:
        """Keep a worker running until ``stop`` is set, then end it."""
        pause = SHORTEST_PAUSE_S
        while not stop.is_set():
            began = time.monotonic()
            with subprocess.Popen(self.command) as process:  # noqa: S603 - our own interpreter and module
                while process.poll() is None and not stop.wait(0.2):
                    pass
                process.terminate()
            if not stop.is_set():
                pause = SHORTEST_PAUSE_S if time.monotonic() - began > STEADY_S else min(2 * pause, LONGEST_PAUSE_S)
                log.error("worker.died", status=process.returncode, restart_after_s=pause)
                stop.wait(pause)
