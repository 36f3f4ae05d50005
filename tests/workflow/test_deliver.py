"""Sending what is owed: retried when that may help, buried when not, endless never."""

from __future__ import annotations

import threading
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from marrowcount.errors import (
    DeliveryHeldError,
    DeliveryRefusedError,
    InstanceError,
    PeerBusyError,
    PeerError,
    StorageError,
)
from marrowcount.ports import CircuitState, CountedOutcome, Delivery, DeliveryKind, DeliveryOrder
from marrowcount.slides.states import DeliveryState
from marrowcount.testing import HeldClock, InMemoryLedger, RecordingDestination, TakenThenError, made_up_instance
from marrowcount.workflow.deliver import RetryPolicy, deliver_once
from marrowcount.workflow.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from marrowcount.ports import TakenFile

HOUR_S = 3600.0
SLIDE = "1.2.3"
DOWN = PeerError("peer-unreachable", "the PACS does not answer")


def jitter(seed: int = 7) -> Random:
    return Random(seed)  # noqa: S311 - jitter guards no secret


class Node:
    """A ledger that owes something to a PACS, and the folder with the results."""

    def __init__(self, folder: Path, *failures: Exception, commitment_uid: str = "") -> None:
        self.folder = folder
        self.clock, self.ledger = HeldClock(), InMemoryLedger()
        self.pacs = RecordingDestination("pacs", *failures, commitment_uid=commitment_uid)
        self.destinations = {"pacs": self.pacs}
        for name in ("ann.dcm", "sr.dcm"):
            (folder / name).write_bytes(b"DICM")

    def owe(self, slide: str = SLIDE, destination: str = "pacs") -> None:
        self.ledger.record_instance(made_up_instance(slide, 1, self.clock.now()))
        self.ledger.mark_ready(slide, 1, "complete", self.clock.now())
        job = self.ledger.lease_job("worker", self.clock.now(), 60)
        assert job is not None
        order = DeliveryOrder(DeliveryKind.DICOM, destination, ("ann.dcm", "sr.dcm"))
        self.ledger.finish(job, CountedOutcome(slide, "{}", (order,)), self.clock.now())

    def deliver(self, policy: RetryPolicy | None = None, *, only: str | None = None) -> bool:
        return deliver_once(
            self.ledger,
            self.clock,
            "sender",
            self.destinations,
            self.folder.joinpath,
            only=only,
            policy=policy or RetryPolicy(),
            random=jitter(),
        )

    @property
    def delivery(self) -> Delivery:
        (delivery,) = self.ledger.deliveries()
        return delivery


def test_nothing_owed_is_nothing_done(tmp_path: Path) -> None:
    """The loop can rest."""
    assert not Node(tmp_path).deliver()


def test_what_is_owed_is_sent_in_order(tmp_path: Path) -> None:
    """The destination gets the files where they lie, and the ledger knows that it has them."""
    node = Node(tmp_path, commitment_uid="2.25.7")
    node.owe()
    assert node.deliver()
    assert node.pacs.sent == [(tmp_path / "ann.dcm", tmp_path / "sr.dcm")]
    assert node.delivery.state is DeliveryState.DELIVERED
    assert node.delivery.commitment_uid == "2.25.7"
    assert node.delivery.delivered_at == node.clock.now()
    assert not node.deliver()


@pytest.mark.parametrize("error", [DOWN, StorageError("disk-failed", "a file cannot be read"), ValueError("surprise")])
def test_a_passing_failure_is_tried_again_later(tmp_path: Path, error: Exception) -> None:
    """Also one that nobody foresaw; the pause is random and at most two seconds after the first."""
    node = Node(tmp_path, error)
    node.owe()
    assert node.deliver()
    assert node.delivery.state is DeliveryState.WAITING
    assert timedelta(0) <= node.delivery.next_attempt_at - node.clock.now() <= timedelta(seconds=2)
    node.clock.advance(2)
    assert node.deliver()
    assert node.delivery.state is DeliveryState.DELIVERED
    assert node.delivery.attempts == 2


