"""Storage commitment that the node is asked for: it answers for what it holds, whole, and for nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.errors import DeliveryRefusedError, PeerError
from marrowcount.ports import (
    CommitmentReport,
    CommitmentRequest,
    CommitmentState,
    FailureReason,
    KeptFile,
    Reference,
    RequestRecording,
)
from marrowcount.slides.expectations import ExpectationSource
from marrowcount.testing import (
    HeldClock,
    InMemoryCommitments,
    InMemoryExpectations,
    InMemoryLedger,
    RecordingReporter,
    TemporaryStore,
    made_up_instance,
)
from marrowcount.workflow.answering import Answering, AnsweringPolicy, Scrutiny, take_request

if TYPE_CHECKING:
    from pathlib import Path

SLIDE = "1.2.3"
HOUR_S = 3600.0
DOWN = PeerError("peer-unreachable", "the scanner is switched off")


class Node:
    """A node that holds some instances and is asked to answer for them."""

    def __init__(self, folder: Path, *failures: Exception, policy: AnsweringPolicy | None = None) -> None:
        self.clock, self.ledger, self.store = HeldClock(), InMemoryLedger(), TemporaryStore(folder)
        self.commitments, self.expectations = InMemoryCommitments(), InMemoryExpectations()
        self.reporter = RecordingReporter(*failures)
        self.answering = Answering(
            self.commitments,
            self.ledger,
            self.store,
            self.clock,
            self.reporter,
            policy=policy or AnsweringPolicy(),
        )

    def hold(self, number: int) -> Reference:
        """Receive an instance."""
        made_up = made_up_instance(SLIDE, number, self.clock.now())
        incoming = self.store.incoming / f"{number}.dcm"
        incoming.write_bytes(b"DICM" * number)
        file = self.store.keep(incoming, SLIDE, made_up.facts.sop_instance_uid)
        self.ledger.record_instance(replace(made_up, file=file))
        return self.reference(number)

    def reference(self, number: int) -> Reference:
        facts = made_up_instance(SLIDE, number, self.clock.now()).facts
        return Reference(facts.sop_class_uid, facts.sop_instance_uid)

    def file(self, reference: Reference) -> tuple[Path, KeptFile]:
        held = self.ledger.instance(reference.sop_instance_uid)
        assert held is not None
        return self.store.path(held.file.path), held.file

    def ask(
        self, *references: Reference, transaction_uid: str = "2.25.1", requester: str = "SCANNER"
    ) -> RequestRecording:
        request = CommitmentRequest(transaction_uid, requester, references)
        return take_request(request, self.commitments, self.expectations, self.clock)

    def work(self) -> None:
        while self.answering.step():
            pass

    @property
    def state(self) -> CommitmentState:
        return self.commitments.requests()[0].state

    @property
    def failures(self) -> dict[str, int]:
        (_, report) = self.reporter.told[-1]
        return {failed.sop_instance_uid: failed.reason for failed in report.failed}


def test_the_node_answers_for_what_it_holds(tmp_path: Path) -> None:
    """The requester hears it with its own transaction, in its own order."""
    node = Node(tmp_path)
    first, second = node.hold(1), node.hold(2)
    node.ask(second, first)
    node.work()
    assert node.reporter.told == [("SCANNER", CommitmentReport("2.25.1", (second, first)))]
    assert node.state is CommitmentState.REPORTED


def test_nothing_asked_is_nothing_done(tmp_path: Path) -> None:
    """The loop can rest."""
    assert not Node(tmp_path).answering.step()


def test_what_was_named_is_expected(tmp_path: Path) -> None:
    """A requester counts as sent what it asks commitment for: completeness hears of it before the requester does."""
    node = Node(tmp_path)
    node.ask(node.reference(1), node.reference(2))
    expected = node.expectations.find(ExpectationSource.COMMITMENT, "2.25.1")
    assert expected is not None
    assert expected.said_by == "SCANNER"
    named = [one.sop_instance_uid for one in expected.instances]
    assert named == [node.reference(number).sop_instance_uid for number in (1, 2)]


def test_what_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    """Senders ask before all is sent; when the last instance came, the answer is success."""
    node = Node(tmp_path)
    first = node.hold(1)
    node.ask(first, node.reference(2))
    node.work()
    assert (node.reporter.told, node.state) == ([], CommitmentState.WAITING)
    second = node.hold(2)
    node.clock.advance(5)
    node.work()
    assert node.reporter.told == [("SCANNER", CommitmentReport("2.25.1", (first, second)))]


def test_what_never_comes_fails_after_the_wait(tmp_path: Path) -> None:
    """0112H for it alone; the others are answered for."""
    node = Node(tmp_path)
    first, missing = node.hold(1), node.reference(2)
    node.ask(first, missing)
    node.clock.advance(599)
    node.work()
    assert not node.reporter.told
    node.clock.advance(5)
    node.work()
    (_, report) = node.reporter.told[0]
    assert report.committed == (first,)
    assert node.failures == {missing.sop_instance_uid: FailureReason.NO_SUCH_INSTANCE}


def test_another_class_is_a_conflict_at_once(tmp_path: Path) -> None:
    """0119H: nothing that may still come changes it."""
    node = Node(tmp_path)
    held = node.hold(1)
    node.ask(replace(held, sop_class_uid="1.2.840.10008.5.1.4.1.1.2"))
    node.work()
    assert node.failures == {held.sop_instance_uid: FailureReason.CLASS_INSTANCE_CONFLICT}


@pytest.mark.parametrize(
    ("scrutiny", "noticed"),
    [(Scrutiny.EXISTS, set[str]()), (Scrutiny.SIZE, {"shorter"}), (Scrutiny.DIGEST, {"shorter", "altered"})],
)
def test_a_file_that_is_not_what_was_received_is_not_answered_for(
    tmp_path: Path, scrutiny: Scrutiny, noticed: set[str]
) -> None:
    """As far as the settings have it looked at."""
    node = Node(tmp_path, policy=AnsweringPolicy(scrutiny=scrutiny))
    damages = {"shorter": node.hold(2), "altered": node.hold(3), "whole": node.hold(4)}
    path, file = node.file(damages["shorter"])
    path.write_bytes(b"D" * (file.size_bytes - 1))
    path, file = node.file(damages["altered"])
    path.write_bytes(b"X" * file.size_bytes)
    node.ask(*damages.values())
    node.work()
    assert node.failures == {damages[name].sop_instance_uid: FailureReason.PROCESSING_FAILURE for name in noticed}


def test_a_file_that_is_gone_is_asked_for_again(tmp_path: Path) -> None:
    """0112H makes the sender keep its own, and send it anew, which the node takes."""
    node = Node(tmp_path, policy=AnsweringPolicy(wait_s=0))
    held = node.hold(1)
    node.file(held)[0].unlink()
    node.ask(held)
    node.work()
    assert node.failures == {held.sop_instance_uid: FailureReason.NO_SUCH_INSTANCE}


def test_a_transaction_uid_in_use_is_answered_with_failure(tmp_path: Path) -> None:
    """0131H to the second, and the first one has its answer."""
    node = Node(tmp_path)
    first, second = node.hold(1), node.hold(2)
    assert node.ask(first) is RequestRecording.NEW
    assert node.ask(second, requester="OTHER") is RequestRecording.DUPLICATE
    node.work()
    assert [requester for requester, _ in node.reporter.told] == ["SCANNER", "OTHER"]
    assert node.failures == {second.sop_instance_uid: FailureReason.DUPLICATE_TRANSACTION}


def test_a_requester_that_is_away_is_told_later(tmp_path: Path) -> None:
    """The answer waits, with growing pauses, and what was missing meanwhile is looked for again."""
    node = Node(tmp_path, DOWN, DOWN, policy=AnsweringPolicy(wait_s=0))
    missing = node.reference(1)
    node.ask(missing)
    node.work()
    assert node.state is CommitmentState.WAITING
    node.hold(1)
    for _ in range(2):
        node.clock.advance(10)
        node.work()
    assert node.reporter.told == [("SCANNER", CommitmentReport("2.25.1", (missing,)))]


def test_a_requester_that_stays_away_is_a_dead_letter(tmp_path: Path) -> None:
    """After the time in the settings; a person may revive it."""
    node = Node(tmp_path, *[DOWN] * 500)
    node.ask(node.hold(1))
    while node.state is not CommitmentState.DEAD:
        node.work()
        node.clock.advance(HOUR_S)
    task = node.commitments.requests()[0]
    assert "peer-unreachable" in task.last_error
    assert 72 * HOUR_S <= (node.clock.now() - task.requested_at).total_seconds() <= 75 * HOUR_S


def test_a_requester_that_nobody_knows_is_a_dead_letter_at_once(tmp_path: Path) -> None:
    """Waiting does not tell where it listens; the settings do."""
    node = Node(tmp_path, DeliveryRefusedError("requester-unknown", "name it"))
    node.ask(node.hold(1))
    node.work()
    assert node.state is CommitmentState.DEAD
    node.commitments.revive_request(1, node.clock.now())
    node.work()
    assert node.state is CommitmentState.REPORTED


def test_a_long_request_is_judged_in_slices(tmp_path: Path) -> None:
    """So that a node that is killed while it reads digests goes on where it was, within its lease."""
    node = Node(tmp_path, policy=AnsweringPolicy(slice_s=30))
    references = [node.hold(number) for number in range(1, 4)]

    class Slow(TemporaryStore):
        def digest(self, incoming: Path) -> str:
            node.clock.advance(31)
            return super().digest(incoming)

    node.answering._store = Slow(tmp_path)
    node.ask(*references)
    assert node.answering.step()
    assert [one.verdict for one in node.commitments.requests()[0].instances] == [0, None, None]
    node.work()
    assert node.reporter.told == [("SCANNER", CommitmentReport("2.25.1", tuple(references)))]


@given(held=st.sets(st.integers(1, 6)), asked=st.lists(st.integers(1, 6), min_size=1, unique=True))
def test_each_instance_that_was_named_has_one_verdict(
    tmp_path_factory: pytest.TempPathFactory, held: set[int], asked: list[int]
) -> None:
    """Committed exactly where it is held, failed where not, and each named once."""
    node = Node(tmp_path_factory.mktemp("held"), policy=AnsweringPolicy(wait_s=0))
    for number in sorted(held):
        node.hold(number)
    node.ask(*map(node.reference, asked))
    node.work()
    (_, report) = node.reporter.told[0]
    assert report.committed == tuple(node.reference(number) for number in asked if number in held)
    assert set(node.failures) == {node.reference(number).sop_instance_uid for number in asked if number not in held}
