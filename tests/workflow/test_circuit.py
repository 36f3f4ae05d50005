"""A destination that fails again and again is left alone for a while, and noticed when it is back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from marrowcount.errors import (
    DeliveryForbiddenError,
    DeliveryHeldError,
    DeliveryRefusedError,
    PeerBusyError,
    PeerDeniedError,
    PeerError,
    StorageError,
)
from marrowcount.ports import Circuit, CircuitState
from marrowcount.testing import HeldClock, InMemoryLedger
from marrowcount.workflow.circuit import (
    Breaker,
    CircuitPolicy,
    Failure,
    after_failure,
    failure_of,
    let_through,
    mended,
    tried_anew,
)

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
POLICY = CircuitPolicy(most_failures=3, pause_s=30.0, longest_pause_s=600.0, probe_s=180.0)
PAUSE = timedelta(seconds=30)
DOWN = PeerError("no-answer", "nobody answers")


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def failed(circuit: Circuit, failure: Failure = Failure("no-answer"), now: datetime = NOW) -> Circuit:  # noqa: B008 - frozen
    return after_failure(circuit, failure, PAUSE, now, POLICY.most_failures)


def test_so_many_failures_in_a_row_pause_it() -> None:
    """Fewer do not; one success in between begins anew."""
    twice = failed(failed(Circuit("ehr")))
    assert (twice.state, twice.failures) == (CircuitState.CLOSED, 2)
    assert failed(mended(twice)).state is CircuitState.CLOSED
    paused = failed(twice)
    assert (paused.state, paused.until, paused.openings, paused.code) == (
        CircuitState.OPEN,
        NOW + PAUSE,
        1,
        "no-answer",
    )


def test_one_that_lets_nobody_in_is_paused_at_once() -> None:
    """A token that is refused is refused for all."""
    assert failed(Circuit("ehr"), Failure("http-401", at_once=True)).state is CircuitState.OPEN


def test_it_is_left_alone_as_long_as_it_asks() -> None:
    """A longer Retry-After than the pause counts."""
    busy = Failure("http-429", wait_s=900.0)
    assert failed(failed(failed(Circuit("ehr"), busy), busy), busy).until == later(900)


def test_while_it_is_paused_nobody_calls() -> None:
    """Then one does, and no second until that one is through or given up."""
    paused = Circuit("ehr", CircuitState.OPEN, 3, 1, later(30), "no-answer")
    assert let_through(paused, later(29), POLICY) is None
    trying = let_through(paused, later(30), POLICY)
    assert trying is not None
    assert (trying.state, trying.until) == (CircuitState.HALF_OPEN, later(210))
    assert let_through(trying, later(209), POLICY) is None
    assert let_through(trying, later(210), POLICY) is not None


def test_a_failed_try_means_a_longer_pause() -> None:
    """And a good one means that all is well."""
    trying = Circuit("ehr", CircuitState.HALF_OPEN, 3, 1, later(210), "no-answer")
    again = failed(trying, now=later(40))
    assert (again.state, again.openings, again.until) == (CircuitState.OPEN, 2, later(70))
    assert mended(trying) == Circuit("ehr")


def test_what_was_under_way_says_nothing_new() -> None:
    """Failures of deliveries begun before the pause make it no longer."""
    paused = Circuit("ehr", CircuitState.OPEN, 3, 1, later(30), "no-answer")
    assert failed(paused) == paused


def test_a_person_has_it_tried_at_once() -> None:
    """A paused one; one that is not paused stays as it is."""
    paused = Circuit("ehr", CircuitState.OPEN, 3, 1, later(600), "no-answer")
    assert let_through(tried_anew(paused, NOW), NOW, POLICY) is not None
    assert tried_anew(Circuit("ehr", failures=2), NOW) == Circuit("ehr", failures=2)


@given(st.integers(1, 10_000), st.integers())
def test_pauses_double_up_to_the_longest(openings: int, seed: int) -> None:
    """Never less than half of the pause, never more than all of it."""
    longest = min(600.0, 30.0 * 2.0 ** min(openings - 1, 32))
    pause = POLICY.pause(openings, Random(seed)).total_seconds()  # noqa: S311 - jitter guards no secret
    assert longest / 2 - 1e-6 <= pause <= longest + 1e-6


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (DOWN, Failure("no-answer")),
        (PeerBusyError("http-503", "busy", 60.0), Failure("http-503", 60.0)),
        (PeerDeniedError("http-401", "no"), Failure("http-401", at_once=True)),
        (DeliveryForbiddenError("http-403", "no"), Failure("http-403")),
        (DeliveryRefusedError("http-422", "no"), None),
        (DeliveryHeldError("patient-not-found", "no"), None),
        (StorageError("disk-full", "no"), None),
        (ValueError("surprise"), None),
        (None, None),
    ],
)
def test_only_its_own_failures_count(error: Exception | None, failure: Failure | None) -> None:
    """Not those of one delivery, nor of the node."""
    assert failure_of(error) == failure


class Sender:
    """A breaker over a ledger, with a clock that stands still."""

    def __init__(self) -> None:
        self.clock, self.ledger = HeldClock(NOW), InMemoryLedger()
        self.breaker = Breaker(self.ledger, self.clock, "ehr", POLICY, Random(1))  # noqa: S311 - jitter guards no secret

    def fail(self, times: int = 1) -> None:
        for _ in range(times):
            assert self.breaker.lets_through()
            self.breaker.told(DOWN)


def test_pause_and_return_are_told_once() -> None:
    """An alarm when it is paused, a word when it is back; nothing of what is sent."""
    sender = Sender()
    with capture_logs() as logs:
        sender.fail(3)
        assert not sender.breaker.lets_through()
        sender.clock.advance(30)
        assert sender.breaker.lets_through()
        assert not sender.breaker.lets_through()
        sender.breaker.told(None)
        assert sender.breaker.lets_through()
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [
        ("destination.paused", "error"),
        ("destination.back", "info"),
    ]
    assert (logs[0]["destination"], logs[0]["code"], logs[0]["failures"]) == ("ehr", "no-answer", 3)
    assert sender.ledger.circuit("ehr") == Circuit("ehr")


def test_where_nothing_is_due_the_next_look_may_try() -> None:
    """A try that found nothing to send is no failure, and holds nobody up for long."""
    sender = Sender()
    sender.fail(3)
    sender.clock.advance(30)
    assert sender.breaker.lets_through()
    sender.breaker.idle()
    assert not sender.breaker.lets_through()
    sender.clock.advance(5)
    assert sender.breaker.lets_through()
    sender.breaker.told(DeliveryRefusedError("http-422", "no"))
    assert sender.breaker.lets_through()
    assert sender.ledger.circuit("ehr").openings == 1
