"""Commitment that the node asks for: each instance's answer counts, and silence is noticed."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.ports import (
    CommitmentReport,
    CountedOutcome,
    Delivery,
    DeliveryKind,
    DeliveryOrder,
    FailedReference,
    FailureReason,
    FileState,
    Reference,
)
from marrowcount.slides.states import DeliveryState
from marrowcount.testing import HeldClock, InMemoryLedger, RecordingDestination, made_up_instance
from marrowcount.workflow.commitment import AskingPolicy, chase_commitments, note_report
from marrowcount.workflow.deliver import RetryPolicy, deliver_once

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SLIDE = "1.2.3"
DAY_S = 24 * 3600.0
POLICY = AskingPolicy(ask_again_after_s=DAY_S, most_asks=2)
ANN, SR = "ann", "sr"
ALL = (ANN, SR)


class Node:
    """A node whose archive has taken annotations and report, and was asked to answer for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock, self.ledger, self.random = HeldClock(), InMemoryLedger(), Random(7)  # noqa: S311 - no secret
        self.pacs = RecordingDestination("pacs")
        self.pacs.commitment_uids = [f"2.25.{number}" for number in range(1, 9)]
        for name in ALL:
            (folder / f"{name}.dcm").write_bytes(b"DICM")
        self.count(1)
        self.deliver()

    def count(self, revision: int) -> None:
        self.ledger.record_instance(made_up_instance(SLIDE, revision, self.clock.now()))
        self.ledger.mark_ready(SLIDE, revision, "complete", self.clock.now())
        job = self.ledger.lease_job("worker", self.clock.now(), 60)
        assert job is not None
        order = DeliveryOrder(DeliveryKind.DICOM, "pacs", ("ann.dcm", "sr.dcm"))
        self.ledger.finish(job, CountedOutcome(SLIDE, "{}", (order,)), self.clock.now())

    def deliver(self) -> bool:
        return deliver_once(
            self.ledger, self.clock, "sender", {"pacs": self.pacs}, self.folder.joinpath, random=self.random
        )

    def answer(
        self, held: Sequence[str] = (), failed: Sequence[str] = (), reason: int = 0x0112, number: int = 1
    ) -> bool:
        report = CommitmentReport(
            f"2.25.{number}",
            tuple(Reference("1.2", uid) for uid in held),
            tuple(FailedReference("1.2", uid, reason) for uid in failed),
        )
        return note_report(self.ledger, self.clock, report, POLICY, random=self.random)

    @property
    def delivery(self) -> Delivery:
        return self.ledger.deliveries()[0]

    @property
    def files(self) -> dict[str, FileState]:
        return {one.sop_instance_uid: one.state for one in self.delivery.taken}


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_a_grant_for_all_is_a_grant(node: Node) -> None:
    """The delivery is committed, and a repetition changes nothing."""
    assert node.answer(held=ALL)
    assert node.delivery.state is DeliveryState.COMMITTED
    assert set(node.files.values()) == {FileState.COMMITTED}
    before = node.ledger.events(SLIDE)
    assert node.answer(held=ALL)
    assert node.ledger.events(SLIDE) == before


def test_an_answer_that_nobody_asked_for_is_not_known(node: Node) -> None:
    """The transaction may not be recorded yet; whoever heard it offers it again."""
    assert not node.answer(held=ALL, number=9)
    assert node.delivery.state is DeliveryState.DELIVERED


def test_a_success_that_leaves_an_instance_out_is_no_grant_for_it(node: Node) -> None:
    """Some archives report success for what they know and are silent about the rest."""
    assert node.answer(held=[ANN])
    assert node.delivery.state is DeliveryState.DELIVERED
    assert node.files == {ANN: FileState.COMMITTED, SR: FileState.TAKEN}
    assert node.answer(held=[SR])
    assert node.delivery.state is DeliveryState.COMMITTED


@pytest.mark.parametrize("reason", [0x0110, 0x0112, 0x0213])
def test_what_the_archive_does_not_hold_is_sent_again_alone(node: Node, reason: int) -> None:
    """The instance that failed travels again, what is answered for does not, and only the former is asked for."""
    assert node.answer(held=[ANN], failed=[SR], reason=reason)
    assert node.delivery.state is DeliveryState.WAITING
    assert f"{reason:04X}H" in node.delivery.last_error
    node.clock.advance(900)
    node.deliver()
    assert [path.name for path in node.pacs.sent[-1]] == ["sr.dcm"]
    assert [one.sop_instance_uid for one in node.pacs.asked[-1]] == [SR]
    assert node.answer(held=[SR], number=2)
    assert node.delivery.state is DeliveryState.COMMITTED


@pytest.mark.parametrize("reason", [0x0119, 0x0122, 0x0124])
def test_what_no_repetition_can_mend_is_a_dead_letter_with_its_reason(node: Node, reason: int) -> None:
    """A person reads which instance, and why."""
    assert node.answer(held=[ANN], failed=[SR], reason=reason)
    assert node.delivery.state is DeliveryState.DEAD
    assert f"commitment-refused: sr {reason:04X}H" in node.delivery.last_error
    assert node.files == {ANN: FileState.COMMITTED, SR: FileState.FAILED}


