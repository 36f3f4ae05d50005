"""Ticks: they go on whatever happens, never overlap, and end cleanly."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from marrowcount.errors import StorageError
from marrowcount_adapters.schedule import SystemClock, Tick, ticking

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON = 0.01
PATIENCE_S = 20.0


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


class Counter:
    """Counts calls and says when it has seen enough."""

    def __init__(self, enough: int) -> None:
        self.calls, self._enough, self.done = 0, enough, threading.Event()

    def __call__(self) -> None:
        self.calls += 1
        if self.calls >= self._enough:
            self.done.set()


def test_a_step_is_taken_again_and_again() -> None:
    """A tick comes back at its interval."""
    counter = Counter(enough=3)
    with ticking(Tick("count", SOON, counter)):
        assert counter.done.wait(PATIENCE_S)


def test_the_first_step_is_taken_at_once() -> None:
    """Nobody waits an interval for the first tick."""
    counter = Counter(enough=1)
    with ticking(Tick("hourly", 3600.0, counter)):
        assert counter.done.wait(PATIENCE_S)


@pytest.mark.parametrize("error", [StorageError("disk-full", "no space is left"), ValueError("MUSTERMANN^ERIKA")])
def test_a_failed_step_is_logged_and_the_tick_goes_on(error: Exception) -> None:
    """One failure ends nothing, and the log says which tick it was without quoting an unforeseen error."""
    counter = Counter(enough=3)

    def step() -> None:
        counter()
        raise error

    with capture_logs() as logs, ticking(Tick("deliver", SOON, step)):
        assert counter.done.wait(PATIENCE_S)
    assert {(line["event"], line["tick"]) for line in logs} == {("tick.failed", "deliver")}
    assert "MUSTERMANN" not in str(logs)


def test_while_there_is_more_to_do_the_next_step_follows_at_once() -> None:
    """A queue is emptied in one tick."""
    counter = Counter(enough=5)

    def step() -> bool:
        counter()
        return counter.calls < 5

    with ticking(Tick("hourly", 3600.0, step)):
        assert counter.done.wait(PATIENCE_S)
    assert counter.calls == 5


def test_a_tick_never_overlaps_itself_and_holds_up_no_other() -> None:
    """While a long step runs, its own tick waits and the others come."""
    release, running, most_at_once = threading.Event(), threading.Semaphore(1), []

    def long_step() -> None:
        most_at_once.append(running.acquire(blocking=False))
        release.wait(PATIENCE_S)
        running.release()

    other = Counter(enough=5)
    with ticking(Tick("long", SOON, long_step), Tick("other", SOON, other)):
        assert other.done.wait(PATIENCE_S)
        release.set()
    assert most_at_once
    assert all(most_at_once)


def test_the_end_waits_for_the_step_under_way_and_begins_no_other() -> None:
    """Shutting down lets a step finish, also where its queue is not empty."""
    begun, finished = threading.Event(), []

    def step() -> bool:
        begun.set()
        stop_soon.wait(PATIENCE_S)
        finished.append(True)
        return True

    stop_soon = threading.Event()
    with ticking(Tick("count", SOON, step)):
        assert begun.wait(PATIENCE_S)
        threading.Timer(0.05, stop_soon.set).start()
    assert finished == [True]


def test_the_ticks_end_when_the_block_fails() -> None:
    """A failure of the program's own leaves no thread behind."""
    with pytest.raises(KeyboardInterrupt), ticking(Tick("count", SOON, lambda: None)):
        raise KeyboardInterrupt


def test_two_ticks_of_one_name_are_refused() -> None:
    """A name stands for one tick."""
    with pytest.raises(ValueError, match="same name"):  # noqa: SIM117 - the block is what must not be reached
        with ticking(Tick("count", SOON, lambda: None), Tick("count", SOON, lambda: None)):
            pytest.fail("it ticked")


def test_the_system_clock_has_a_zone() -> None:
    """All times of the node are in UTC."""
    now = SystemClock().now()
    assert now.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - now) < timedelta(minutes=1)
