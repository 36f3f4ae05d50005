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

from pydicom import dcmread
from pydicom.uid import JPEG2000, UID, JPEGBaseline8Bit, JPEGLSLossless

from marrowcount.errors import PeerError
from marrowcount_adapters.dimse import Calling, Peer, echo, send_files
from marrowcount_adapters.tls import Identity
from peer_node import peer_node
from slide_files import slide_file
from tls_files import TlsFolder, client, server

SYNTAXES = {"-xy": JPEGBaseline8Bit, "-xw": JPEG2000, "-xt": JPEGLSLossless}
"""storescu's options, and what each sends."""

ARCHIVE = Peer("ARCHIVE", "127.0.0.1", 2762)


def main() -> None:
    storescu, storescp, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    house, elsewhere = TlsFolder.made_in(folder / "house"), TlsFolder.made_in(folder / "elsewhere")
    slides = {option: level(folder, syntax, number) for number, (option, syntax) in enumerate(SYNTAXES.items())}
    sent = sent_to_us(storescu, house, elsewhere, folder, slides)
    got = sent_by_us(storescp, house, elsewhere, folder, slides["-xy"])
    sys.stdout.write(json.dumps(sent | got) + "\n")


def level(folder: Path, syntax: UID, number: int) -> Path:
    """A level in that transfer syntax; nobody decodes it here."""
    dataset = dcmread(slide_file(folder / f"{number}.dcm", f"1.2.3.{number + 4}", frame_bytes=200_000))
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(folder / f"{number}.dcm")
    return folder / f"{number}.dcm"


def sent_to_us(
    storescu: str, house: TlsFolder, elsewhere: TlsFolder, folder: Path, slides: dict[str, Path]
) -> dict[str, object]:
    """storescu as sender: with our authority's certificate, with a stranger's, and in plain text."""
    secured = server(house.identity(), authorities=house.authorities)
    with peer_node(folder / "node", tls=secured) as node:

        def stored(syntax: str, *options: str) -> int:
            to = ["-aec", "MARROWCOUNT", "-R", syntax, "127.0.0.1", str(node.peer.port), str(slides[syntax])]
            return subprocess.run([storescu, *options, *to], check=False, timeout=60, capture_output=True).returncode

        shows = [*shown(house.identity("storescu")), "+cf", str(house.authorities)]
        known = [stored(syntax, *shows) for syntax in slides]
        stranger = stored("-xy", *shown(elsewhere.identity("stranger")), "+cf", str(house.authorities))
        plain = stored("-xy")
        kept = [node.ledger.instance(str(dcmread(slide).SOPInstanceUID)) for slide in slides.values()]
        same = [
            one is not None and node.store.same_data_set(slide, one.file.path)
            for slide, one in zip(slides.values(), kept, strict=True)
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
