"""A node with a stand-in PACS and a stand-in FHIR server, each a process of its own, on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread

from marrowcount.main.processes import free_port, module_process
from marrowcount.ports import Delivery, Ledger, SlideRecord
from marrowcount.slides.states import DeliveryState, SlideState
from marrowcount_adapters.sql import open_ledger

ENDED = {SlideState.COUNTED, SlideState.REFUSED, SlideState.FAILED, SlideState.INCOMPLETE}
SETTLED = {DeliveryState.DELIVERED, DeliveryState.COMMITTED, DeliveryState.DEAD}
PATIENCE_S = 240


@dataclass
class RunningNode:
    """A node and its peers, and what they hold."""

    folder: Path
    port: int
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the node's process and wait until it listens."""
        command = [sys.executable, "-m", "marrowcount", "serve", "--settings", str(self.settings)]
        log = (self.folder / "node.log").open("a")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        log.close()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, (self.folder / "node.log").read_text()

    def stop(self) -> None:
        """End it as an operator does."""
        self._ended(lambda process: process.terminate())

    def kill(self) -> None:
        """SIGKILL to the node and its worker, as a power cut would."""

        def kill_all(process: subprocess.Popen[str]) -> None:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
            for thread in Path(f"/proc/{process.pid}/task").iterdir():
                children += (thread / "children").read_text(encoding="ascii").split()
            for pid in {process.pid, *map(int, children)}:
                os.kill(pid, signal.SIGKILL)

        self._ended(kill_all)

    def _ended(self, end: Callable[[subprocess.Popen[str]], None]) -> None:
        if self.process is not None:
            end(self.process)
            self.process.wait(60)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    @cached_property
    def ledger(self) -> Ledger:
        """The node's ledger, read beside it."""
        return open_ledger(f"sqlite:///{self.folder / 'node' / 'ledger.sqlite'}")

    @property
    def settings(self) -> Path:
        return self.folder / "settings.toml"

    def send(self, slide: Path, *, check: bool = True) -> None:
        """C-STORE from a client process."""
        to = f"MARROWCOUNT@127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "marrowcount", "send", str(slide), "--to", to, "--calling-ae", "SCANNER"]
        subprocess.run(command, check=check, capture_output=True)

    def await_slide(self) -> SlideRecord:
        """The one slide, when it has come to an end."""
        slides = self._awaited(lambda: [s for s in self.ledger.slides() if s.state in ENDED])
        return slides[0]

    def await_deliveries(self) -> Sequence[Delivery]:
        """All deliveries, when each is settled, committed where that was asked for."""

        def settled() -> Sequence[Delivery]:
            deliveries = self.ledger.deliveries()
            waiting = [d for d in deliveries if d.state not in SETTLED or (d.state == "delivered" and d.commitment_uid)]
            return [] if waiting else deliveries

        return self._awaited(settled)

    def _awaited(self, look: Callable[[], Sequence[Any]]) -> Sequence[Any]:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if found := look():
                return found
            time.sleep(0.2)
        log = (self.folder / "node.log").read_text(encoding="utf-8")
        pytest.fail(f"nothing came of it in {PATIENCE_S} s; the node's log ends:\n{log[-3000:]}")

    def result(self, slide: SlideRecord) -> dict[str, Any]:
        file = self.folder / "node" / "results" / slide.result_folder / "result.json"
        document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return document

    def at_the_pacs(self) -> dict[str, Dataset]:
        """What the PACS holds, by series description."""
        datasets = [dcmread(path) for path in sorted((self.folder / "pacs").rglob("*.dcm"))]
        return {f"{dataset.Modality} {dataset.get('ContentLabel', '')}".strip(): dataset for dataset in datasets}

    def bundles_at_the_ehr(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in sorted((self.folder / "ehr").glob("*.json"))]


SETTINGS = """\
patient_id_systems = {{ "" = "urn:oid:2.999.1", "Phantom Hospital" = "urn:oid:2.999.1" }}
[node]
port = {node}
data_folder = "{folder}/node"
[receive]
allowed_callers = ["SCANNER", "PACS"]
settle_s = 1.0
[count]
lease_s = 5.0
{count}
[[pacs]]
name = "archive"
ae_title = "PACS"
host = "127.0.0.1"
port = {pacs}
[[ehr]]
name = "ehr"
base_url = "http://127.0.0.1:{ehr}/fhir"
"""


@contextmanager
def running_node(folder: Path, count_settings: str = "") -> Iterator[RunningNode]:
    port = free_port()
    with ExitStack() as stack:
        pacs = ["marrowcount_adapters.dimse.pacs", "--ae", "PACS", "--port", "0", "--folder", str(folder / "pacs")]
        pacs += ["--event-to", f"MARROWCOUNT@127.0.0.1:{port}"]
        ports = stack.enter_context(module_process(pacs, folder / "pacs.log"))
        ehr = ["marrowcount_adapters.fhir_client.stand_in", "--folder", str(folder / "ehr")]
        ehr_ports = stack.enter_context(module_process(ehr, folder / "ehr.log"))
        text = SETTINGS.format(
            node=port, folder=folder, count=count_settings, pacs=ports["port"], ehr=ehr_ports["port"]
        )
        (folder / "settings.toml").write_text(text, encoding="utf-8")
        running = RunningNode(folder, port)
        running.start()
        try:
            yield running
        finally:
            running.stop()
            running.ledger.close()
