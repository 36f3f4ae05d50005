"""Send what is owed: at least once, in order, never in an endless loop, and never one failure in another's way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.errors import DeliveryHeldError, DeliveryRefusedError, MarrowcountError, PeerBusyError, PeerError
from marrowcount.ports import Hold
from marrowcount.workflow.circuit import Breaker, CircuitPolicy
from marrowcount.workflow.leases import Lease
from marrowcount.workflow.retry import Backoff
from marrowcount.workflow.unexpected import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from marrowcount.ports import Clock, Delivery, Destination, Outbox, TakenFile

__all__ = ["DELIVERY_POLICY", "RetryPolicy", "deliver_once"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to send again and when to give up.

    Attributes:
        backoff: pauses between attempts.
        give_up_after_s: age of the debt from which a failure is the last one, seconds.
        max_attempts: attempts from which a failure is the last one; a sender that dies counts as an attempt.
        longest_wait_s: a destination that asks for a longer pause than this is asked again sooner, seconds.
        look_again_s: after which a delivery is looked at again of which it is not known whose it is, seconds.
        circuits: when a destination is paused as a whole.
    """

    backoff: Backoff = field(default_factory=lambda: Backoff(base_s=2.0, cap_s=900.0))
    give_up_after_s: float = 72 * 3600.0
    max_attempts: int = 1000
    longest_wait_s: float = 3600.0
    look_again_s: float = 1800.0
    circuits: CircuitPolicy = field(default_factory=CircuitPolicy)

    def is_over(self, delivery: Delivery, now: datetime) -> bool:
        """Whether a failure now is the last one."""
        age_s = (now - delivery.owed_since).total_seconds()
        return delivery.attempts >= self.max_attempts or age_s >= self.give_up_after_s


DELIVERY_POLICY: Final = RetryPolicy()
"""A long weekend without the PACS is survived."""

_LEASE_S: Final = 120.0
"""After so long without a sign of life another sender takes over."""

_log = structlog.get_logger(__name__)


def deliver_once(
    ledger: Outbox,
    clock: Clock,
    sender_name: str,
    destinations: Mapping[str, Destination],
    resolve: Callable[[str], Path],
    *,
    only: str | None = None,
    policy: RetryPolicy = DELIVERY_POLICY,
    lease_s: float = _LEASE_S,
    random: Random | None = None,
) -> bool:
    """Take up the oldest delivery that is due and send it; False where none is due, or its destination is paused.

    ``destinations`` are those in the settings, by name; ``resolve`` leads from a path below the results folder to
    where the file lies; ``only`` names the one destination to send to, of all that are owed something: without it none
    is paused; ``random`` is the source of the jitter. What the destination refuses for good is buried, as is what can
    no longer be sent; what fails in passing is tried again with growing pauses until ``policy`` ends it; what cannot be
    said whose it is, is held and looked at again. Files that it has taken already are not sent again.

    Raises:
        StorageError: the ledger failed; the delivery is taken up again when its lease ends.
    """
    jitter = random or Random()  # noqa: S311 - jitter guards no secret
    breaker = Breaker(ledger, clock, only, policy.circuits, jitter) if only is not None else None
    if breaker is not None and not breaker.lets_through():
        return False
    delivery = ledger.lease_delivery(sender_name, clock.now(), lease_s, only)
    if delivery is None:
        if breaker is not None:
            breaker.idle()
        return False
    error = _Attempt(ledger, clock, delivery, policy, jitter).carry_out(destinations, resolve, lease_s)
    if breaker is not None:
        breaker.told(error)
    return True


def _asked_to_wait(error: MarrowcountError) -> float:
    return error.retry_after_s if isinstance(error, PeerBusyError) else 0.0


