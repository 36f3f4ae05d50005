"""Receivers that are compared: how each is started, and how much memory it took."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(__file__).parent / "receiving_programs.py"
PATIENCE_S = 60


@dataclass(frozen=True)
class Receiver:
    """A program that listens for DICOM associations.

    Attributes:
        command: to run it, given the folder to fill and the port to listen on.
    """

    name: str
    ae_title: str
    command: Callable[[Path, int], list[str]]


@dataclass
class Running:
    """A running receiver.

    Attributes:
        peak_mb: of its processes together, as often as one looked.
    """

    port: int
    peak_mb: float = 0.0


def receivers() -> tuple[list[Receiver], list[str]]:
    """Those that are installed, and those that stand aside."""
    storescp, orthanc = _program("storescp"), _program("Orthanc")
    found = [Receiver("marrowcount, synced", "MARROWCOUNT", _python("marrowcount"))]
    if storescp:
        found += [
            Receiver("dcmtk storescp +B", "STORESCP", _dcmtk(storescp)),
            Receiver("dcmtk storescp +B -pdu 131072", "STORESCP", _dcmtk(storescp, "-pdu", "131072")),
        ]
    found.append(Receiver("pynetdicom's handler", "RECEIVER", _python("pynetdicom")))
    if orthanc:
        found.append(Receiver("Orthanc", "ORTHANC", _orthanc(orthanc)))
    missing = [name for name, program in (("dcmtk", storescp), ("Orthanc", orthanc)) if not program]
    return found, missing


@contextmanager
def running(receiver: Receiver, folder: Path) -> Iterator[Running]:
    """Start a receiver on an empty folder; stop it and clear the folder afterwards."""
    folder.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    seen, stop = Running(port), threading.Event()
    # In a session of its own, so that a receiver's children are known and ended with it.
    log = (folder.parent / f"{folder.name}.log").open("wb")
    with (
        log,
        subprocess.Popen(receiver.command(folder, port), start_new_session=True, stdout=log, stderr=log) as process,
    ):
        watching = threading.Thread(target=_watch, args=(process.pid, seen, stop))
        try:
            _wait_for(port, process)
            watching.start()
            yield seen
        finally:
            stop.set()
            if watching.is_alive():
                watching.join()
            process.terminate()
            process.wait(timeout=PATIENCE_S)
            shutil.rmtree(folder)


def _watch(session: int, seen: Running, stop: threading.Event) -> None:
    while not stop.wait(0.05):
        seen.peak_mb = max(seen.peak_mb, sum(map(_peak_mb, _members(session))))


def _members(session: int) -> list[Path]:
    return [process for process in Path("/proc").glob("[0-9]*") if _session(process) == session]


def _session(process: Path) -> int:
    try:
        return os.getsid(int(process.name))
    except ProcessLookupError:
        return 0


def _peak_mb(process: Path) -> float:
    try:
        status = (process / "status").read_text()
    except OSError:  # it ended meanwhile
        return 0.0
    lines = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0].split()[1]) / 1000 if lines else 0.0


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    msg = f"{process.args!r} does not listen"
    raise SystemExit(msg)


def _program(name: str) -> str | None:
    # Not by PATH alone: pynetdicom puts scripts of dcmtk's names into virtual environments.
    return shutil.which(name, path="/usr/bin:/usr/sbin:/usr/local/bin")


def _python(who: str) -> Callable[[Path, int], list[str]]:
    return lambda folder, port: [sys.executable, str(PROGRAMS), who, str(folder), str(port)]


def _dcmtk(program: str, *options: str) -> Callable[[Path, int], list[str]]:
    # A process for each association: otherwise it serves them one after the other.
    return lambda folder, port: [program, "+B", "+xa", "+uf", "--fork", *options, "-od", str(folder), str(port)]


def _orthanc(program: str) -> Callable[[Path, int], list[str]]:
    def command(folder: Path, port: int) -> list[str]:
        settings = {
            "DicomPort": port,
            "HttpServerEnabled": False,
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "index"),
            "DicomModalities": {},
            "DicomAlwaysAllowStore": True,
        }
        file = folder / "orthanc.json"
        file.write_text(json.dumps(settings))
        return [program, str(file)]

    return command
