"""How fast STOW-RS takes instances over, beside aiohttp's own reader of multipart (`make bench-stow`).

Each server is a process of its own; the rounds go in turn, and what is told are medians, ratios and each server's
highest memory. Bodies are sent by sendfile(2) from one connection, so that the sender costs as little as can be.
marrowcount digests, syncs and records every instance before it answers; aiohttp's server does so little that no archive
could trust it, and once more with a sync for each file.
"""

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, VLWholeSlideMicroscopyImageStorage
from rich.console import Console
from rich.table import Table

SERVERS = ("aiohttp", "aiohttp-fsync", "marrowcount")
MIB = 1 << 20
UID = "1.2.826.0.1.1{:09d}"
BOUNDARY = b"bench-boundary"
HEAD_BYTES = 4096
"""Of a file, in which its identifiers stand."""


@dataclass
class Server:
    """A running server."""

    name: str
    process: subprocess.Popen[str]
    port: int
    folder: Path
    seconds: dict[str, list[float]] = field(default_factory=dict)
    cpu_seconds: dict[str, list[float]] = field(default_factory=dict)

    def cpu(self) -> float:
        """Processor time used so far, in seconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mib(self) -> float:
        """Highest resident memory so far."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


@dataclass(frozen=True)
class Load:
    """What is sent."""

    name: str
    file: Path
    instances: int
    one_request: bool

    @property
    def mib(self) -> float:
        return self.instances * self.file.stat().st_size / MIB


class Counter:
    """Gives every instance that is sent identifiers of its own: an identical one would be taken without being kept."""

    number = 0

    def head(self, file: Path) -> bytes:
        Counter.number += 1
        with file.open("rb") as opened:
            head = opened.read(HEAD_BYTES)
        return head.replace(UID.format(0).encode(), UID.format(Counter.number).encode())


def main() -> None:
    """Send, time, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--large-mib", type=int, default=1024)
    options.add_argument("--small", type=int, default=200)
    options.add_argument("--folder", type=Path, default=None, help="on the disk to be measured")
    chosen = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-stow-", dir=chosen.folder))
    try:
        with ExitStack() as stack:
            loads = _loads(folder, chosen.large_mib, chosen.small)
            servers = [stack.enter_context(_running(name, folder / name)) for name in SERVERS]
            at_rest = {server.name: server.peak_mib() for server in servers}
            for number in range(chosen.rounds + 1):
                for load in loads:
                    for server in servers:
                        _round(server, load, warm_up=number == 0)
            _print(Console(width=110), servers, loads, at_rest)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _loads(folder: Path, large_mib: int, small: int) -> list[Load]:
    large, five = _file(folder / "large.dcm", large_mib), _file(folder / "five.dcm", 5)
    return [
        Load(f"1 x {large_mib} MiB", large, 1, one_request=True),
        Load(f"{small} x 5 MiB, a request each", five, small, one_request=False),
        Load(f"{small} x 5 MiB, one request", five, small, one_request=True),
    ]


def _file(path: Path, mib: int) -> Path:
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    made.SOPClassUID, made.SOPInstanceUID = VLWholeSlideMicroscopyImageStorage, UID.format(0)
    made.StudyInstanceUID, made.SeriesInstanceUID, made.Modality = "1.2", "1.2.3", "SM"
    made.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    made.Rows = made.Columns = 512
    made.TotalPixelMatrixColumns, made.TotalPixelMatrixRows = 512 * mib, 512
    made.NumberOfFrames, made.DimensionOrganizationType = mib, "TILED_FULL"
    made.PixelData = encapsulate([bytes(range(256)) * (MIB // 256)] * mib, has_bot=False)
    made["PixelData"].is_undefined_length = True
    made.save_as(path, enforce_file_format=True)
    return path


@contextmanager
def _running(name: str, folder: Path) -> Iterator[Server]:
    command = [sys.executable, str(Path(__file__).with_name("stow_servers.py")), name, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield Server(name, process, int(process.stdout.readline()), folder)
        finally:
            process.kill()


def _round(server: Server, load: Load, *, warm_up: bool) -> None:
    heads = [Counter().head(load.file) for _ in range(load.instances)]
    requests = [heads] if load.one_request else [[head] for head in heads]
    connection = _connected(server.port)
    began, cpu = time.monotonic(), server.cpu()
    for request in requests:
        _post(connection, load.file, request)
    seconds = time.monotonic() - began
    connection.close()
    if not warm_up:
        server.seconds.setdefault(load.name, []).append(seconds)
        server.cpu_seconds.setdefault(load.name, []).append(server.cpu() - cpu)
    _clear(server.folder)


def _connected(port: int) -> http.client.HTTPConnection:
    for _ in range(100):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        try:
            connection.connect()
        except ConnectionRefusedError:
            time.sleep(0.1)
        else:
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
    raise ConnectionError("a server did not start")


def _post(connection: http.client.HTTPConnection, file: Path, heads: Sequence[bytes]) -> None:
    before = b"--" + BOUNDARY + b"\r\nContent-Type: application/dicom\r\n\r\n"
    tail = b"--" + BOUNDARY + b"--\r\n"
    size = len(heads) * (len(before) + file.stat().st_size + 2) + len(tail)
    connection.putrequest("POST", "/dicom-web/studies")
    connection.putheader("Content-Type", f'multipart/related; type="application/dicom"; boundary={BOUNDARY.decode()}')
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    with file.open("rb") as opened:
        for head in heads:
            connection.sock.sendall(before + head)
            connection.sock.sendfile(opened, HEAD_BYTES)
            connection.sock.sendall(b"\r\n")
    connection.sock.sendall(tail)
    answer = connection.getresponse()
    answer.read()
    if answer.status != http.client.OK:
        raise RuntimeError(f"a server answered {answer.status}")


def _clear(folder: Path) -> None:
    """Make room: the files have been answered for, and the ledger does not mind until it is asked."""
    for path in folder.rglob("*"):
        if path.is_file() and path.stat().st_size > MIB and "sqlite" not in path.name:
            path.unlink()


def _print(console: Console, servers: Sequence[Server], loads: Sequence[Load], at_rest: Mapping[str, float]) -> None:
    columns = ("load", "server", "median MiB/s", "of aiohttp", "of aiohttp-fsync", "processor ms/MiB")
    table = Table(*columns, title="STOW-RS")
    for load in loads:
        rates = {one.name: load.mib / statistics.median(one.seconds[load.name]) for one in servers}
        for name, rate in rates.items():
            ratios = [f"{rate / rates[other]:.2f}" for other in ("aiohttp", "aiohttp-fsync")]
            cpu = statistics.median(next(one for one in servers if one.name == name).cpu_seconds[load.name])
            table.add_row(load.name, name, f"{rate:.0f}", *ratios, f"{1000 * cpu / load.mib:.2f}")
    console.print(table)
    for server in servers:
        console.print(f"{server.name}: {at_rest[server.name]:.0f} MiB at rest, {server.peak_mib():.0f} MiB at most")


if __name__ == "__main__":
    main()