@dataclass(frozen=True, slots=True)
class _Attempt:
    ledger: Outbox
    clock: Clock
    delivery: Delivery
    policy: RetryPolicy
    random: Random

    def carry_out(
        self, destinations: Mapping[str, Destination], resolve: Callable[[str], Path], lease_s: float
    ) -> Exception | None:
        """Send, and record what came of it; why it failed, where it did."""
        try:
            with self.lease(lease_s).kept_up():
                commitment_uid = self.make(destinations, resolve)
        except DeliveryHeldError as error:
            self.held(error)
            return error
        except MarrowcountError as error:
            outcome = error.outcome if isinstance(error, PeerError) else ""
            self.failed(
                error.code, error.message, retryable=error.retryable, wait_s=_asked_to_wait(error), outcome=outcome
            )
            return error
        except Exception as error:  # noqa: BLE001 - the boundary of the loop: one delivery must not stop the others
            self.failed("unexpected", describe(error), retryable=True)
            return error
        self.succeeded(commitment_uid)
        return None

    def lease(self, lease_s: float) -> Lease:
        """Kept up lest a slow transfer be begun a second time by another sender."""

        def extend() -> bool:
            return self.ledger.extend_delivery(self.delivery, self.clock.now(), lease_s)

        return Lease(f"delivery-{self.delivery.delivery_id}", extend, lease_s)

    def make(self, destinations: Mapping[str, Destination], resolve: Callable[[str], Path]) -> str:
        """Send what is left to send, then ask for commitment; its Transaction UID."""
        destination = self._destination(destinations)
        files = {resolve(file): file for file in self.delivery.unsent}
        missing = [file for path, file in files.items() if not path.is_file()]
        if missing:
            message = f"the result's files are gone: {', '.join(missing)}; restore them"
            raise DeliveryRefusedError("result-missing", message)
        taken = {one.file: one for one in self.delivery.uncommitted}

        def note(path: Path, said: TakenFile) -> None:
            taken[files[path]] = replace(said, file=files[path])
            self.ledger.file_taken(self.delivery, taken[files[path]])

        if files:
            destination.send(list(files), note)
        return destination.ask_commitment([taken[file] for file in self.delivery.order.files if file in taken])

    def _destination(self, destinations: Mapping[str, Destination]) -> Destination:
        name, most = self.delivery.order.destination, self.policy.max_attempts
        if self.delivery.attempts > most:
            raise DeliveryRefusedError("sender-lost", f"{most} attempts ended without an answer")
        if name not in destinations:
            message = f"{name} no longer stands in the settings; add it and revive, or drop the delivery"
            raise DeliveryRefusedError("destination-unknown", message)
        return destinations[name]

    def succeeded(self, commitment_uid: str) -> None:
        self.ledger.delivered(self.delivery, self.clock.now(), commitment_uid)
        self._tell("delivery.delivered", "")

    def held(self, error: DeliveryHeldError) -> None:
        """Told aloud once: whoever can mend it must hear of it, and not again every half hour."""
        now = self.clock.now()
        hold = Hold(error.code, error.message, now + timedelta(seconds=self.policy.look_again_s))
        if self.ledger.keep_delivery(self.delivery, hold, now):
            self._tell("delivery.held", error.code, alarm=True)

    def failed(self, code: str, message: str, *, retryable: bool, wait_s: float = 0.0, outcome: str = "") -> None:
        now, reason = self.clock.now(), f"{code}: {message}"
        delivery, policy = self.delivery, self.policy
        if not retryable or policy.is_over(delivery, now):
            self.ledger.bury_delivery(delivery, reason, now, outcome)
            self._tell("delivery.buried", code)
            return
        wait = timedelta(seconds=min(wait_s, policy.longest_wait_s))
        pause = max(policy.backoff.pause(delivery.attempts, self.random), wait)
        self.ledger.retry_delivery(delivery, reason, now + pause, now)
        self._tell("delivery.postponed", code)

    def _tell(self, what_happened: str, code: str, *, alarm: bool = False) -> None:
        delivery, tell = self.delivery, _log.error if alarm else _log.info
        tell(
            what_happened,
            delivery=delivery.delivery_id,
            series=delivery.series_uid,
            destination=delivery.order.destination,
            attempt=delivery.attempts,
            code=code,
        )
