"""The node's own queries, as the audit hears of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marrowcount.ports.audit import OutgoingQuery, Party, Query
from marrowcount.testing import HeldClock, RecordingAudit
from marrowcount.workflow import audited_queries
from marrowcount.workflow.auditing import AuditTrail, SubjectOf

if TYPE_CHECKING:
    import pytest

NODE, VAULT = Party("MARROWCOUNT", "node"), Party("VAULT", "vault.example.org")
BY_PATIENT = OutgoingQuery(b"\x10\0\x20\0\x02\0\0\x0017", "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.1.2")
BY_URL = OutgoingQuery(b"/dicom-web/studies?PatientID=17")


class Desk:
    """A trail, what it audits, and the clock of both."""

    def __init__(self) -> None:
        self.audit, self.clock = RecordingAudit(), HeldClock()
        self.trail = AuditTrail(self.audit, self.clock, NODE, _unread)
        self.ask = self.trail.asking(VAULT)

    def told(self, *queries: OutgoingQuery) -> list[bytes]:
        """What of these is audited."""
        for query in queries:
            self.ask(query)
        return [event.query for event in self.audit.rest() if isinstance(event, Query)]


def _unread(_path: object) -> SubjectOf:
    raise AssertionError


def test_the_node_is_the_source_of_its_queries() -> None:
    """It asked, the peer answers; the query is told as it was asked."""
    desk = Desk()
    desk.ask(BY_PATIENT)
    (event,) = desk.audit.rest()
    assert event == Query(
        desk.clock.now(),
        Party("MARROWCOUNT", "node", requested=True),
        VAULT,
        BY_PATIENT.sop_class_uid,
        BY_PATIENT.query,
        BY_PATIENT.transfer_syntax_uid,
    )


def test_the_same_query_is_told_once_in_ten_minutes() -> None:
    """A worklist that is searched every half a minute fills no repository; another query is told at once."""
    desk = Desk()
    assert desk.told(BY_PATIENT, BY_PATIENT, BY_URL, BY_PATIENT) == [BY_PATIENT.query, BY_URL.query]
    desk.clock.advance(9 * 60)
    assert desk.told(BY_PATIENT) == []
    desk.clock.advance(2 * 60)
    assert desk.told(BY_PATIENT, BY_PATIENT) == [BY_PATIENT.query]


def test_no_query_of_another_peer_hides_this_one() -> None:
    """What was asked of one archive is told again when another one is asked."""
    desk = Desk()
    desk.told(BY_URL)
    desk.trail.asking(Party("https://far.example.org"))(BY_URL)
    (event,) = desk.audit.rest()
    assert isinstance(event, Query)
    assert event.answering.name == "https://far.example.org"


def test_memory_of_queries_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is forgotten, and told again rather than never."""
    monkeypatch.setattr(audited_queries, "MOST_REMEMBERED", 2)
    desk = Desk()
    queries = [OutgoingQuery(str(number).encode()) for number in range(3)]
    assert len(desk.told(*queries, *queries[1:], queries[0])) == 4


def test_a_query_shows_no_patient_when_it_is_printed() -> None:
    """Whoever logs one logs no identifier of a patient."""
    assert "17" not in repr(BY_URL)
