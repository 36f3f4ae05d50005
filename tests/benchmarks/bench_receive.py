"""How fast instances are received, beside dcmtk, pynetdicom's own handler and Orthanc (`make bench-receive`).

Each receiver in turn gets the same files from the same sender, which reads nothing but the page cache; round after
round, and what is told are medians. Ours answers after file, folder and ledger are synced; dcmtk and pynetdicom's
handler leave that to chance.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import track

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from receivers import Receiver, receivers, running

from slide_files import large_slide_file

SENDER = Path(__file__).parent / "lean_sender.py"
LARGE_MB, SMALL_MB, SMALL_COUNT, ASSOCIATIONS = 1000, 5, 200, 4
MB = 1_000_000


@dataclass(frozen=True)
class Load:
    """What is sent, and over how many associations at the same time."""

    name: str
    files: Sequence[Path]
    associations: int

    @property
    def size_mb(self) -> float:
        """Of all files."""
        return sum(file.stat().st_size for file in self.files) / MB


@dataclass
class Measured:
    """Of one receiver under one load, a figure a round."""

    rates: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """MB/s, the median."""
        return statistics.median(self.rates)

    @property
    def peak_mb(self) -> float:
        """The highest."""
        return max(self.peaks)


def main() -> None:
    """Send, time, tell."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--scale", type=float, default=1.0, help="of what is sent; 0.05 for a quick look")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--only", default="", help="receivers whose name holds this")
    options.add_argument("--folder", type=Path, default=None, help="on the disk to be measured")
    chosen = options.parse_args()
    console = Console(width=140)
    found, missing = receivers()
    for name in missing:
        console.print(f"{name} stands aside: it is not installed (make peers)")
    with tempfile.TemporaryDirectory(dir=chosen.folder, prefix="bench-receive-") as scratch:
        folder = Path(scratch)
        loads = _loads(folder, chosen.scale)
        contenders = [one for one in found if chosen.only in one.name]
        told = _measure(contenders, loads, folder, chosen.rounds)
    console.print(_markdown(contenders, loads, told), soft_wrap=True, markup=False)
    console.print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores at the end")


def _loads(folder: Path, scale: float) -> list[Load]:
    """The same bytes each time: whole, in four parts at the same time, and in small instances."""
    large_mb, count = LARGE_MB * scale, max(ASSOCIATIONS, int(SMALL_COUNT * scale))
    large = large_slide_file(folder / "large.dcm", "1.2.3.1", int(large_mb * MB))
    parts = [
        large_slide_file(folder / f"part{n}.dcm", f"1.2.3.1.{n}", int(large_mb * MB / ASSOCIATIONS))
        for n in range(ASSOCIATIONS)
    ]
    small = [large_slide_file(folder / f"s{n}.dcm", f"1.2.3.2.{n}", SMALL_MB * MB) for n in range(count)]
    return [
        Load(f"one instance of {large_mb:.0f} MB", [large], 1),
        Load(f"{ASSOCIATIONS} of {large_mb / ASSOCIATIONS:.0f} MB by {ASSOCIATIONS} associations", parts, ASSOCIATIONS),
        Load(f"{count} of {SMALL_MB} MB by one association", small, 1),
        Load(f"{count} of {SMALL_MB} MB by {ASSOCIATIONS} associations", small, ASSOCIATIONS),
    ]


def _measure(
    contenders: Sequence[Receiver], loads: Sequence[Load], folder: Path, rounds: int
) -> dict[tuple[str, str], Measured]:
    told: dict[tuple[str, str], Measured] = {}
    turns = [(load, one) for number in range(rounds) for load in loads for one in _turned(contenders, number)]
    for number, (load, receiver) in enumerate(track(turns, "receiving")):
        os.sync()  # what an earlier turn left unwritten is not this one's burden
        with running(receiver, folder / f"received-{number}") as seen:
            seconds = _sent(load, receiver, seen.port)
        measured = told.setdefault((load.name, receiver.name), Measured())
        measured.rates.append(load.size_mb / seconds)
        measured.peaks.append(seen.peak_mb)
    return told


def _turned(contenders: Sequence[Receiver], by: int) -> list[Receiver]:
    """Another one begins each round: who runs after whom is a difference of its own."""
    by %= len(contenders)
    return [*contenders[by:], *contenders[:by]]


def _sent(load: Load, receiver: Receiver, port: int) -> float:
    command = [sys.executable, str(SENDER), str(port), receiver.ae_title, str(load.associations), *map(str, load.files)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    said = json.loads(done.stdout)
    if said["failed"]:
        msg = f"{receiver.name} refused instances: {said['failed']}"
        raise SystemExit(msg)
    return float(said["seconds"])


def _markdown(contenders: Sequence[Receiver], loads: Sequence[Load], told: dict[tuple[str, str], Measured]) -> str:
    lines: list[str] = []
    for load in loads:
        lines += ["", f"| {load.name} | MB/s | marrowcount is x times as fast | peak MB |", "| --- | --- | --- | --- |"]
        ours = told[load.name, contenders[0].name]
        for receiver in contenders:
            measured = told[load.name, receiver.name]
            ratio = ours.rate / measured.rate
            lines.append(f"| {receiver.name} | {measured.rate:.0f} | {ratio:.2f} | {measured.peak_mb:.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
