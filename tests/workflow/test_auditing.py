"""From what happens to what is audited."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.errors import InstanceError
from marrowcount.ports.audit import (
    AuditOutcome,
    Held,
    InstancesTransferred,
    NodeActivity,
    Party,
    SecurityAlert,
    Subject,
    TransferBegun,
)
from marrowcount.testing import HeldClock, RecordingAudit
from marrowcount.workflow.access import Claim
from marrowcount.workflow.auditing import AuditTrail, SubjectOf
from marrowcount.workflow.receive import Outcome, Receipt

SCANNER = Claim("SCANNER", "10.1.2.3")
NODE = Party("MARROWCOUNT", "node")


def subject_of(path: Path) -> SubjectOf:
    """``patient/study/class``; a path without these is no DICOM."""
    try:
        patient, study, sop_class = path.parts
    except ValueError:
        raise InstanceError("not-dicom", "no DICOM") from None
    return SubjectOf(Subject(patient, f"Name of {patient}", study), sop_class)


class Desk:
    """A trail and what it audits."""

    def __init__(self) -> None:
        self.audit, self.clock = RecordingAudit(), HeldClock()
        self.trail = AuditTrail(self.audit, self.clock, NODE, subject_of)

    def transferred(self) -> list[InstancesTransferred]:
        return [event for event in self.audit.rest() if isinstance(event, InstancesTransferred)]


RECEIPTS = st.sampled_from(
    [
        Receipt(Outcome.NEW),
        Receipt(Outcome.IDENTICAL),
        Receipt(Outcome.CONFLICT, "instance-conflict", "other bytes"),
        Receipt(Outcome.REJECTED, "missing-attribute", "lacks"),
    ]
)
ARRIVALS = st.lists(
    st.tuples(st.sampled_from(["p1/s1/wsm", "p1/s1/ann", "p1/s2/wsm", "p2/s3/wsm", "broken"]), RECEIPTS), max_size=30
)


@given(ARRIVALS, st.lists(st.integers(0, 20), max_size=4))
def test_every_instance_is_told_once_in_a_message_of_one_patient(
    arrivals: list[tuple[str, Receipt]], ends: list[int]
) -> None:
    """However an association goes, and wherever it is told of in parts, the messages add up to what came."""
    desk = Desk()
    reception = desk.trail.reception(SCANNER)
    for number, (file, receipt) in enumerate(arrivals):
        reception.arrived(Path(file))(receipt)
        if number in ends:
            reception.ended()
    reception.ended()
    events = desk.audit.rest()
    told: Counter[tuple[str, str, bool]] = Counter()
    for event in (event for event in events if isinstance(event, InstancesTransferred)):
        for sop_class, number in event.sop_classes.items():
            told[event.subject.study_uid, sop_class, event.outcome is AuditOutcome.SUCCESS] += number
    readable = [(Path(file), receipt) for file, receipt in arrivals if file != "broken"]
    assert told == Counter((file.parts[1], file.parts[2], receipt.taken) for file, receipt in readable)
    begun = [event.subject.study_uid for event in events if isinstance(event, TransferBegun)]
    assert begun == list(dict.fromkeys(file.parts[1] for file, _ in readable))


def test_parties_and_actions_are_those_of_a_receipt() -> None:
    """The caller sent and asked, the node received; new instances are created, known ones are not."""
    desk = Desk()
    reception = desk.trail.reception(SCANNER)
    for outcome in (Outcome.NEW, Outcome.NEW, Outcome.IDENTICAL):
        reception.arrived(Path("p1/s1/wsm"))(Receipt(outcome))
    assert isinstance(desk.audit.next(), TransferBegun)
    reception.ended()
    new, known = desk.transferred()
    assert (new.sender, new.receiver) == (Party("SCANNER", "10.1.2.3", requested=True), NODE)
    assert (new.held, new.sop_classes) == (Held.NOTHING, {"wsm": 2})
    assert (known.held, known.sop_classes) == (Held.THE_SAME, {"wsm": 1})


def test_long_associations_are_told_of_in_parts() -> None:
    """One that stays open for hours does not keep its transfers to itself."""
    desk = Desk()
    reception = desk.trail.reception(SCANNER)
    reception.arrived(Path("p1/s1/wsm"))(Receipt(Outcome.NEW))
    desk.clock.advance(11 * 60)
    assert desk.transferred() == []
    reception.arrived(Path("p1/s1/wsm"))(Receipt(Outcome.NEW))
    assert [event.sop_classes for event in desk.transferred()] == [{"wsm": 2}]


def test_who_knocks_without_end_does_not_flood_the_repository() -> None:
    """The same refusal is told once a minute, with its number; another caller is told of at once."""
    desk = Desk()
    for _ in range(500):
        desk.trail.refused(SCANNER, "CALLING_AE_TITLE_NOT_RECOGNISED")
    desk.trail.handshake_failed("10.9.9.9", "unknown ca")
    first, other = desk.audit.rest()
    assert isinstance(first, SecurityAlert)
    assert isinstance(other, SecurityAlert)
    assert first.description == "association rejected: calling ae title not recognised"
    assert (other.culprit.name, other.description) == ("10.9.9.9", "TLS handshake failed: unknown ca")
    desk.clock.advance(2 * 60)
    desk.trail.refused(SCANNER, "CALLING_AE_TITLE_NOT_RECOGNISED")
    (again,) = desk.audit.rest()
    assert isinstance(again, SecurityAlert)
    assert again.description.endswith("(500 times since it was last told)")


def test_what_was_counted_is_told_in_the_end() -> None:
    """Refusals that were only counted are told at the next look, and before the node ends."""
    desk = Desk()
    for _ in range(3):
        desk.trail.handshake_failed("10.9.9.9", "unknown ca")
    desk.audit.rest()
    desk.trail.activity(started=False)
    counted, ended = desk.audit.rest()
    assert isinstance(counted, SecurityAlert)
    assert "2 times" in counted.description
    assert ended == NodeActivity(desk.clock.now(), started=False)
    desk.trail.repeated_alerts()
    assert desk.audit.rest() == []


@pytest.mark.parametrize("outcome", [AuditOutcome.SUCCESS, AuditOutcome.MINOR_FAILURE])
def test_what_is_sent_is_told_by_study(outcome: AuditOutcome) -> None:
    """The node sends and asks; one message a study, with its classes; what is no DICOM is left out."""
    desk = Desk()
    files = [Path("p1/s1/ann"), Path("p1/s1/sr"), Path("p1/s2/ann"), Path("result.json")]
    desk.trail.sent(Party("PACS", "pacs.example.org"), files, outcome, "peer-unreachable" if outcome else "")
    told = desk.transferred()
    assert [(event.subject.study_uid, dict(event.sop_classes)) for event in told] == [
        ("s1", {"ann": 1, "sr": 1}),
        ("s2", {"ann": 1}),
    ]
    assert {(event.sender.requested, event.outcome) for event in told} == {(True, outcome)}
