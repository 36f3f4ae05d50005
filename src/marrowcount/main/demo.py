"""``marrowcount demo``: the whole thread on one machine, every peer a process of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType] - its own annotation is partial

from marrowcount.errors import PeerError
from marrowcount.main.drawing import TRUTH_FILE, draw_phantom
from marrowcount.main.processes import free_port, module_process
from marrowcount.main.result_files import OTHER_FILES, RESULT_FILE, dicom_files_in
from marrowcount.main.tables import result_view
from marrowcount.slides.detections import Detection
from marrowcount.slides.states import DeliveryState, SlideState
from marrowcount.slides.tiles import TILE_PX, Tile
from marrowcount_adapters.annotations.decode import decode_cells
from marrowcount_adapters.charts import draw_tile
from marrowcount_adapters.sql import open_ledger

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console
    from rich.status import Status

    from marrowcount.phantom import PhantomSlide
    from marrowcount.ports import Delivery, Ledger, SlideRecord

__all__ = ["run_demo"]

NODE_AE: Final = "MARROWCOUNT"
PACS_AE: Final = "DEMOPACS"
SCANNER_AE: Final = "SCANNER"
PATIENCE_S: Final = 600.0
"""Time for the whole count; on two cores it takes a minute or two."""

POLL_S: Final = 0.5
TILE_FILE: Final = "tile.png"


@dataclass(frozen=True, slots=True)
class Peers:
    """The processes that run, and where they listen."""

    node_port: int
    pacs_port: int
    ehr_port: int


def run_demo(out: Path, profile: str, seed: int, size: int, console: Console) -> None:
    """Draw, send, count, deliver, and show.

    Raises:
        PeerError: a process did not start or did not finish in time; the log files say why.
    """
    for part in ("slide", "node", "pacs", "ehr"):
        shutil.rmtree(out / part, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    console.print("[bold]1[/bold] a phantom marrow smear of known truth")
    slide = draw_phantom(out / "slide", profile, seed, size, console)
    with ExitStack() as stack:
        console.print("[bold]2[/bold] a stand-in PACS, a stand-in FHIR server and the node, each its own process")
        peers = _start(stack, out, console)
        console.print("[bold]3[/bold] the scanner sends the slide by C-STORE")
        _send(out / "slide", peers.node_port, out / "scanner.log")
        console.print("[bold]4[/bold] the node finds the slide complete, counts it, and delivers")
        record, deliveries = _await_delivery(out, console)
    series_folder = out / "node" / "results" / record.result_folder
    _show(out, series_folder, slide, console)
    _show_deliveries(deliveries, console)
    console.print(f"done in {time.monotonic() - began:.0f} s")


def _start(stack: ExitStack, out: Path, console: Console) -> Peers:
    node_port = free_port()
    pacs = ["marrowcount_adapters.dimse.pacs", "--ae", PACS_AE, "--port", "0", "--folder", str(out / "pacs")]
    pacs += ["--event-to", f"{NODE_AE}@127.0.0.1:{node_port}"]
    pacs_port = stack.enter_context(module_process(pacs, out / "pacs.log"))["port"]
    ehr = ["marrowcount_adapters.fhir_client.stand_in", "--folder", str(out / "ehr")]
    ehr_port = stack.enter_context(module_process(ehr, out / "ehr.log"))["port"]
    settings = out / "settings.toml"
    settings.write_text(_settings(out, node_port, pacs_port, ehr_port), encoding="utf-8")
    stack.enter_context(module_process(["marrowcount", "serve", "--settings", str(settings)], out / "node.log"))
    console.print(f"  node {NODE_AE}@127.0.0.1:{node_port}, settings in {settings}")
    return Peers(node_port, pacs_port, ehr_port)


def _settings(out: Path, node_port: int, pacs_port: int, ehr_port: int) -> str:
    return f"""\
patient_id_systems = {{ "PHANTOM" = "urn:oid:2.25.1", "" = "urn:oid:2.25.1" }}

[node]
ae_title = "{NODE_AE}"
port = {node_port}
data_folder = {json.dumps(str(out / "node"))}

[receive]
allowed_callers = ["{SCANNER_AE}", "{PACS_AE}"]
settle_s = 3.0

[[pacs]]
name = "demo-pacs"
ae_title = "{PACS_AE}"
host = "127.0.0.1"
port = {pacs_port}

