"""Storage commitment that pynetdicom, as a scanner, asks of the listener."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from queue import Queue
from typing import TYPE_CHECKING, cast

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import VLWholeSlideMicroscopyImageStorage
from pynetdicom import AE, evt

from marrowcount.errors import DeliveryRefusedError, PeerError, StorageError
from marrowcount.ports import CommitmentReport, CommitmentRequest, FailedReference, Reference
from marrowcount.testing import HeldClock, InMemoryCommitments, InMemoryExpectations, InMemoryLedger
from marrowcount.workflow.answering import Answering, AnsweringPolicy, take_request
from marrowcount.workflow.receive import ReceiveLimits, Receiving
from marrowcount_adapters.dimse import (
    Calling,
    CommitmentRequests,
    DicomReporter,
    Listener,
    ListenerSettings,
    Peer,
    send_files,
)
from marrowcount_adapters.dimse.commitment import COMMITMENT_INSTANCE, decode_report, encode_request
from marrowcount_adapters.dimse.contexts import COMMITMENT, VERIFICATION
from marrowcount_adapters.filesystem import FolderStore
from marrowcount_adapters.wsi.header import read_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pynetdicom.association import Association
    from pynetdicom.events import Event

HELD = Reference(str(VLWholeSlideMicroscopyImageStorage), "1.2.3.1")
MISSING = Reference(str(VLWholeSlideMicroscopyImageStorage), "1.2.3.99")
NOT_HELD = FailedReference(MISSING.sop_class_uid, MISSING.sop_instance_uid, 0x0112)
CALLING = Calling("MARROWCOUNT", connect_s=5, associate_s=5, answer_s=20)


class Node:
    """A listener that answers for what it holds."""

    def __init__(self, folder: Path) -> None:
        self.ledger, self.clock = InMemoryLedger(), HeldClock()
        self.commitments, self.expectations = InMemoryCommitments(), InMemoryExpectations()
        self.store = FolderStore(folder)
        self.fault: Exception | None = None
        self.requests = CommitmentRequests(self.take, most_instances=3)
        receiving = Receiving(self.store, self.ledger, self.clock, read_facts, ReceiveLimits(min_free_bytes=0))
        settings = ListenerSettings("MARROWCOUNT", port=0)
        self.listener = Listener(settings, receiving, lambda _: True, requests=self.requests)

    def take(self, request: CommitmentRequest) -> None:
        if self.fault is not None:
            raise self.fault
        take_request(request, self.commitments, self.expectations, self.clock)

    @property
    def peer(self) -> Peer:
        return Peer("MARROWCOUNT", "127.0.0.1", self.listener.port)

    def answer(self, peers: dict[str, Peer] | None = None) -> None:
        known = {ae_title: (peer, CALLING) for ae_title, peer in (peers or {}).items()}
        reporter = DicomReporter(known, self.requests)
        policy = AnsweringPolicy(wait_s=0)
        Answering(self.commitments, self.ledger, self.store, self.clock, reporter, policy=policy).step()


@pytest.fixture
def node(tmp_path: Path, make_slide: Callable[..., Path]) -> Iterator[Node]:
    node = Node(tmp_path / "store")
    node.listener.start()
    assert send_files([make_slide(uid=HELD.sop_instance_uid)], node.peer, "SCANNER").failures == ()
    yield node
    node.listener.stop(drain_s=0)


class Scanner:
    """A requester, and what it was told."""

    def __init__(self, *, status: int = 0x0000) -> None:
        self.reports: Queue[CommitmentReport] = Queue()
        self.status = status

    def hear(self, event: Event) -> tuple[int, None]:
        self.reports.put(decode_report(event.event_information))
        return self.status, None

    @contextmanager
    def association(self, node: Node) -> Iterator[Association]:
        entity = AE("SCANNER")
        entity.add_requested_context(COMMITMENT)
        entity.add_requested_context(VERIFICATION)
        handlers = [(evt.EVT_N_EVENT_REPORT, self.hear)]
        association = entity.associate("127.0.0.1", node.listener.port, ae_title="MARROWCOUNT", evt_handlers=handlers)
        assert association.is_established
        yield association
        association.release()

    @contextmanager
    def listening(self, *, as_scp: bool = True) -> Iterator[Peer]:
        entity = AE("SCANNER")
        entity.add_supported_context(COMMITMENT, scu_role=not as_scp, scp_role=as_scp)
        server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, self.hear)])
        assert server is not None
        yield Peer("SCANNER", "127.0.0.1", server.server_address[1])
        entity.shutdown()


def ask(association: Association, *references: Reference, transaction_uid: str = "2.25.1") -> int:
    """N-ACTION; the status of its answer."""
    request = encode_request(transaction_uid, references)
    answer, _ = association.send_n_action(request, 1, COMMITMENT, COMMITMENT_INSTANCE)
    return int(answer.Status)


def test_report_comes_on_the_asking_association_while_it_is_open(node: Node) -> None:
    """Event type 2 where something failed, each instance with its reason (PS3.4 Table J.3.3-1)."""
    scanner = Scanner()
    with scanner.association(node) as association:
        assert ask(association, HELD, MISSING) == 0x0000
        node.answer()
        assert scanner.reports.get(timeout=20) == CommitmentReport("2.25.1", (HELD,), (NOT_HELD,))
    assert node.commitments.requests()[0].state == "reported"


def test_report_comes_by_a_new_association_once_the_asking_one_is_gone(node: Node) -> None:
    """The node calls as SCP of storage commitment and says so by role selection (PS3.7 D.3.3.4)."""
    scanner = Scanner()
    with scanner.association(node) as association:
        assert ask(association, HELD) == 0x0000
    with scanner.listening() as peer:
        node.answer({"SCANNER": peer})
        assert scanner.reports.get(timeout=20) == CommitmentReport("2.25.1", (HELD,))


def test_a_requester_that_goes_on_sending_is_not_crossed(node: Node) -> None:
    """The report waits until the association is quiet: pynetdicom would take a request for the answer."""
    scanner = Scanner()
    with scanner.association(node) as association:
        assert ask(association, HELD) == 0x0000
        answering = threading.Thread(target=node.answer)
        answering.start()
        statuses = {association.send_c_echo().Status for _ in range(50)}
        answering.join(20)
        assert scanner.reports.get(timeout=20) == CommitmentReport("2.25.1", (HELD,))
    assert statuses == {0x0000}


def test_a_requester_that_does_not_hear_on_its_association_is_called(node: Node) -> None:
    """One that answers the report with failure may do so because it hears reports elsewhere."""
    deaf, listener = Scanner(status=0x0110), Scanner()
    with deaf.association(node) as association, listener.listening() as peer:
        assert ask(association, HELD) == 0x0000
        node.answer({"SCANNER": peer})
    assert listener.reports.get(timeout=20).committed == (HELD,)


def test_nobody_knows_where_an_unnamed_requester_listens(node: Node) -> None:
    """The request is a dead letter that says what to name in the settings."""
    scanner = Scanner()
    with scanner.association(node) as association:
        ask(association, HELD)
    node.answer()
    (dead,) = node.commitments.requests()
    assert dead.state == "dead"
    assert "[[requester]]" in dead.last_error


@pytest.mark.parametrize("status", [0x0110, 0x0117])
def test_a_report_that_is_answered_with_failure_was_not_heard(status: int) -> None:
    """It is sent again later."""
    scanner = Scanner(status=status)
    with scanner.listening() as peer, pytest.raises(PeerError) as failure:
        DicomReporter({"SCANNER": (peer, CALLING)}).report("SCANNER", CommitmentReport("2.25.1", (HELD,)))
    assert failure.value.retryable
    assert f"{status:04X}H" in failure.value.message


def test_a_requester_that_refuses_the_role_is_not_reported_to() -> None:
    """Without the SCP role nobody may send N-EVENT-REPORT (PS3.4 J.2)."""
    scanner = Scanner()
    with scanner.listening(as_scp=False) as peer, pytest.raises(PeerError):
        DicomReporter({"SCANNER": (peer, CALLING)}).report("SCANNER", CommitmentReport("2.25.1", (HELD,)))
    assert scanner.reports.empty()


def test_a_requester_that_is_away_may_come_back() -> None:
    """An address where nobody listens is a passing failure; a title that nobody named is not."""
    reporter = DicomReporter({"SCANNER": (Peer("SCANNER", "127.0.0.1", 9), CALLING)})
    with pytest.raises(PeerError) as failure:
        reporter.report("SCANNER", CommitmentReport("2.25.1", (HELD,)))
    assert failure.value.retryable
    with pytest.raises(DeliveryRefusedError):
        reporter.report("OTHER", CommitmentReport("2.25.1", (HELD,)))


def test_a_request_that_cannot_be_recorded_is_not_acknowledged(node: Node) -> None:
    """0000H is a promise; without the ledger the requester hears 0213H and asks again."""
    node.fault = StorageError("database-failed", "the disk is full")
    with Scanner().association(node) as association:
        assert ask(association, HELD) == 0x0213
        node.fault = None
        assert ask(association, HELD) == 0x0000


def test_an_instance_that_is_named_twice_is_asked_for_once(node: Node) -> None:
    """Each instance has one verdict."""
    with Scanner().association(node) as association:
        assert ask(association, HELD, HELD, HELD, HELD) == 0x0000
    assert len(node.commitments.requests()[0].instances) == 1


def test_a_request_that_is_too_long_is_refused(node: Node) -> None:
    """0213H, before anything is remembered."""
    many = [Reference(HELD.sop_class_uid, f"1.2.3.{number}") for number in range(4)]
    with Scanner().association(node) as association:
        assert ask(association, *many) == 0x0213
    assert node.commitments.requests() == []


def broken(**changes: object) -> Dataset:
    request = encode_request("2.25.1", [HELD])
    for keyword, value in changes.items():
        if value is None:
            del request[keyword]
        else:
            setattr(request, keyword, value)
    return request


@pytest.mark.parametrize(
    ("request_", "action_type", "instance", "status"),
    [
        (broken(), 2, COMMITMENT_INSTANCE, 0x0123),
        (broken(), 1, "1.2.840.10008.1.20.1.2", 0x0112),
        (broken(TransactionUID=None), 1, COMMITMENT_INSTANCE, 0x0115),
        (broken(TransactionUID=""), 1, COMMITMENT_INSTANCE, 0x0115),
        (broken(ReferencedSOPSequence=None), 1, COMMITMENT_INSTANCE, 0x0115),
        (broken(ReferencedSOPSequence=[]), 1, COMMITMENT_INSTANCE, 0x0115),
        (broken(ReferencedSOPSequence=[Dataset()]), 1, COMMITMENT_INSTANCE, 0x0115),
    ],
)
def test_a_request_that_is_none_is_refused_with_its_status(
    node: Node, request_: Dataset, action_type: int, instance: str, status: int
) -> None:
    """PS3.7 Annex C: no such action, no such instance, invalid argument value; the association goes on."""
    with Scanner().association(node) as association:
        answer, _ = association.send_n_action(request_, action_type, COMMITMENT, instance)
        assert cast("int", answer.Status) == status
        assert association.send_c_echo().Status == 0x0000
    assert node.commitments.requests() == []