@pytest.mark.parametrize(
    "error",
    [DeliveryRefusedError("refused", "SOP class not supported"), InstanceError("not-dicom", "a file is no DICOM")],
)
def test_what_no_repetition_can_mend_is_buried(tmp_path: Path, error: Exception) -> None:
    """It is kept with its reason and not sent again."""
    node = Node(tmp_path, error)
    node.owe()
    assert node.deliver()
    assert node.delivery.state is DeliveryState.DEAD
    assert error.message in node.delivery.last_error  # type: ignore[attr-defined]
    node.clock.advance(100 * HOUR_S)
    assert not node.deliver()


def test_an_unknown_destination_is_buried(tmp_path: Path) -> None:
    """A destination taken out of the settings is named, for a person to put it back."""
    node = Node(tmp_path)
    node.owe(destination="old-pacs")
    assert node.deliver()
    assert node.delivery.state is DeliveryState.DEAD
    assert "old-pacs" in node.delivery.last_error


def test_a_missing_file_is_buried_and_named(tmp_path: Path) -> None:
    """Half a result is never sent."""
    node = Node(tmp_path)
    node.owe()
    (tmp_path / "sr.dcm").unlink()
    assert node.deliver()
    assert node.delivery.state is DeliveryState.DEAD
    assert "sr.dcm" in node.delivery.last_error
    assert not node.pacs.sent


def test_after_72_hours_a_failure_is_the_last(tmp_path: Path) -> None:
    """A peer that is down for a long weekend is waited for, and no longer."""
    node = Node(tmp_path, DOWN, DOWN)
    node.owe()
    node.clock.advance(71.9 * HOUR_S)
    node.deliver()
    assert node.delivery.state is DeliveryState.WAITING
    node.clock.advance(HOUR_S)
    node.deliver()
    assert node.delivery.state is DeliveryState.DEAD


def test_a_delivery_older_than_72_hours_is_tried_before_it_is_buried(tmp_path: Path) -> None:
    """A node that was switched off for a week sends what it owes when it comes back."""
    node = Node(tmp_path)
    node.owe()
    node.clock.advance(200 * HOUR_S)
    node.deliver()
    assert node.delivery.state is DeliveryState.DELIVERED


def test_a_revived_delivery_has_its_time_anew(tmp_path: Path) -> None:
    """The 72 hours begin when a person puts it back."""
    node = Node(tmp_path, DOWN, DOWN)
    node.owe()
    node.clock.advance(100 * HOUR_S)
    node.deliver()
    assert node.delivery.state is DeliveryState.DEAD
    node.ledger.revive_delivery(node.delivery.delivery_id, node.clock.now())
    node.deliver()
    assert node.delivery.state is DeliveryState.WAITING


def test_a_sender_that_dies_each_time_does_not_try_for_ever(tmp_path: Path) -> None:
    """A file that kills the process ends as a dead letter."""
    node = Node(tmp_path)
    node.owe()
    policy = RetryPolicy(max_attempts=3)
    for _ in range(3):
        assert node.ledger.lease_delivery("dies", node.clock.now(), 60)
        node.clock.advance(60)
    assert node.deliver(policy)
    assert node.delivery.state is DeliveryState.DEAD
    assert "sender-lost" in node.delivery.last_error
    assert not node.pacs.sent


def test_one_failing_delivery_holds_up_no_other(tmp_path: Path) -> None:
    """While one slide rests, the next is sent."""
    node = Node(tmp_path, DOWN)
    node.owe()
    node.owe("1.2.4")
    assert [node.deliver(), node.deliver()] == [True, True]
    assert {delivery.series_uid: str(delivery.state) for delivery in node.ledger.deliveries()} == {
        SLIDE: "waiting",
        "1.2.4": "delivered",
    }


