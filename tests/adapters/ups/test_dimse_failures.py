"""UPS by DIMSE where things go wrong, and what its messages look like."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from pydicom import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined] # made at import

from marrowcount.errors import DeliveryRefusedError, PeerError
from marrowcount.ports import WorkitemEventKind
from marrowcount.workitems import UpsStatus, WorkitemState
from marrowcount_adapters.dimse import Calling, Peer
from marrowcount_adapters.dimse.association import called
from marrowcount_adapters.ups import DimseUps, event_of_report
from marrowcount_adapters.ups_worklist.subscribing import FILTERED, GLOBAL
from workitems import COUNT

if TYPE_CHECKING:
    from ups_scp import UpsScp
    from workitems import RunningWorklist

PUSH, WATCH, PULL = (f"1.2.840.10008.5.1.4.34.6.{n}" for n in (1, 2, 3))
KEYS = [
    (("ScheduledWorkitemCodeSequence", "CodeValue"), COUNT.value),
    (("ScheduledWorkitemCodeSequence", "CodingSchemeDesignator"), COUNT.scheme),
]


@pytest.fixture
def service(scp: UpsScp) -> DimseUps:
    return DimseUps("ris", "ME", partial(called, Peer("RIS", "127.0.0.1", scp.port), Calling("ME", answer_s=20)))


def test_messages_speak_of_ups_push(service: DimseUps, scp: UpsScp, server: RunningWorklist) -> None:
    """In contexts of UPS Pull and Watch, as PS3.4 CC.3.1 has it; C-FIND alone names its own class."""
    server.schedule("2.25.1")
    service.find(KEYS)
    service.get("2.25.1")
    service.change("2.25.1", "2.25.9", WorkitemState.IN_PROGRESS)
    service.set("2.25.1", "2.25.9", Dataset())
    service.subscribe(KEYS)
    assert scp.seen == [
        ("C-FIND", PULL, PULL),
        ("N-GET", PUSH, PULL),
        ("N-ACTION 1", PUSH, PULL),
        ("N-SET", PUSH, PULL),
        ("N-ACTION 3", PUSH, WATCH),
    ]


def test_it_subscribes_with_a_filter(service: DimseUps, server: RunningWorklist) -> None:
    """The worklist keeps it for the node's AE title."""
    service.subscribe(KEYS)
    with server.operations.store.transaction() as at:
        (wish,) = at.global_subscriptions()
    assert (wish.ae_title, wish.uid, wish.locked) == ("ME", FILTERED, False)
    assert wish.filter == "00404018.00080100=COUNT,00404018.00080102=99TEST"


def test_without_filters_it_subscribes_to_all(service: DimseUps, scp: UpsScp, server: RunningWorklist) -> None:
    """An SCP without filters answers C307 (PS3.4 CC.2.3.3)."""
    scp.filters = False
    service.subscribe(KEYS)
    with server.operations.store.transaction() as at:
        assert [wish.uid for wish in at.global_subscriptions()] == [GLOBAL]


@pytest.mark.parametrize("status", [0x0110, 0x0213, 0xA700])
def test_what_may_pass_is_tried_again(service: DimseUps, scp: UpsScp, status: int) -> None:
    """Processing failure, resource limitation, out of resources."""
    scp.refuse = [status]
    with pytest.raises(PeerError) as raised:
        service.change("2.25.1", "2.25.9", WorkitemState.IN_PROGRESS)
    assert raised.value.retryable


@pytest.mark.parametrize("status", [0x0124, 0x0105, 0xC399])
def test_what_may_not_is_refused(service: DimseUps, scp: UpsScp, status: int) -> None:
    """Not authorised, for example."""
    scp.refuse = [status]
    with pytest.raises(DeliveryRefusedError, match=f"{status:04X}H"):
        service.change("2.25.1", "2.25.9", WorkitemState.IN_PROGRESS)


@pytest.mark.parametrize("status", [0x0001, 0xB305])
def test_warnings_of_an_update_are_success(service: DimseUps, scp: UpsScp, status: int) -> None:
    """Optional attributes that are not supported, values made valid (PS3.4 Table CC.2.6-1)."""
    scp.refuse = [status]
    assert service.set("2.25.1", "2.25.9", Dataset()) is UpsStatus.SUCCESS


def test_a_search_that_fails_is_no_empty_list(service: DimseUps, scp: UpsScp) -> None:
    """Otherwise a sick worklist looked like one without work."""
    scp.refuse = [0xC001]
    with pytest.raises(DeliveryRefusedError, match="C-FIND"):
        service.find(KEYS)


def test_a_peer_without_worklists_says_so() -> None:
    """For ``marrowcount check``."""
    entity = AE("PACS")
    entity.add_supported_context(Verification)
    server = entity.start_server(("127.0.0.1", 0), block=False)
    assert server is not None
    peer = Peer("PACS", "127.0.0.1", int(server.socket.getsockname()[1]))
    try:
        with pytest.raises(DeliveryRefusedError, match="peer-lacks-service"):
            DimseUps("ris", "ME", partial(called, peer, Calling("ME"))).check()
    finally:
        server.shutdown()


def test_reports_are_read_and_others_passed_over() -> None:
    """An event type that there is not is none."""
    event = event_of_report(4, GLOBAL, None)
    assert event is not None
    assert event.kind is WorkitemEventKind.WORKLIST_STATUS
    assert event_of_report(9, GLOBAL, Dataset()) is None