def test_a_duplicate_transaction_is_asked_anew_without_sending(node: Node) -> None:
    """0131H is about the request, not about the files: another Transaction UID mends it."""
    assert node.answer(failed=ALL, reason=FailureReason.DUPLICATE_TRANSACTION)
    node.clock.advance(900)
    node.deliver()
    assert len(node.pacs.sent) == 1
    assert node.delivery.commitment_uid == "2.25.2"


def test_an_archive_that_never_holds_it_is_given_up(node: Node) -> None:
    """Sending and asking does not go round for ever."""
    number = 1
    while node.delivery.state is not DeliveryState.DEAD:
        node.answer(failed=ALL, number=number)
        node.clock.advance(DAY_S)
        number += node.deliver()
        assert number < 9
    assert "0112H no such instance" in node.delivery.last_error


def test_silence_is_answered_by_asking_again_without_sending(node: Node) -> None:
    """After the time in the settings a new transaction is asked for; the files stay where they are."""
    node.clock.advance(DAY_S - 1)
    assert not chase_commitments(node.ledger, node.clock, POLICY)
    node.clock.advance(1)
    assert chase_commitments(node.ledger, node.clock, POLICY) == 1
    assert node.deliver()
    assert (node.delivery.state, node.delivery.asks) == (DeliveryState.DELIVERED, 2)
    assert len(node.pacs.sent) == 1
    assert node.delivery.commitment_uid == "2.25.2"


def test_silence_for_good_is_a_state_that_a_person_sees(node: Node) -> None:
    """After the last request the delivery is uncommitted, and stays so."""
    for _ in range(2):
        node.clock.advance(DAY_S)
        chase_commitments(node.ledger, node.clock, POLICY)
        node.deliver()
    assert node.delivery.state is DeliveryState.UNCOMMITTED
    assert "no answer to 2 of 2 requests" in node.delivery.last_error
    node.clock.advance(10 * DAY_S)
    assert not chase_commitments(node.ledger, node.clock, POLICY)


def test_a_late_grant_counts(node: Node) -> None:
    """Also to the first of two requests, and also when nobody waits for it any more."""
    for _ in range(2):
        node.clock.advance(DAY_S)
        chase_commitments(node.ledger, node.clock, POLICY)
        node.deliver()
    assert node.answer(held=ALL, number=1)
    assert node.delivery.state is DeliveryState.COMMITTED


def test_a_late_failure_to_an_earlier_request_is_out_of_date(node: Node) -> None:
    """The archive may have come to hold it since; the answer to the last request decides."""
    node.clock.advance(DAY_S)
    chase_commitments(node.ledger, node.clock, POLICY)
    node.deliver()
    assert node.answer(failed=ALL, number=1)
    assert node.delivery.state is DeliveryState.DELIVERED
    assert node.answer(held=ALL, number=2)
    assert node.delivery.state is DeliveryState.COMMITTED


def test_an_answer_while_it_is_being_sent_waits_for_the_sender(node: Node) -> None:
    """The sender records first what it asked."""
    node.answer(failed=[SR])
    node.clock.advance(900)
    assert node.ledger.lease_delivery("sender", node.clock.now(), 60)
    assert not node.answer(held=ALL)


def test_what_a_person_holds_stays_held(node: Node) -> None:
    """An answer is noted with its files, and changes nothing that a person decided."""
    node.answer(failed=[SR])
    node.ledger.hold_delivery(node.delivery.delivery_id, node.clock.now(), "anna")
    node.answer(failed=ALL)
    assert node.delivery.state is DeliveryState.HELD
    assert set(node.files.values()) == {FileState.FAILED}


def test_a_result_whose_place_was_taken_is_not_sent_again(node: Node) -> None:
    """Its failure is history."""
    node.count(2)
    assert node.answer(failed=ALL)
    assert node.delivery.state is DeliveryState.SUPERSEDED


def test_the_pause_before_sending_again_grows(node: Node) -> None:
    """It is the outbox's own back-off."""
    node.answer(failed=ALL)
    pause = node.delivery.next_attempt_at - node.clock.now()
    assert timedelta(0) <= pause <= timedelta(seconds=RetryPolicy().backoff.base_s)


ANSWERS = st.lists(
    st.tuples(
        st.sets(st.sampled_from(ALL)),
        st.sets(st.sampled_from(ALL)),
        st.sampled_from([0x0110, 0x0112, 0x0119, 0x0131, 0x0213]),
        st.integers(1, 4),
    ),
    max_size=8,
)


@given(answers=ANSWERS, pauses=st.lists(st.sampled_from([0.0, 900.0, DAY_S]), min_size=8, max_size=8))
def test_committed_means_that_each_instance_was_granted(
    tmp_path_factory: pytest.TempPathFactory, answers: list[tuple[set[str], set[str], int, int]], pauses: list[float]
) -> None:
    """Whatever archives answer, in whatever order: no delivery is committed without a grant for each of its files."""
    node, granted = Node(tmp_path_factory.getbasetemp()), set[str]()
    for (held, failed, reason, number), pause in zip(answers, pauses, strict=False):
        if node.answer(held=sorted(held - failed), failed=sorted(failed), reason=reason, number=number):
            granted |= held - failed
        node.clock.advance(pause)
        chase_commitments(node.ledger, node.clock, POLICY)
        node.deliver()
        committed = node.delivery.state is DeliveryState.COMMITTED
        assert not committed or granted == set(ALL)
        assert not committed or set(node.files.values()) == {FileState.COMMITTED}