def test_a_long_transfer_keeps_its_lease(tmp_path: Path) -> None:
    """However long a PACS takes, nobody else begins to send the same meanwhile."""
    extended = threading.Event()

    class Watched(InMemoryLedger):
        def extend_delivery(self, delivery: Delivery, now: datetime, lease_s: float) -> bool:
            held = super().extend_delivery(delivery, now, lease_s)
            extended.set()
            return held

    class Slow(RecordingDestination):
        def send(self, files: Sequence[Path], taken: Callable[[Path, TakenFile], None]) -> None:
            assert extended.wait(60)
            super().send(files, taken)

    node = Node(tmp_path)
    node.ledger, node.destinations = Watched(), {"pacs": Slow("pacs")}
    node.owe()
    assert deliver_once(node.ledger, node.clock, "sender", node.destinations, tmp_path.joinpath, lease_s=0.03)
    assert node.delivery.state is DeliveryState.DELIVERED


def test_the_end_of_the_program_leaves_the_lease_to_end(tmp_path: Path) -> None:
    """A stop in the middle of a transfer is no failure of the transfer; it is sent again."""
    node = Node(tmp_path)
    node.pacs.send = _interrupted  # type: ignore[method-assign]
    node.owe()
    with pytest.raises(KeyboardInterrupt):
        node.deliver()
    assert node.delivery.state is DeliveryState.SENDING


def _interrupted(_files: object, _taken: object) -> None:
    raise KeyboardInterrupt


def test_only_what_is_missing_is_sent_again(tmp_path: Path) -> None:
    """Where some files of a delivery were taken before it failed, the next attempt sends the others."""
    node = Node(tmp_path, TakenThenError(1, "instance-not-taken", "out of resources"), commitment_uid="2.25.7")
    node.owe()
    node.deliver()
    assert [one.file for one in node.delivery.taken] == ["ann.dcm"]
    node.clock.advance(2)
    node.deliver()
    assert node.pacs.sent == [(tmp_path / "sr.dcm",)]
    assert node.delivery.state is DeliveryState.DELIVERED
    assert [[one.file for one in asked] for asked in node.pacs.asked] == [["ann.dcm", "sr.dcm"]]


def test_where_all_was_taken_only_commitment_is_asked_for(tmp_path: Path) -> None:
    """A request for commitment that failed does not make the files travel again."""
    node = Node(tmp_path, commitment_uid="2.25.7")
    node.owe()
    asking = node.pacs.ask_commitment
    node.pacs.ask_commitment = _not_taken  # type: ignore[method-assign]
    node.deliver()
    assert node.delivery.state is DeliveryState.WAITING
    node.pacs.ask_commitment = asking  # type: ignore[method-assign]
    for name in ("ann.dcm", "sr.dcm"):
        (tmp_path / name).unlink()  # it needs them no more
    node.clock.advance(2)
    node.deliver()
    assert (node.delivery.state, node.delivery.commitment_uid) == (DeliveryState.DELIVERED, "2.25.7")
    assert len(node.pacs.sent) == 1


def _not_taken(_instances: object) -> str:
    raise PeerError("commitment-not-taken", "0110H")


def test_a_sender_for_one_destination_sees_no_other(tmp_path: Path) -> None:
    """Each destination has its own sender, so that one that hangs delays nobody."""
    node = Node(tmp_path)
    node.owe(destination="other")
    node.owe("1.2.4")
    assert node.deliver(only="pacs")
    assert not node.deliver(only="pacs")
    assert {delivery.order.destination: str(delivery.state) for delivery in node.ledger.deliveries()} == {
        "other": "waiting",
        "pacs": "delivered",
    }


@pytest.mark.parametrize(("asked_s", "waited_s"), [(120.0, 120.0), (1e6, 3600.0)])
def test_a_busy_destination_is_left_alone_for_as_long_as_it_asks(
    tmp_path: Path, asked_s: float, waited_s: float
) -> None:
    """It says when to come back (Retry-After), and is believed up to an hour."""
    node = Node(tmp_path, PeerBusyError("http-503", "busy", asked_s))
    node.owe()
    node.deliver()
    assert node.delivery.next_attempt_at - node.clock.now() == timedelta(seconds=waited_s)


