"""The whole thread with Orthanc as the PACS: dcmsend puts a phantom into it, it routes it to a real node, which counts
it and stores annotations and report back.

To be run in a network of its own: ``python orthanc_whole_thread.py ORTHANC DCMSEND FOLDER``
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orthanc_commitment import awaited
from orthanc_round_trip import PEER, asked, classes_held, eventually, orthanc

from marrowcount.main.processes import free_port, module_process
from marrowcount.phantom import PhantomSlide
from marrowcount.slides.geometry import SizePx
from marrowcount.slides.states import DeliveryState, SlideState
from marrowcount_adapters.dimse import Peer
from marrowcount_adapters.sql import open_ledger
from marrowcount_adapters.wsm_writer import write_phantom

SETTINGS = """\
patient_id_systems = {{ "" = "urn:oid:2.999.1" }}
[node]
port = {port}
data_folder = "{folder}/node"
[receive]
allowed_callers = ["ORTHANC"]
settle_s = 1.0
[[pacs]]
name = "orthanc"
ae_title = "ORTHANC"
host = "127.0.0.1"
port = 4242
"""


@dataclass(frozen=True)
class Node:
    """Where Orthanc finds the node."""

    peer: Peer


def main() -> None:
    folder, port = Path(sys.argv[3]), free_port()
    files = write_phantom(PhantomSlide("normal", 99, SizePx(4096, 4096)), folder / "slide")
    (folder / "settings.toml").write_text(SETTINGS.format(port=port, folder=folder))
    with ExitStack() as stack:
        stack.enter_context(orthanc(folder, Node(Peer("MARROWCOUNT", "127.0.0.1", port)), commit=True))  # type: ignore[arg-type]
        serve = ["marrowcount", "serve", "--settings", str(folder / "settings.toml")]
        stack.enter_context(module_process(serve, folder / "node.log"))
        options = ["-aet", "SENDER", "-aec", "ORTHANC", "+sd", "+r"]
        command = [sys.argv[2], *options, PEER.host, str(PEER.port), str(folder / "slide")]
        subprocess.run(command, check=True, timeout=60, capture_output=True)
        ledger = open_ledger(f"sqlite:///{folder / 'node' / 'ledger.sqlite'}")
        stack.callback(ledger.close)
        eventually(lambda: any(s.state in {SlideState.COUNTED, SlideState.REFUSED} for s in ledger.slides()), 120)
        eventually(lambda: [d.state for d in ledger.deliveries()] == [DeliveryState.COMMITTED], 60)
        (slide,) = ledger.slides()
        answered = committed_to()
        report = {
            "sent": len(files),
            "held": slide.instances,
            "state": slide.state,
            "classes": sorted(classes_held()),
            "commitment": answered["Status"],
            "committed": len(answered["Success"]),
        }
    sys.stdout.write(json.dumps(report) + "\n")


def committed_to() -> dict[str, Any]:
    """What Orthanc heard of the commitment that it asked the node for when it routed the slide."""

    def transactions() -> list[str]:
        jobs = json.loads(asked("/jobs?expand"))
        uids = [job["Content"].get("StorageCommitmentTransactionUID", "") for job in jobs]
        return [uid for uid in uids if uid]

    eventually(lambda: len(transactions()) == 1)
    return awaited(transactions()[0])


if __name__ == "__main__":
    main()
