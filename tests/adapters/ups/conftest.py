"""A worklist, and the node's view of it by either protocol."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING

import pytest
from pynetdicom.transport import AssociationSocket

from marrowcount.testing import HeldClock
from marrowcount_adapters.dimse import Calling, Peer
from marrowcount_adapters.dimse.association import called
from marrowcount_adapters.dimse.sockets import BoundedSocket
from marrowcount_adapters.ups import DimseUps, UpsWorklist, Wanted, WebUps
from marrowcount_adapters.ups_worklist.tables import metadata
from ups_scp import UpsScp, ups_scp
from workitems import COUNT, STATION, RunningWorklist, running_worklist

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marrowcount_adapters.ups.worklist import UpsService

AE_TITLE = "MARROWCOUNT"


@pytest.fixture(autouse=True, scope="session")
def _peers_close_their_sockets() -> Iterator[None]:
    """The tests' own pynetdicom peers leave sockets open that the other side closed first; the node's do not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AssociationSocket, "_shutdown_socket", BoundedSocket._shutdown_socket)
        yield


@pytest.fixture(scope="session")
def shared_worklist(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorklist]:
    with running_worklist(tmp_path_factory.mktemp("worklist")) as worklist:
        yield worklist


@pytest.fixture(scope="session")
def shared_scp(shared_worklist: RunningWorklist) -> Iterator[UpsScp]:
    with ups_scp(shared_worklist.operations) as scp:
        yield scp


@pytest.fixture
def server(shared_worklist: RunningWorklist) -> RunningWorklist:
    with shared_worklist.operations.store._engine.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.delete())
    return shared_worklist


@pytest.fixture
def scp(shared_scp: UpsScp, server: RunningWorklist) -> UpsScp:
    assert shared_scp.operations is server.operations
    shared_scp.seen.clear()
    shared_scp.refuse.clear()
    shared_scp.filters = True
    return shared_scp


@dataclass
class View:
    """The node's view, and what lies behind it."""

    server: RunningWorklist
    service: UpsService

    def worklist(self, wanted: Wanted | None = None) -> UpsWorklist:
        return UpsWorklist("ris", self.service, wanted or Wanted(STATION, workitem_codes=(COUNT,)), UTC, HeldClock())


def dimse_service(scp: UpsScp) -> DimseUps:
    calling = Calling(AE_TITLE, answer_s=20)
    return DimseUps("ris", AE_TITLE, partial(called, Peer("RIS", "127.0.0.1", scp.port), calling))


def web_service(server: RunningWorklist) -> WebUps:
    return WebUps("ris", server.url, AE_TITLE)


@pytest.fixture(params=["upsrs", "upsrs with the AE title in its paths", "dimse"])
def view(request: pytest.FixtureRequest, server: RunningWorklist) -> View:
    """The same worklist by either protocol."""
    if request.param == "dimse":
        return View(server, dimse_service(request.getfixturevalue("scp")))
    return View(server, WebUps("ris", server.url, AE_TITLE, requester_in_path="path" in request.param))
