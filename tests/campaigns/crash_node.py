"""A node that can be killed: its processes, and how each of them is ended with SIGKILL."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from crash_warm import WORKER_FILE, WarmProcess

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MortalNode", "awaited", "settings_text"]

PATIENCE_S = 60.0


@dataclass
class MortalNode:
    """``marrowcount serve`` in a process group of its own.

    Attributes:
        folder: with ``settings.toml``; the node's data lie below ``node``, its log is ``node.log``.
        orphans: workers whose node was killed; they must end by themselves.
    """

    folder: Path
    process: subprocess.Popen[str] | WarmProcess | None = None
    orphans: set[int] = field(default_factory=set)

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def spawn(self, *, warm: bool) -> None:
        """Start it without waiting for it, forked from a process that is warm or in the usual way."""
        (self.folder / WORKER_FILE).unlink(missing_ok=True)
        if warm:
            self.process = WarmProcess(self.folder)
            return
        command = [sys.executable, "-m", "marrowcount", "serve", "--settings", str(self.folder / "settings.toml")]
        with (self.folder / "node.log").open("a") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )

    def await_ready(self) -> None:
        """Wait until it listens."""
        assert self.process is not None
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the node did not start:\n{(self.folder / 'node.log').read_text()[-3000:]}"

    def workers(self) -> list[int]:
        """The processes that it started."""
        if isinstance(self.process, WarmProcess):
            named = self.folder / WORKER_FILE
            return [pid for pid in map(int, named.read_text().split()) if _is_worker(pid)] if named.exists() else []
        if self.process is None:
            return []
        with suppress(FileNotFoundError, ProcessLookupError):
            tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
            return [int(pid) for task in tasks for pid in (task / "children").read_text("ascii").split()]
        return []

    def kill_group(self) -> None:
        """All of it at once, as a power cut would."""
        assert self.process is not None
        workers = self.workers()
        self.process.kill()
        for pid in workers:
            _kill(pid)
        self._reap()

    def kill_node(self) -> None:
        """The listener, its services and the supervisor; the worker is left an orphan."""
        assert self.process is not None
        self.orphans |= set(self.workers())
        self.process.kill()
        self._reap()

    def kill_worker(self) -> None:
        """The worker alone; the node starts another."""
        for pid in self.workers():
            _kill(pid)

    def stop(self) -> None:
        """End it as an operator does."""
        if self.process is not None:
            self.process.terminate()
            self._reap()

    def destroy(self) -> None:
        """Leave nothing behind, whatever happened."""
        if self.process is not None:
            self.kill_group()
        for pid in self.living_orphans():
            _kill(pid)

    def _reap(self) -> None:
        assert self.process is not None
        self.process.wait(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None

    def living_orphans(self) -> set[int]:
        """Orphans that have not ended yet."""
        self.orphans = {pid for pid in self.orphans if _is_worker(pid)}
        return self.orphans

    @property
    def database(self) -> Path:
        return self.folder / "node" / "ledger.sqlite"

    def asked(self, question: str, *values: str) -> list[tuple[object, ...]]:
        """Rows of its database, read beside it; none while there is no database."""
        if not self.database.exists():
            return []
        beside = f"file:{self.database}?mode=ro"
        # No tables yet is no answer.
        with closing(sqlite3.connect(beside, uri=True, timeout=10)) as asked, suppress(sqlite3.OperationalError):
            return asked.execute(question, values).fetchall()
        return []


def _is_worker(pid: int) -> bool:
    """Whether a process of that number is a worker of a campaign, and not another that got the number since."""
    with suppress(OSError):
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        return b"worker" in command or b"forkserver" in command
    return False


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def awaited(holds: Callable[[], bool], within_s: float, every_s: float = 0.02) -> bool:
    """Whether something came true in time."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True


def settings_text(folder: Path, ports: tuple[int, int, int], count: str) -> str:
    """Settings of a node with one PACS and one EHR: ports of the node, the PACS and the EHR."""
    return f"""\
patient_id_systems = {{ "" = "urn:oid:2.999.1", "Phantom Hospital" = "urn:oid:2.999.1" }}
[node]
port = {ports[0]}
data_folder = "{folder}/node"
[receive]
allowed_callers = ["SCANNER", "PACS"]
max_associations = 20
settle_s = 1.0
[count]
lease_s = 5.0
attempts = 100
{count}
[[pacs]]
name = "archive"
ae_title = "PACS"
host = "127.0.0.1"
port = {ports[1]}
[[ehr]]
name = "ehr"
base_url = "http://127.0.0.1:{ports[2]}/fhir"
"""