def test_an_unforeseen_error_is_told_without_what_it_quotes(tmp_path: Path) -> None:
    """Neither the ledger nor the log repeats text that may name a patient."""
    node = Node(tmp_path, ValueError("MUSTERMANN^ERIKA"))
    node.owe()
    with capture_logs() as logs:
        node.deliver()
    assert "ValueError at destinations.py:" in node.delivery.last_error
    assert "MUSTERMANN" not in f"{node.delivery} {node.ledger.events(SLIDE)} {logs}"
    assert logs[0]["event"] == "delivery.postponed"
    assert logs[0]["code"] == "unexpected"


@given(failures=st.integers(1, 10_000), seed=st.integers())
def test_pauses_stay_within_their_bounds(failures: int, seed: int) -> None:
    """0 <= pause <= min(cap, base * 2^(failures - 1)), however many failures."""
    pause = Backoff(base_s=2.0, cap_s=900.0).pause(failures, jitter(seed)).total_seconds()
    assert 0 <= pause <= min(900.0, 2.0 * 2.0 ** min(failures - 1, 20))


def test_pauses_are_spread_over_their_whole_range() -> None:
    """What failed together does not come back together."""
    random = jitter()
    pauses = [Backoff(base_s=2.0, cap_s=900.0).pause(20, random).total_seconds() for _ in range(1000)]
    assert min(pauses) < 30
    assert max(pauses) > 870
    assert 420 < sum(pauses) / len(pauses) < 480


def test_what_nobody_can_be_told_of_is_held_and_told_aloud_once(tmp_path: Path) -> None:
    """An alarm with a code; looked at again after its time, quietly; delivered when the patient is known."""
    unknown = DeliveryHeldError("patient-not-found", "the EHR knows no such patient")
    node = Node(tmp_path, unknown, unknown)
    node.owe()
    with capture_logs() as logs:
        node.deliver()
        assert (node.delivery.state, node.delivery.attempts) == (DeliveryState.HELD, 0)
        assert not node.deliver()
        node.clock.advance(1800)
        node.deliver()
    told = [entry for entry in logs if entry["event"] == "delivery.held"]
    assert [(entry["log_level"], entry["code"]) for entry in told] == [("error", "patient-not-found")]
    node.clock.advance(1800)
    node.deliver()
    assert node.delivery.state is DeliveryState.DELIVERED


def test_a_dead_letter_keeps_the_peers_words_out_of_logs(tmp_path: Path) -> None:
    """They are in the delivery, for whoever looks at it, and nowhere else."""
    node = Node(tmp_path, DeliveryRefusedError("http-422", "refused", outcome="DOE^JANE"))
    node.owe()
    with capture_logs() as logs:
        node.deliver()
    assert node.delivery.outcome == "DOE^JANE"
    assert "DOE" not in str(logs)
    assert "DOE" not in str(node.ledger.events(SLIDE))


def test_a_destination_that_fails_is_paused_and_uses_up_no_attempts(tmp_path: Path) -> None:
    """What is owed waits as it is; after the pause one delivery is tried, and all go when it is back."""
    node = Node(tmp_path, *[DOWN] * 6)
    for number in range(5):
        node.owe(f"1.2.{number}")
    while node.deliver(only="pacs"):
        pass
    assert [each.attempts for each in node.ledger.deliveries()] == [1, 1, 1, 1, 1]
    assert node.ledger.circuit("pacs").state is CircuitState.OPEN
    node.clock.advance(14)
    assert not node.deliver(only="pacs")
    node.clock.advance(16)
    assert node.deliver(only="pacs")
    assert not node.deliver(only="pacs")
    assert sum(each.attempts for each in node.ledger.deliveries()) == 6
    node.clock.advance(60)
    while node.deliver(only="pacs"):
        pass
    assert {each.state for each in node.ledger.deliveries()} == {DeliveryState.DELIVERED}
    assert node.ledger.circuit("pacs").state is CircuitState.CLOSED
