"""A receiving node with its real store and ledger, for the programs beside it; as a program, it listens until ended.

    python peer_node.py FOLDER PORT

prints one line of JSON when it listens. What it holds, ``faults_of`` tells afterwards.
"""

from __future__ import annotations

import hashlib
import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING

from marrowcount.ports import Clock
from marrowcount.slides.completeness import CompletenessSettings
from marrowcount.workflow.answering import Answering, AnsweringPolicy, take_request
from marrowcount.workflow.readiness import Readiness
from marrowcount.workflow.receive import ReceiveLimits, Receiving
from marrowcount_adapters.dimse import (
    Calling,
    CommitmentRequests,
    DicomReporter,
    Listener,
    ListenerSettings,
    Peer,
)
from marrowcount_adapters.filesystem import FolderStore
from marrowcount_adapters.sql import SqlCommitments, SqlDecisions, SqlExpectations, SqlLedger, open_ledger
from marrowcount_adapters.wsi.header import read_facts

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator

    from marrowcount.ports import CommitmentReport

AE_TITLE = "MARROWCOUNT"


class SystemClock(Clock):
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True)
class PeerNode:
    store: FolderStore
    ledger: SqlLedger
    listener: Listener
    reports: Queue[CommitmentReport]
    answering: Answering

    @property
    def peer(self) -> Peer:
        return Peer(AE_TITLE, "127.0.0.1", self.listener.port)

    def assess(self) -> int:
        """One tick, as if each slide were quiet for long enough to be judged by its frames."""
        decisions, expectations = SqlDecisions(self.ledger), SqlExpectations(self.ledger)
        settings = CompletenessSettings(settle_s=0)
        return Readiness(self.ledger, decisions, expectations, SystemClock(), settings).assess_slides()


@contextmanager
def peer_node(
    folder: Path, port: int = 0, url: str = "", requesters: Iterable[Peer] = (), tls: ssl.SSLContext | None = None
) -> Iterator[PeerNode]:
    """A listening node; its ledger lies in the same folder, unless a database is named.

    It tells requesters of storage commitment when its ``answering`` takes a step.
    """
    folder.mkdir(parents=True, exist_ok=True)
    store, ledger = FolderStore(folder / "store"), open_ledger(url or database_in(folder))
    receiving = Receiving(store, ledger, SystemClock(), read_facts, ReceiveLimits(min_free_bytes=0))
    reports: Queue[CommitmentReport] = Queue()
    settings = ListenerSettings(AE_TITLE, port=port, network_timeout_s=20, tls=tls)
    commitments, expectations, clock = SqlCommitments(ledger), SqlExpectations(ledger), SystemClock()
    requests = CommitmentRequests(lambda request: take_request(request, commitments, expectations, clock))
    reporter = DicomReporter({peer.ae_title: (peer, Calling(AE_TITLE)) for peer in requesters}, requests)
    policy = AnsweringPolicy(wait_s=0)
    answering = Answering(commitments, ledger, store, clock, reporter, policy=policy)
    listener = Listener(settings, receiving, reports.put, requests=requests)
    listener.start()
    try:
        yield PeerNode(store, ledger, listener, reports, answering)
    finally:
        listener.stop(drain_s=1)
        ledger.close()


def database_in(folder: Path) -> str:
    return f"sqlite:///{folder / 'ledger.sqlite'}"


def faults_of(folder: Path, sop_instance_uids: Iterable[str], url: str = "") -> list[str]:
    """What is wrong with instances that should be held; empty where files, digests and entries agree."""
    ledger, store = open_ledger(url or database_in(folder)), FolderStore(folder / "store")
    try:
        faults = [_fault(uid, ledger, store) for uid in sop_instance_uids]
    finally:
        ledger.close()
    return [fault for fault in faults if fault]


def _fault(uid: str, ledger: SqlLedger, store: FolderStore) -> str:
    recorded = ledger.instance(uid)
    if recorded is None:
        return f"{uid}: not in the ledger"
    path = store.path(recorded.file.path)
    if not path.exists():
        return f"{uid}: no file"
    same = hashlib.sha256(path.read_bytes()).hexdigest() == recorded.file.sha256
    return "" if same else f"{uid}: altered"


def phantom(folder: Path) -> list[Path]:
    """A small phantom slide: pyramid, thumbnail, label and overview."""
    # Here, so that the node itself starts as fast as a listener does.
    from marrowcount.phantom import PhantomSlide
    from marrowcount.slides.geometry import SizePx
    from marrowcount_adapters.wsm_writer import write_phantom

    return list(write_phantom(PhantomSlide("normal", 7, SizePx(2048, 2048)), folder))


def main() -> None:
    with peer_node(Path(sys.argv[1]), int(sys.argv[2])) as node:
        sys.stdout.write(json.dumps({"ready": True, "port": node.listener.port}) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
