"""A slide into Orthanc, routed by it to the node, and results back to it with storage commitment.

To be run in a network of its own: ``python orthanc_round_trip.py ORTHANC STORESCU FOLDER``
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

from giving import given
from marrowcount.errors import PeerError
from marrowcount_adapters.dimse import Calling, DicomDestination, Peer
from peer_node import AE_TITLE, PeerNode, peer_node, phantom
from result_files import result_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PEER = Peer("ORTHANC", "127.0.0.1", 4242)
HTTP_PORT = 8042

ROUTE = """
function OnStableSeries(seriesId, tags, metadata)
  if tags['Modality'] == 'SM' then
    local what = {Resources = {seriesId}, Asynchronous = true, StorageCommitment = COMMIT}
    RestApiPost('/modalities/node/store', DumpJson(what, true))
  end
end
"""
"""Orthanc's own way to pass on a slide: once nothing has come for its series for StableAge seconds."""


def main() -> None:
    folder = Path(sys.argv[3])
    slide, results = phantom(folder / "slide"), result_files(folder)
    with peer_node(folder / "node") as node, orthanc(folder, node):
        options = ["-R", "-xy", "-aec", PEER.ae_title]
        subprocess.run([sys.argv[2], *options, PEER.host, str(PEER.port), *map(str, slide)], check=True, timeout=60)
        eventually(lambda: received(node) == len(slide))
        routed = received(node)
        ready = node.assess()
        destination = DicomDestination("pacs", PEER, Calling(AE_TITLE), commit=True)
        transaction_uid = given(destination, results).commitment_uid
        answer = node.reports.get(timeout=30)
        report = {
            "echo": destination.check(),
            "sent": len(slide),
            "routed": routed,
            "altered": altered(node, slide),
            "ready": ready,
            "sender": node.ledger.slides()[0].sender,
            "transaction_matches": answer.transaction_uid == transaction_uid,
            "committed": sorted(one.sop_instance_uid for one in answer.committed),
            "failed": [one.sop_instance_uid for one in answer.failed],
            "classes": sorted(classes_held()),
        }
    sys.stdout.write(json.dumps(report) + "\n")


@contextmanager
def orthanc(folder: Path, node: PeerNode, *, commit: bool = False) -> Iterator[None]:
    """Orthanc, which routes slides to the node and asks it for storage commitment where it is told to."""
    (folder / "route.lua").write_text(ROUTE.replace("COMMIT", str(commit).lower()))
    settings = {
        "DicomAet": PEER.ae_title,
        "DicomPort": PEER.port,
        "DicomCheckCalledAet": True,
        "HttpPort": HTTP_PORT,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "StorageDirectory": str(folder / "orthanc"),
        "IndexDirectory": str(folder / "orthanc"),
        "StableAge": 1,
        "UnknownSopClassAccepted": True,
        "LuaScripts": [str(folder / "route.lua")],
        "DicomModalities": {"node": [AE_TITLE, node.peer.host, node.peer.port]},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    log = (folder / "orthanc.log").open("w")
    with log, subprocess.Popen([sys.argv[1], str(folder / "orthanc.json")], stdout=log, stderr=log) as process:
        try:
            eventually(answers)
            yield
        except BaseException:
            sys.stderr.write((folder / "orthanc.log").read_text()[-3000:])
            raise
        finally:
            process.terminate()


def answers() -> bool:
    try:
        DicomDestination("pacs", PEER, AE_TITLE, commit=False).check()
    except PeerError:
        return False
    return True


def eventually(holds: Callable[[], bool], within_s: float = 45) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("it never came true")
        time.sleep(0.1)


def received(node: PeerNode) -> int:
    return sum(slide.instances for slide in node.ledger.slides())


def altered(node: PeerNode, slide: list[Path]) -> list[str]:
    """Instances whose pixel data differ from what was put into Orthanc; it may write headers anew."""
    from pydicom import dcmread

    changed = []
    for path in slide:
        sent = dcmread(path)
        recorded = node.ledger.instance(sent.SOPInstanceUID)
        kept = dcmread(node.store.path(recorded.file.path)) if recorded else None
        if kept is None or kept.PixelData != sent.PixelData:
            changed.append(path.name)
    return changed


def asked(path: str) -> str:
    with urlopen(f"http://127.0.0.1:{HTTP_PORT}{path}", timeout=10) as answer:
        return str(answer.read().decode())


def classes_held() -> set[str]:
    return {asked(f"/instances/{each}/metadata/SopClassUid") for each in json.loads(asked("/instances"))}


if __name__ == "__main__":
    main()
