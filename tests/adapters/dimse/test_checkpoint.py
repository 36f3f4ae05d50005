"""Whoever pauses an association's thread can rely on it."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, cast

import pytest

from marrowcount_adapters.dimse.checkpoint import Checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pynetdicom.association import Association


class Passing(threading.Thread):
    """Passes the checkpoint again and again, as pynetdicom's reactor does."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.checkpoint = Checkpoint(cast("Association", self))
        self.passed = 0
        self._kill = False

    def run(self) -> None:
        while not self._kill:
            self.checkpoint.wait()
            self.passed += 1

    def end(self) -> None:
        self._kill = True
        self.checkpoint.set()


@pytest.fixture
def reactor() -> Iterator[Passing]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # put threads aside wherever that can hurt
    thread = Passing()
    thread.start()
    yield thread
    thread.end()
    thread.join(5)
    sys.setswitchinterval(interval)
    assert not thread.is_alive()


def test_nothing_passes_once_it_is_closed(reactor: Passing) -> None:
    """However the threads take turns; and it goes on when it is opened again."""
    for _ in range(300):
        reactor.checkpoint.clear()
        before = reactor.passed
        for _ in range(50):
            assert reactor.passed == before
        reactor.checkpoint.set()
        while reactor.passed == before:
            pass


def test_a_thread_that_has_ended_is_not_waited_for() -> None:
    """Nor one that never began."""
    thread = Passing()
    thread.checkpoint.clear()
    assert not thread.checkpoint.is_set()
    assert not thread.checkpoint.wait(0.001)
