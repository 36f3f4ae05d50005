"""Put a slide into Orthanc, and pull it from there in every way: C-MOVE to a running node, C-GET, and DICOMweb.

To be run in a network of its own: ``python orthanc_pull.py ORTHANC DICOMWEB_PLUGIN STORESCU FOLDER``
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from orthanc_round_trip import HTTP_PORT, PEER, eventually
from pulls import attempt, node_settings, pulled, wanted

from marrowcount.main.processes import free_port, module_process
from marrowcount_adapters.dimse import Calling, echo
from peer_node import phantom

if TYPE_CHECKING:
    from collections.abc import Iterator

BY_DIMSE = f'name = "vault"\nhow = "{{how}}"\nae_title = "{PEER.ae_title}"\nhost = "{PEER.host}"\nport = {PEER.port}\n'
BY_WEB = f'name = "vault"\nhow = "web"\nurl = "http://127.0.0.1:{HTTP_PORT}/dicom-web"\n'


def main() -> None:
    folder, port = Path(sys.argv[4]), free_port()
    slide = phantom(folder / "slide")
    with orthanc(folder, port):
        options = ["-R", "-xy", "-aec", PEER.ae_title]
        subprocess.run([sys.argv[3], *options, PEER.host, str(PEER.port), *map(str, slide)], check=True, timeout=60)
        report = {"move": moved(folder, port, slide)}
        for way, archive in (("get", BY_DIMSE.format(how="get")), ("web", BY_WEB)):
            report[way] = pulled(node_settings(folder / way, 0, archive), slide, wanted(slide))
    sys.stdout.write(json.dumps(report) + "\n")


def moved(folder: Path, port: int, slide: list[Path]) -> dict[str, object]:
    settings = node_settings(folder / "move", port, BY_DIMSE.format(how="move"))
    with module_process(["marrowcount", "serve", "--settings", str(settings)], folder / "node.log"):
        return pulled(settings, slide, wanted(slide))


@contextmanager
def orthanc(folder: Path, node: int) -> Iterator[None]:
    settings = {
        "DicomAet": PEER.ae_title,
        "DicomPort": PEER.port,
        "HttpPort": HTTP_PORT,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "StorageDirectory": str(folder / "orthanc"),
        "IndexDirectory": str(folder / "orthanc"),
        "UnknownSopClassAccepted": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "DicomAlwaysAllowFind": True,
        "DicomModalities": {"node": ["MARROWCOUNT", "127.0.0.1", node]},
        "Plugins": [sys.argv[2]],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    log = (folder / "orthanc.log").open("w")
    with log, subprocess.Popen([sys.argv[1], str(folder / "orthanc.json")], stdout=log, stderr=log) as process:
        try:
            eventually(lambda: not attempt(lambda: echo(PEER, Calling("MARROWCOUNT"))))
            yield
        except BaseException:
            sys.stderr.write((folder / "orthanc.log").read_text()[-3000:])
            raise
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
