"""The senders of the worker: one for each destination, and none for those that are gone."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from marrowcount.errors import PeerError
from marrowcount.main.giving import Sending
from marrowcount.ports import DeliveryKind, DeliveryOrder
from marrowcount.slides.states import DeliveryState
from marrowcount.testing import HeldClock, InMemoryLedger, RecordingDestination
from marrowcount.workflow.deliver import RetryPolicy
from marrowcount_adapters.schedule import ticking
from owing import NOW, count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from marrowcount.ports import TakenFile


class Hanging(RecordingDestination):
    """A destination that answers nothing until it is let go."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.reached, self.let_go = threading.Event(), threading.Event()

    def send(self, files: Sequence[Path], taken: Callable[[Path, TakenFile], None]) -> None:
        self.reached.set()
        self.let_go.wait(30)
        super().send(files, taken)


class Arriving(RecordingDestination):
    """A destination that says when something came."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.arrived = threading.Event()

    def send(self, files: Sequence[Path], taken: Callable[[Path, TakenFile], None]) -> None:
        super().send(files, taken)
        self.arrived.set()


def order(destination: str) -> DeliveryOrder:
    return DeliveryOrder(DeliveryKind.DICOM, destination, ("ann.dcm",))


def sending(tmp_path: Path, *destinations: RecordingDestination) -> Sending:
    (tmp_path / "ann.dcm").write_bytes(b"DICM")
    ledger, clock = InMemoryLedger(), HeldClock(NOW)
    return Sending(ledger, clock, "worker", {each.name: each for each in destinations}, tmp_path, RetryPolicy())


def test_a_destination_that_hangs_delays_no_other(tmp_path: Path) -> None:
    """While one holds its sender, the results of the same and of later slides reach the others."""
    hanging, well = Hanging("hanging"), Arriving("well")
    senders = sending(tmp_path, hanging, well)
    count(senders.outbox, order("hanging"), order("well"))  # type: ignore[arg-type]
    try:
        with ticking(*senders.ticks()):
            assert hanging.reached.wait(20)
            assert well.arrived.wait(20)
            assert senders.outbox.deliveries()[0].state is DeliveryState.SENDING
            hanging.let_go.set()
    finally:
        hanging.let_go.set()


def test_what_is_owed_to_a_removed_destination_is_a_dead_letter(tmp_path: Path) -> None:
    """Renaming or removing a destination leaves nothing that waits in silence."""
    senders = sending(tmp_path, RecordingDestination("new"))
    count(senders.outbox, order("old"), order("new"))  # type: ignore[arg-type]
    assert not senders.bury_strays()
    old, new = senders.outbox.deliveries()
    assert (old.state, new.state) == (DeliveryState.DEAD, DeliveryState.WAITING)
    assert "destination-unknown" in old.last_error


def test_a_changed_address_is_used_for_what_waits(tmp_path: Path) -> None:
    """What is owed names its destination; where that listens is looked up when it is sent."""
    before = sending(tmp_path, RecordingDestination("pacs", PeerError("peer-unreachable", "moved")))
    count(before.outbox, order("pacs"))  # type: ignore[arg-type]
    assert before.send("pacs")
    moved = RecordingDestination("pacs")
    later = HeldClock(NOW)
    later.advance(2)
    after = Sending(before.outbox, later, "worker", {"pacs": moved}, tmp_path, RetryPolicy())
    assert after.send("pacs")
    assert len(moved.sent) == 1
