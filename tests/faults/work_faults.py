"""A working node on a disk of its own that runs full, or becomes read-only; to be run in a mount namespace.

    unshare --mount --map-root-user python work_faults.py full|full-beside-the-ledger|read-only FOLDER

A first slide is counted and owes its result when the disk falls ill; a second one is received and not counted. One
line of JSON says what was heard while the disk was ill, and what is wrong after it was well again.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from pydicom import dcmread

from marrowcount.errors import StorageError
from marrowcount.main.destinations import destinations_of
from marrowcount.main.models import load_models
from marrowcount.main.parts import Parts, open_parts
from marrowcount.main.worker import SlideCounter
from marrowcount.settings import read_settings
from marrowcount.slides.states import DeliveryState, SlideState
from marrowcount.testing import HeldClock
from marrowcount.workflow.deliver import deliver_once
from marrowcount.workflow.work import WorkSettings, work_once
from marrowcount_adapters.dimse.pacs import StandInPacs
from marrowcount_adapters.sql import SqlReports, SqlTasks
from marrowcount_adapters.wsi.header import read_header
from peer_node import faults_of
from small_slides import write_small_slide
from tiny_models import write_tiny_models

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from marrowcount.ports import Destination

DISK_MB = 48
ILL_STEPS, STEP_S = 6, 120.0
MOST_STEPS = 60


@dataclass
class Work:
    """The worker's loops, step by step, on a clock in the hand.

    Attributes:
        recover: makes the disk well again.
        waits: of counts that the disk kept from being written.
        faults: steps that the ledger ended, by their code.
    """

    parts: Parts
    counter: SlideCounter
    destinations: Mapping[str, Destination]
    recover: Callable[[], None]
    clock: HeldClock
    random: Random = field(default_factory=lambda: Random(5))  # noqa: S311 - jitter guards no secret
    waits: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def step(self) -> None:
        """Send what is due, and count one slide, as far as the disk lets."""
        self.clock.advance(STEP_S)
        self._guarded(self.deliver)
        self._guarded(self.count)

    def _guarded(self, loop: Callable[[], bool]) -> None:
        """As the worker's own loops: what the ledger ends is taken up again."""
        try:
            loop()
        except StorageError as error:
            self.faults[error.code] += 1

    def count(self) -> bool:
        ledger, how = self.parts.ledger, WorkSettings(lease_s=60)
        return work_once(ledger, self.clock, "worker", self.counter.count, how, random=self.random, wait=self._wait)

    def deliver(self) -> bool:
        results = self.parts.settings.results_folder
        return deliver_once(
            self.parts.ledger, self.clock, "sender", self.destinations, results.joinpath, random=self.random
        )

    def _wait(self, _seconds: float) -> None:
        """A count goes on by itself, once the disk lets it."""
        self.waits += 1
        if self.waits == ILL_STEPS:
            self.recover()

    @property
    def done(self) -> bool:
        slides, deliveries = self.parts.ledger.slides(), self.parts.ledger.deliveries()
        counted = all(slide.state is SlideState.COUNTED for slide in slides)
        return counted and all(delivery.state is DeliveryState.DELIVERED for delivery in deliveries)


def main() -> None:
    illness, folder = sys.argv[1], Path(sys.argv[2])
    disk, elsewhere = folder / "disk", folder / "elsewhere"
    disk.mkdir()
    (elsewhere / "pacs").mkdir(parents=True)
    mount("-t", "tmpfs", "-o", f"size={DISK_MB}m", "none", str(disk))
    url = f"sqlite:///{(disk if illness == 'full' else elsewhere) / 'ledger.sqlite'}"
    with StandInPacs("PACS", elsewhere / "pacs", None).listening("127.0.0.1", 0) as port:
        settings = read_settings(settings_file(elsewhere, disk, url, port))
        with open_parts(settings) as parts:
            report = worked(parts, ILLNESSES[illness](disk), folder)
            report["wrong"] = wrong(parts, elsewhere / "pacs")
    (disk / "store").symlink_to(disk)  # a node's files lie in its folder, without one more
    report["lost"] = faults_of(disk, report["acknowledged"], url)
    sys.stdout.write(json.dumps(report) + "\n")


