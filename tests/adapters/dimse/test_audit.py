"""What the listener tells of its associations, as the audit trail hears it."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from marrowcount.errors import PeerError
from marrowcount.ports.audit import AuditOutcome, Held, InstancesTransferred, Party, SecurityAlert, TransferBegun
from marrowcount.testing import HeldClock, RecordingAudit
from marrowcount.workflow.auditing import AuditTrail
from marrowcount_adapters.dimse import Calling, echo, send_files
from marrowcount_adapters.dimse.association import open_association
from marrowcount_adapters.dimse.contexts import storage_context
from marrowcount_adapters.wsi.subject import read_subject

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from pathlib import Path

    from conftest import Node

NODE = Party("MARROWCOUNT", "node")
SCANNER = Party("SCANNER", "127.0.0.1", requested=True)
SLIDE_CLASS = "1.2.840.10008.5.1.4.1.1.77.1.6"


@pytest.fixture
def audit() -> RecordingAudit:
    return RecordingAudit()


@pytest.fixture
def trail(audit: RecordingAudit) -> AuditTrail:
    return AuditTrail(audit, HeldClock(), NODE, read_subject)


def test_one_association_is_one_message_a_study(
    start_node: Callable[..., Node], trail: AuditTrail, audit: RecordingAudit, make_slide: Callable[..., Path]
) -> None:
    """Begun when the first instance is there, told of when the connection has closed: who, what, whose, how many."""
    node = start_node(watch=trail)
    slides = [
        make_slide("a.dcm", PatientID="17", IssuerOfPatientID="LAB", AccessionNumber="A-5"),
        make_slide("b.dcm", uid="1.2.3.5", PatientID="17", IssuerOfPatientID="LAB", AccessionNumber="A-5"),
        make_slide("c.dcm", uid="1.2.9.9.1", StudyInstanceUID="1.2.9", SeriesInstanceUID="1.2.9.9"),
    ]
    assert send_files(slides, node.peer, Calling("SCANNER")).failures == ()
    begun = [audit.next(), audit.next()]
    assert [type(event) for event in begun] == [TransferBegun, TransferBegun]
    told = [audit.next(), audit.next()]
    assert all(isinstance(event, InstancesTransferred) for event in told)
    by_study = {event.subject.study_uid: event for event in told if isinstance(event, InstancesTransferred)}
    assert by_study["1.2"].sop_classes == {SLIDE_CLASS: 2}
    assert by_study["1.2"].held is Held.NOTHING
    assert (by_study["1.2"].sender, by_study["1.2"].receiver) == (SCANNER, NODE)
    assert (by_study["1.2"].subject.patient_id, by_study["1.2"].subject.accession_number) == ("17^^^LAB", "A-5")
    assert by_study["1.2"].subject.patient_name == "Secret^Patient"
    assert by_study["1.2.9"].sop_classes == {SLIDE_CLASS: 1}
    assert audit.rest() == []


def test_repetition_and_conflict_are_told_apart(
    start_node: Callable[..., Node], trail: AuditTrail, audit: RecordingAudit, make_slide: Callable[..., Path]
) -> None:
    """What the node held already, and what it refused, are other messages than what is new."""
    node = start_node(watch=trail)
    first, other = make_slide("a.dcm"), make_slide("b.dcm", ContainerIdentifier="other glass")
    send_files([first, first, other], node.peer, Calling("SCANNER", answer_s=60))
    events = [audit.next() for _ in range(4)]
    told = [event for event in events if isinstance(event, InstancesTransferred)]
    assert [(event.held, event.outcome, event.detail) for event in told] == [
        (Held.NOTHING, AuditOutcome.SUCCESS, ""),
        (Held.THE_SAME, AuditOutcome.SUCCESS, ""),
        (Held.THE_SAME, AuditOutcome.SERIOUS_FAILURE, "instance-conflict"),
    ]


@pytest.mark.parametrize("end", ["release", "abort"])
def test_association_is_told_of_however_it_ends(
    start_node: Callable[..., Node],
    trail: AuditTrail,
    audit: RecordingAudit,
    make_slide: Callable[..., Path],
    end: str,
) -> None:
    """What was acknowledged before an abort was transferred."""
    node = start_node(watch=trail)
    slides = storage_context(SLIDE_CLASS, "1.2.840.10008.1.2.4.50")
    association = open_association(node.peer, Calling("SCANNER"), [slides])
    assert association.send_c_store(make_slide()).Status == 0
    getattr(association, end)()
    assert [type(audit.next()) for _ in range(2)] == [TransferBegun, InstancesTransferred]


def test_association_without_a_transfer_is_in_the_log(
    start_node: Callable[..., Node], trail: AuditTrail, audit: RecordingAudit
) -> None:
    """PS3.15 A.5.3 has no message for one of C-ECHO: who came for what, and what was asked, stand in the log."""
    ended = threading.Event()
    with structlog.testing.capture_logs(processors=[partial(_set_at_end, ended)]) as logs:
        node = start_node(watch=trail)
        echo(node.peer, Calling("MONITOR"))
        assert ended.wait(20)
    told = {line["event"]: line for line in logs}
    accepted, end = told["association.accepted"], told["association.ended"]
    assert (accepted["calling"], accepted["address"], accepted["services"]) == ("MONITOR", "127.0.0.1", ["echo"])
    assert (end["calling"], end["requests"]) == ("MONITOR", {"C-ECHO": 1})
    assert audit.rest() == []


def _set_at_end(ended: threading.Event, _logger: object, _name: str, line: MutableMapping[str, Any]) -> Any:  # noqa: ANN401 - structlog's
    if line["event"] == "association.ended":
        ended.set()
    return line


def test_refused_caller_is_a_security_alert(
    start_node: Callable[..., Node], trail: AuditTrail, audit: RecordingAudit
) -> None:
    """Who is not on the list is rejected and told of, with title and address."""
    node = start_node(watch=trail, allowed_callers=frozenset({"SCANNER"}))
    with pytest.raises(PeerError):
        echo(node.peer, Calling("THIEF"))
    alert = audit.next()
    assert isinstance(alert, SecurityAlert)
    assert alert.culprit == Party("THIEF", "127.0.0.1", requested=True)
    assert alert.description == "association rejected: calling ae title not recognised"
