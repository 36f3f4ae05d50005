"""A receiving node that is killed while it receives: what it acknowledged, it holds."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from marrowcount.errors import PeerError
from marrowcount_adapters.dimse import Calling, Peer, SentFile, Verdict, send_files
from marrowcount_adapters.filesystem import FolderStore
from peer_node import AE_TITLE, faults_of
from slide_files import slide_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SUPPORT = Path(__file__).parents[1] / "support"


@contextmanager
def node(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Peer]]:
    command = [sys.executable, str(SUPPORT / "peer_node.py"), str(folder), "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            lines = iter(process.stdout.readline, "")
            ready = next(json.loads(line) for line in lines if line.startswith("{"))
            yield process, Peer(AE_TITLE, "127.0.0.1", ready["port"])
        finally:
            process.kill()
            process.wait(timeout=20)


def sent_until_killed(files: Sequence[Path], folder: Path, random: Random) -> set[str]:
    """Instances acknowledged by a node that is killed somewhere within one of the next transfers."""
    acknowledged: set[str] = set()
    last = random.randint(1, 3)
    with node(folder) as (process, peer):

        def note(sent: SentFile) -> None:
            if sent.verdict is Verdict.TAKEN:
                acknowledged.add(sent.reference.sop_instance_uid)
            if len(acknowledged) == last:
                threading.Timer(random.uniform(0, 0.06), process.kill).start()

        with suppress(PeerError):
            send_files(files, peer, Calling("SCANNER", answer_s=20), note)
        process.wait(timeout=20)
    return acknowledged


def test_node_holds_what_it_acknowledged_however_often_it_is_killed(tmp_path: Path) -> None:
    """kill -9 at any moment: each acknowledged instance is in the ledger and on the disk, with its digest.

    Sending the rest again completes the slide, and no half file takes the place of a whole one.
    """
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
    random, folder = Random(20261122), tmp_path / "node"  # noqa: S311 - nobody is to be kept from guessing it
    files = {f"1.2.3.{n}": slide_file(tmp_path / f"{n}.dcm", f"1.2.3.{n}", frame_bytes=1_000_000) for n in range(1, 13)}
    acknowledged: set[str] = set()
    for _ in range(3):
        left = [file for uid, file in files.items() if uid not in acknowledged]
        acknowledged |= sent_until_killed(left, folder, random)
        assert faults_of(folder, acknowledged) == []
    assert len(acknowledged) >= 3
    with node(folder) as (_, peer):
        assert send_files(list(files.values()), peer, Calling("SCANNER")).failures == ()
    assert faults_of(folder, files) == []
    store = FolderStore(folder / "store")
    store.sweep(older_than_s=0)
    assert list(store.incoming.iterdir()) == []
    assert len(list((folder / "store" / "instances").rglob("*.dcm"))) == len(files)