def worked(parts: Parts, illness: tuple[Callable[[], None], Callable[[], None]], folder: Path) -> dict[str, Any]:
    fall_ill, recover = illness
    ill = threading.Event()

    def well_again() -> None:
        if ill.is_set():
            ill.clear()
            recover()

    work = work_of(parts, well_again)
    acknowledged = receive(parts, 1, folder)
    work.clock.advance(STEP_S)
    assert work.count()
    acknowledged += receive(parts, 2, folder)
    fall_ill()
    ill.set()
    for _ in range(ILL_STEPS):
        work.step()
    well_again()
    steps = 0
    while not work.done and steps < MOST_STEPS:
        steps += 1
        work.step()
    return {"acknowledged": acknowledged, "waits": work.waits, "faults": dict(work.faults), "steps": steps}


def work_of(parts: Parts, recover: Callable[[], None]) -> Work:
    settings, ledger = parts.settings, parts.ledger
    tasks, reports = SqlTasks(ledger), SqlReports(ledger)  # type: ignore[arg-type] # that of open_parts is one of SQL
    models = load_models(settings.count)
    counter = SlideCounter(settings, ledger, reports, parts.store, models, threading.Event(), tasks)
    return Work(parts, counter, destinations_of(settings, parts.trail), recover, HeldClock(parts.clock.now()))


def receive(parts: Parts, number: int, folder: Path) -> list[str]:
    """Take a slide over, whole; the instances that were acknowledged."""
    files = write_small_slide(number, folder / f"slide-{number}")
    for file in files:
        arriving = parts.receiving.arriving()
        arriving.write(file.read_bytes())
        assert parts.receiving.take(arriving.path, "SCANNER", "", "", arriving.finish()).taken
        arriving.discard()
    (slide,) = parts.ledger.slides(SlideState.RECEIVING)
    assert parts.ledger.mark_ready(slide.series_uid, slide.revision, "complete", parts.clock.now())
    return [str(read_header(file).SOPInstanceUID) for file in files]


def wrong(parts: Parts, pacs: Path) -> list[str]:
    """What of the work is not as it should be."""
    ledger, results = parts.ledger, parts.settings.results_folder
    owed = {file for delivery in ledger.deliveries() for file in delivery.order.files}
    arrived = {path.stem for path in pacs.glob("*.dcm")}
    due = {str(dcmread(results / file).SOPInstanceUID) for file in owed}
    said = [
        f"{slide.series_uid} is {slide.state}" for slide in ledger.slides() if slide.state is not SlideState.COUNTED
    ]
    said += [f"{d.delivery_id} is {d.state}" for d in ledger.deliveries() if d.state is not DeliveryState.DELIVERED]
    said += [f"{uid} did not arrive" for uid in due - arrived] + [f"{uid} came unasked" for uid in arrived - due]
    said += [f"{path.name} is left" for path in results.rglob("*.part")]
    return said + ["no slide owes anything"] * (len(ledger.deliveries()) != 2)


def full(disk: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    """Not a byte is free; then some are."""
    ballast = disk / "ballast"

    def fill() -> None:
        with ballast.open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                while _written(file.write, bytes(size)):
                    pass

    return fill, ballast.unlink


def _written(write: Callable[[bytes], int | None], piece: bytes) -> bool:
    try:
        return write(piece) == len(piece)
    except OSError:
        return False


def read_only(disk: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    """As after an error of the disk; then it is mounted anew."""
    return (
        lambda: mount("-o", "remount,ro", str(disk)),
        lambda: mount("-o", "remount,rw", str(disk)),
    )


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def settings_file(folder: Path, disk: Path, url: str, port: int) -> Path:
    file = folder / "settings.toml"
    file.write_text(
        f'[node]\ndata_folder = "{disk}"\ndatabase_url = "{url}"\n[receive]\ndisk_watermark_gib = 0\n'
        f"[count]\n{write_tiny_models(folder / 'models')}"
        f'[[pacs]]\nname = "archive"\nae_title = "PACS"\nhost = "127.0.0.1"\nport = {port}\ncommitment = false\n'
    )
    return file


ILLNESSES: dict[str, Callable[[Path], tuple[Callable[[], None], Callable[[], None]]]] = {
    "full": full,
    "full-beside-the-ledger": full,
    "read-only": read_only,
}

if __name__ == "__main__":
    main()