[[ehr]]
name = "demo-ehr"
base_url = "http://127.0.0.1:{ehr_port}/fhir"
"""


def _send(folder: Path, node_port: int, log: Path) -> None:
    to = f"{NODE_AE}@127.0.0.1:{node_port}"
    command = [sys.executable, "-m", "marrowcount", "send", str(folder), "--to", to, "--calling-ae", SCANNER_AE]
    with log.open("w") as output:
        status = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)  # noqa: S603 - as above
    if status.returncode:
        raise PeerError("not-sent", f"sending failed; see {log}")


def _await_delivery(out: Path, console: Console) -> tuple[SlideRecord, Sequence[Delivery]]:
    ledger = open_ledger(f"sqlite:///{out / 'node' / 'ledger.sqlite'}")
    try:
        with console.status("waiting") as status:
            return _poll(ledger, out / "node.log", status)
    finally:
        ledger.close()


def _poll(ledger: Ledger, log: Path, status: Status) -> tuple[SlideRecord, Sequence[Delivery]]:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        (slide,) = ledger.slides() or (None,)
        deliveries = ledger.deliveries()
        if slide and slide.state in {SlideState.REFUSED, SlideState.FAILED, SlideState.INCOMPLETE}:
            raise PeerError(slide.code or slide.state, f"the node did not count the slide: {slide.message}")
        if deliveries and all(_done(delivery) for delivery in deliveries) and slide:
            return slide, deliveries
        status.update(_said(slide, log))
        time.sleep(POLL_S)
    raise PeerError("too-late", f"the node did not finish in {PATIENCE_S:.0f} s; see {log}")


def _done(delivery: Delivery) -> bool:
    """Delivered, and committed where commitment was asked for; or given up."""
    waits_for_commitment = delivery.state is DeliveryState.DELIVERED and bool(delivery.commitment_uid)
    finished = {DeliveryState.DELIVERED, DeliveryState.COMMITTED, DeliveryState.DEAD, DeliveryState.UNCOMMITTED}
    return delivery.state in finished and not waits_for_commitment


def _said(slide: SlideRecord | None, log: Path) -> str:
    if slide is None or slide.state is not SlideState.COUNTING:
        return f"slide {slide.state if slide else 'not there yet'}"
    progress = [line for line in log.read_text(encoding="utf-8").splitlines() if '"count.progress"' in line]
    if not progress:
        return "counting"
    event = json.loads(progress[-1])
    return f"counting: {event['tiles_looked_at']} tiles looked at, {event['tiles_counted']} counted"


def _show(out: Path, results: Path, slide: PhantomSlide, console: Console) -> None:
    truth = json.loads((out / "slide" / TRUTH_FILE).read_text(encoding="utf-8"))["ndc"]
    result = json.loads((results / RESULT_FILE).read_text(encoding="utf-8"))
    _draw_busiest_tile(out, slide)
    console.print()
    console.print(result_view(result, truth))
    console.print()
    console.print("[bold]where everything is[/bold]")
    console.print(f"  the phantom slide       {out / 'slide'}", soft_wrap=True)
    for name in (*dicom_files_in(results), *OTHER_FILES, RESULT_FILE):
        console.print(f"  {name:<22}  {results / name}", soft_wrap=True)
    console.print(f"  what the PACS received  {out / 'pacs'}", soft_wrap=True)
    console.print(f"  what the EHR received   {out / 'ehr'}", soft_wrap=True)
    console.print(f"  an annotated ROI tile   {out / TILE_FILE}", soft_wrap=True)


def _draw_busiest_tile(out: Path, slide: PhantomSlide) -> None:
    """Draw the tile with the most cells, from the annotations that the PACS holds."""
    received = (dcmread(path) for path in sorted((out / "pacs").rglob("*.dcm")))
    annotations = next(dataset for dataset in received if dataset.get("ContentLabel") == "MARROW CELLS")
    by_tile: dict[Tile, list[Detection]] = {}
    for detection in decode_cells(annotations):
        x, y = detection.box.centre
        by_tile.setdefault(Tile(int(y) // TILE_PX, int(x) // TILE_PX), []).append(detection)
    tile = max(by_tile, key=lambda tile: len({d.cell_type for d in by_tile[tile]}))
    local = [Detection(d.cell_type, d.box.moved(-tile.left, -tile.top), d.probability) for d in by_tile[tile]]
    (out / TILE_FILE).write_bytes(draw_tile(slide.read(tile), local))


def _show_deliveries(deliveries: Sequence[Delivery], console: Console) -> None:
    for delivery in deliveries:
        said = f": {delivery.last_error}" if delivery.state is DeliveryState.DEAD else ""
        console.print(f"  {delivery.order.kind} to {delivery.order.destination}: {delivery.state}{said}")
