"""Send a slide and results to dcmtk's storescp; to be run in a network of its own.

python dcmtk_archive.py STORESCP FOLDER
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from pydicom import dcmread

from marrowcount.errors import PeerError
from marrowcount_adapters.dimse import Calling, Peer, echo, send_files
from peer_node import phantom
from result_files import result_files

PEER = Peer("ARCHIVE", "127.0.0.1", 11112)


def main() -> None:
    folder = Path(sys.argv[2])
    files = [*phantom(folder / "slide"), *result_files(folder)]
    archive = folder / "archive"
    archive.mkdir()
    options = ["-aet", PEER.ae_title, "-od", str(archive), "+xa", "-uf", "--promiscuous"]
    with subprocess.Popen([sys.argv[1], *options, str(PEER.port)]) as storescp:
        try:
            answered = waited_for()
            failures = [sent.reason for sent in send_files(files, PEER, Calling("MARROWCOUNT")).failures]
        finally:
            storescp.terminate()
    held = [dcmread(path) for path in archive.iterdir()]
    lost = [path.name for path in files if not any(dcmread(path) == dataset for dataset in held)]
    sys.stdout.write(json.dumps({"failures": failures, "lost": lost, "echo": answered}) + "\n")


def waited_for() -> str:
    """The answer to C-ECHO of a peer that is starting."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return echo(PEER, Calling("MARROWCOUNT"))
        except PeerError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


if __name__ == "__main__":
    main()
