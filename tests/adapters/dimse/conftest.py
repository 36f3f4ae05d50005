"""A listening node, slides to send to it, and peers to send with."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Queue
from typing import TYPE_CHECKING

import pytest
from pynetdicom.transport import AssociationSocket

from marrowcount.testing import HeldClock, InMemoryExpectations, InMemoryLedger
from marrowcount.workflow.expecting import notified
from marrowcount.workflow.receive import ReceiveLimits, Receiving
from marrowcount_adapters.dimse import Listener, ListenerSettings, Peer
from marrowcount_adapters.dimse.sockets import BoundedSocket
from marrowcount_adapters.filesystem import FolderStore
from marrowcount_adapters.wsi.header import read_facts
from slide_files import slide_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from marrowcount.ports import CommitmentReport
    from marrowcount_adapters.dimse.watching import AssociationWatch


@pytest.fixture(autouse=True, scope="session")
def _peers_close_their_sockets() -> Iterator[None]:
    """The tests' own pynetdicom peers leave sockets open that the other side closed first; the node's do not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AssociationSocket, "_shutdown_socket", BoundedSocket._shutdown_socket)
        yield


@pytest.fixture(autouse=True)
def _quiet_pynetdicom() -> None:
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)


@pytest.fixture
def make_slide(tmp_path: Path) -> Callable[..., Path]:
    def make(name: str = "slide.dcm", **changes: object) -> Path:
        return slide_file(tmp_path / name, **changes)

    return make


@dataclass
class Node:
    """A listening node.

    Attributes:
        reports: of storage commitment.
    """

    store: FolderStore
    ledger: InMemoryLedger
    expectations: InMemoryExpectations
    listener: Listener
    reports: Queue[CommitmentReport]

    @property
    def peer(self) -> Peer:
        return Peer("MARROWCOUNT", "127.0.0.1", self.listener.port)

    def incoming(self) -> list[Path]:
        return [path for path in self.store.incoming.rglob("*") if path.is_file()]

    def kept(self) -> list[Path]:
        return sorted(self.store.path("instances").rglob("*.dcm"))


@pytest.fixture
def start_node(tmp_path: Path) -> Iterator[Callable[..., Node]]:
    """Starts nodes and stops them again; one at a time in a process."""
    nodes: list[Node] = []

    def start(limits: ReceiveLimits | None = None, watch: AssociationWatch | None = None, **settings: object) -> Node:
        store, ledger = FolderStore(tmp_path / f"store{len(nodes)}"), InMemoryLedger()
        receiving = Receiving(store, ledger, HeldClock(), read_facts, limits or ReceiveLimits(min_free_bytes=0))
        listening = ListenerSettings(**({"ae_title": "MARROWCOUNT", "port": 0} | settings))
        reports: Queue[CommitmentReport] = Queue()
        expectations, clock = InMemoryExpectations(), HeldClock()
        listener = Listener(
            listening,
            receiving,
            reports.put,
            watch,
            on_notification=lambda uid, caller, named: notified(expectations, uid, caller, named, clock.now()),
        )
        node = Node(store, ledger, expectations, listener, reports)
        node.listener.start()
        nodes.append(node)
        return node

    yield start
    for node in nodes:
        node.listener.stop(drain_s=0)


@pytest.fixture
def node(start_node: Callable[..., Node]) -> Node:
    return start_node()


@dataclass(frozen=True)
class StandIn:
    """A running stand-in PACS."""

    peer: Peer
    folder: Path


@pytest.fixture
def start_pacs(tmp_path: Path) -> Callable[..., AbstractContextManager[StandIn]]:
    @contextmanager
    def start(*options: str, ae_title: str = "PACS") -> Iterator[StandIn]:
        folder = tmp_path / "pacs"
        command = [sys.executable, "-m", "marrowcount_adapters.dimse.pacs", "--folder", str(folder), "--ae", ae_title]
        with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                ready = json.loads(process.stdout.readline())
                assert ready["ready"]
                yield StandIn(Peer(ae_title, "127.0.0.1", ready["port"]), folder)
            finally:
                process.terminate()
                process.wait(timeout=20)

    return start
