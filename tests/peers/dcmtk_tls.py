"""dcmtk and the node over TLS with certificates on both sides; to be run in a network of its own.

python dcmtk_tls.py STORESCU STORESCP FOLDER
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from marrowcount.errors import PeerError
from marrowcount_adapters.dimse import Calling, Peer, echo, send_files
from marrowcount_adapters.tls import Identity
from peer_node import peer_node
from slide_files import slide_file
from tls_files import TlsFolder, client, server

ARCHIVE = Peer("ARCHIVE", "127.0.0.1", 2762)


def main() -> None:
    storescu, storescp, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    house, elsewhere = TlsFolder.made_in(folder / "house"), TlsFolder.made_in(folder / "elsewhere")
    slide = slide_file(folder / "slide.dcm", frame_bytes=200_000)
    sent = sent_to_us(storescu, house, elsewhere, folder, slide)
    got = sent_by_us(storescp, house, elsewhere, folder, slide)
    sys.stdout.write(json.dumps(sent | got) + "\n")


def sent_to_us(storescu: str, house: TlsFolder, elsewhere: TlsFolder, folder: Path, slide: Path) -> dict[str, object]:
    """storescu as sender: with our authority's certificate, with a stranger's, and in plain text."""
    secured = server(house.identity(), authorities=house.authorities)
    with peer_node(folder / "node", tls=secured) as node:

        def stored(*options: str) -> int:
            to = ["-aec", "MARROWCOUNT", "-R", "-xy", "127.0.0.1", str(node.peer.port), str(slide)]
            return subprocess.run([storescu, *options, *to], check=False, timeout=60, capture_output=True).returncode

        known = stored(*shown(house.identity("storescu")), "+cf", str(house.authorities))
        stranger = stored(*shown(elsewhere.identity("stranger")), "+cf", str(house.authorities))
        plain = stored()
        kept = sorted((folder / "node" / "store" / "instances").rglob("*.dcm"))
        same = [
            node.store.same_data_set(slide, path.relative_to(folder / "node" / "store").as_posix()) for path in kept
        ]
    return {"known": known, "stranger": stranger, "plain": plain, "same": same}


def sent_by_us(storescp: str, house: TlsFolder, elsewhere: TlsFolder, folder: Path, slide: Path) -> dict[str, object]:
    """storescp as archive: one whose certificate we know, then one that another authority signed."""
    calling = Calling("MARROWCOUNT", tls=client(house.identity("us"), authorities=house.authorities))
    archive = folder / "archive"
    archive.mkdir()
    with archive_of(storescp, archive, house.identity("archive"), house.authorities):
        awaited(lambda: echo(ARCHIVE, calling))
        failures = [sent.reason for sent in send_files([slide], ARCHIVE, calling).failures]
    held = len(list(archive.iterdir()))
    with archive_of(storescp, archive, elsewhere.identity("false"), house.authorities):
        refused = awaited(lambda: echo(ARCHIVE, calling), until="tls-failed")
    return {"failures": failures, "held": held, "refused": refused}


@contextmanager
def archive_of(storescp: str, folder: Path, identity: Identity, authorities: Path) -> Iterator[None]:
    options = ["-aet", ARCHIVE.ae_title, "-od", str(folder), "+xa", "-uf", *shown(identity), "+cf", str(authorities)]
    with subprocess.Popen([storescp, *options, str(ARCHIVE.port)], stderr=subprocess.DEVNULL) as running:
        try:
            yield
        finally:
            running.terminate()


def shown(identity: Identity) -> list[str]:
    return ["+tls", str(identity.key), str(identity.certificate)]


def awaited(ask: Callable[[], str], until: str = "") -> str:
    """The answer, or the error of this code, of a peer that is starting."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return ask()
        except PeerError as error:
            if error.code == until:
                return error.message
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


if __name__ == "__main__":
    main()
