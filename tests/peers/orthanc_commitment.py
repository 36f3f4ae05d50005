"""Orthanc routes a slide to the node, asks it for storage commitment, and hears the answer on an association of ours.

To be run in a network of its own: ``python orthanc_commitment.py ORTHANC STORESCU FOLDER``
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from orthanc_round_trip import HTTP_PORT, PEER, asked, eventually, orthanc

from peer_node import peer_node, phantom

MISSING = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.6", "SOPInstanceUID": "1.2.826.0.1.3680043.2.9999.1"}


def main() -> None:
    folder = Path(sys.argv[3])
    slide = phantom(folder / "slide")
    with peer_node(folder / "node", requesters=[PEER]) as node, orthanc(folder, node):
        options = ["-R", "-xy", "-aec", PEER.ae_title]
        subprocess.run([sys.argv[2], *options, PEER.host, str(PEER.port), *map(str, slide)], check=True, timeout=60)
        instances = json.loads(asked("/instances"))
        stored = posted("/modalities/node/store", {"Resources": instances, "StorageCommitment": True})
        node.answering.step()
        granted = awaited(stored["StorageCommitmentTransactionUID"])
        refused = posted("/modalities/node/storage-commitment", {"DicomInstances": [MISSING]})
        node.answering.step()
        failed = awaited(refused["ID"])
    report = {
        "sent": len(slide),
        "status": granted["Status"],
        "committed": len(granted["Success"]),
        "remote": granted["RemoteAET"],
        "failed_status": failed["Status"],
        "failures": [failure["Description"] for failure in failed["Failures"]],
    }
    sys.stdout.write(json.dumps(report) + "\n")


def posted(path: str, body: dict[str, object]) -> dict[str, Any]:
    request = Request(f"http://127.0.0.1:{HTTP_PORT}{path}", json.dumps(body).encode())
    with urlopen(request, timeout=60) as answer:  # noqa: S310 - our own loopback
        answered: dict[str, Any] = json.loads(answer.read())
    return answered


def awaited(transaction_uid: str) -> dict[str, Any]:
    """What Orthanc heard of a transaction."""
    said: dict[str, Any] = {}

    def heard() -> bool:
        said.update(json.loads(asked(f"/storage-commitment/{transaction_uid}")))
        return bool(said["Status"] != "Pending")

    eventually(heard)
    return said


if __name__ == "__main__":
    main()
