"""Put a slide into dcmtk's dcmqrscp, and pull it from there: by C-MOVE to a running node, and by C-GET.

To be run in a network of its own: ``python dcmqrscp_pull.py DCMQRSCP STORESCU FOLDER``
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from orthanc_round_trip import eventually
from pulls import attempt, node_settings, pulled, wanted

from marrowcount.main.processes import free_port, module_process
from marrowcount_adapters.dimse import Calling, Peer, echo
from peer_node import phantom

if TYPE_CHECKING:
    from collections.abc import Iterator

VAULT = Peer("VAULT", "127.0.0.1", 11113)

CONFIGURATION = """\
NetworkTCPPort  = {port}
MaxPDUSize      = 131072
MaxAssociations = 16
HostTable BEGIN
node = (MARROWCOUNT, 127.0.0.1, {node})
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
VAULT {folder} RW (200, 1024mb) ANY
AETable END
"""


def main() -> None:
    folder, port = Path(sys.argv[3]), free_port()
    slide = phantom(folder / "slide")
    with dcmqrscp(folder, port):
        options = ["-R", "-xy", "-aec", VAULT.ae_title]
        subprocess.run([sys.argv[2], *options, VAULT.host, str(VAULT.port), *map(str, slide)], check=True, timeout=60)
        report = {"move": moved(folder, port, slide), "get": got(folder, slide), "unknown": unknown(folder, slide)}
    sys.stdout.write(json.dumps(report) + "\n")


def moved(folder: Path, port: int, slide: list[Path]) -> dict[str, object]:
    settings = node_settings(folder / "by-move", port, archive("move"))
    with module_process(["marrowcount", "serve", "--settings", str(settings)], folder / "node.log"):
        return pulled(settings, slide, wanted(slide), folder / "vault")


def got(folder: Path, slide: list[Path]) -> dict[str, object]:
    return pulled(node_settings(folder / "by-get", 0, archive("get")), slide, wanted(slide), folder / "vault")


def unknown(folder: Path, slide: list[Path]) -> object:
    """A node that dcmqrscp does not know cannot be a destination."""
    settings = node_settings(folder / "unknown", 0, archive("move"))
    settings.write_text(settings.read_text().replace("[node]\n", '[node]\nae_title = "STRANGER"\n'))
    return pulled(settings, slide, wanted(slide))["fault"]


def archive(how: str) -> str:
    return f'name = "vault"\nhow = "{how}"\nae_title = "{VAULT.ae_title}"\nhost = "{VAULT.host}"\nport = {VAULT.port}\n'


@contextmanager
def dcmqrscp(folder: Path, node: int) -> Iterator[None]:
    (folder / "vault").mkdir()
    file = folder / "dcmqrscp.cfg"
    file.write_text(CONFIGURATION.format(port=VAULT.port, node=node, folder=folder / "vault"))
    log = (folder / "dcmqrscp.log").open("w")
    command = [sys.argv[1], "-v", "-c", str(file), "+xy", "-xy"]
    with log, subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) as process:
        try:
            eventually(lambda: not attempt(lambda: echo(VAULT, Calling("MARROWCOUNT"))))
            yield
        except BaseException:
            sys.stderr.write((folder / "dcmqrscp.log").read_text()[-3000:])
            raise
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
