"""When a destination is left alone for a while, and how it is noticed that it is back: a fuse for each.

A destination that fails again and again, or that does not let the node in, is paused: what is owed to it waits without
using up attempts. After the pause one delivery is tried; if that fails, the next pause is longer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.errors import DeliveryForbiddenError, PeerBusyError, PeerDeniedError, PeerError
from marrowcount.ports import Circuit, CircuitState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from random import Random

    from marrowcount.ports import Clock, Outbox

__all__ = ["Breaker", "CircuitPolicy", "Failure", "after_failure", "failure_of", "let_through", "mended", "tried_anew"]

LOOK_AGAIN: Final = timedelta(seconds=5)
"""Where nothing is due for a destination that is to be tried, until the next look."""

MOST_RACES: Final = 20
"""Times that others may change the circuit first; each of them has sent something meanwhile."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CircuitPolicy:
    """When to pause a destination, and for how long.

    Attributes:
        most_failures: in a row, of the destination itself, from which it is paused.
        pause_s: the first pause, in seconds; each further one is twice as long.
        longest_pause_s: no pause is longer than this, in seconds, unless the destination asks for it.
        probe_s: after which whoever tries a paused destination is given up, in seconds.
    """

    most_failures: int = 5
    pause_s: float = 30.0
    longest_pause_s: float = 600.0
    probe_s: float = 180.0

    def pause(self, openings: int, random: Random) -> timedelta:
        """The so-manieth pause in a row; up to half of it is left out, so that not all nodes come back at once."""
        longest = min(self.longest_pause_s, self.pause_s * 2.0 ** min(openings - 1, 32))
        return timedelta(seconds=longest * random.uniform(0.5, 1.0))


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure of a destination, whatever was sent.

    Attributes:
        wait_s: for how long it wants to be left alone, in seconds; 0 where it did not say.
        at_once: there is no point in trying others first.
    """

    code: str
    wait_s: float = 0.0
    at_once: bool = False


def failure_of(error: Exception | None) -> Failure | None:
    """What an error says of the destination; None where it speaks of the one delivery, or of the node."""
    if isinstance(error, PeerDeniedError):
        return Failure(error.code, at_once=True)
    if isinstance(error, PeerBusyError):
        return Failure(error.code, error.retry_after_s)
    if isinstance(error, DeliveryForbiddenError) or (isinstance(error, PeerError) and error.retryable):
        return Failure(error.code)
    return None


def let_through(circuit: Circuit, now: datetime, policy: CircuitPolicy) -> Circuit | None:
    """The circuit of a destination that may be called now; None where it may not.

    Of those who find that its pause is over one may call; who dies at that is given up.
    """
    if circuit.state is CircuitState.CLOSED:
        return circuit
    if circuit.until is not None and now < circuit.until:
        return None
    return replace(circuit, state=CircuitState.HALF_OPEN, until=now + timedelta(seconds=policy.probe_s))


def mended(circuit: Circuit) -> Circuit:
    """It took something: all is well."""
    return Circuit(circuit.destination)


def after_failure(circuit: Circuit, failure: Failure, pause: timedelta, now: datetime, most_failures: int) -> Circuit:
    """It failed: one more in a row, and from so many on a pause, or a longer one."""
    failures = circuit.failures + 1
    counted = replace(circuit, failures=failures, code=failure.code)
    if circuit.state is CircuitState.OPEN:
        return circuit  # what was under way when it was paused says nothing new
    if circuit.state is CircuitState.CLOSED and failures < most_failures and not failure.at_once:
        return counted
    until = now + max(pause, timedelta(seconds=failure.wait_s))
    return replace(counted, state=CircuitState.OPEN, openings=circuit.openings + 1, until=until)


def tried_anew(circuit: Circuit, at: datetime) -> Circuit:
    """A paused destination that may be tried at this time; the same where it is not paused."""
    return circuit if circuit.state is CircuitState.CLOSED else replace(circuit, state=CircuitState.OPEN, until=at)


@dataclass(frozen=True, slots=True)
class Breaker:
    """The circuit of one destination, as one of its senders sees it."""

    outbox: Outbox
    clock: Clock
    destination: str
    policy: CircuitPolicy
    random: Random

    def lets_through(self) -> bool:
        """Whether the destination may be called now."""
        before = self.outbox.circuit(self.destination)
        after = let_through(before, self.clock.now(), self.policy)
        return after is not None and (after == before or self.outbox.switch(before, after))

    def idle(self) -> None:
        """Nothing was due: let whoever comes later try."""
        self._change(lambda circuit: self._untried(circuit, LOOK_AGAIN))

    def told(self, error: Exception | None) -> None:
        """It was called; None where it took what was sent."""
        failure = failure_of(error)
        if error is None:
            self._change(mended)
        elif failure is None:
            self._change(lambda circuit: self._untried(circuit, timedelta()))
        else:
            self._change(lambda circuit: self._after(circuit, failure))

    def _after(self, circuit: Circuit, failure: Failure) -> Circuit:
        pause = self.policy.pause(circuit.openings + 1, self.random)
        return after_failure(circuit, failure, pause, self.clock.now(), self.policy.most_failures)

    def _untried(self, circuit: Circuit, wait: timedelta) -> Circuit:
        was_tried = circuit.state is CircuitState.HALF_OPEN
        return tried_anew(circuit, self.clock.now() + wait) if was_tried else circuit

    def _change(self, change: Callable[[Circuit], Circuit]) -> None:
        for _ in range(MOST_RACES):
            before = self.outbox.circuit(self.destination)
            after = change(before)
            if after == before or self.outbox.switch(before, after):
                self._tell(before, after)
                return

    def _tell(self, before: Circuit, after: Circuit) -> None:
        if after.openings > before.openings:
            until = after.until.isoformat() if after.until else ""
            _log.error(
                "destination.paused",
                destination=self.destination,
                code=after.code,
                failures=after.failures,
                until=until,
            )
        elif before.state is not CircuitState.CLOSED and after.state is CircuitState.CLOSED:
            _log.info("destination.back", destination=self.destination, failures=before.failures)
