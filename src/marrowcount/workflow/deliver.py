"""Send what is owed: at least once, in order, never in an endless loop, and never one failure in another's way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.errors import DeliveryRefusedError, MarrowcountError, PeerBusyError
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
    """

    backoff: Backoff = field(default_factory=lambda: Backoff(base_s=2.0, cap_s=900.0))
    give_up_after_s: float = 72 * 3600.0
    max_attempts: int = 1000
    longest_wait_s: float = 3600.0

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
    """Take up the oldest delivery that is due and send it; False where none is due.

    ``destinations`` are those in the settings, by name; ``resolve`` leads from a path below the results folder to
    where the file lies; ``only`` names the one destination to send to, of all that are owed something; ``random`` is
    the source of the jitter. What the destination refuses for good is buried, as is what can no longer be sent; what
    fails in passing is tried again with growing pauses until ``policy`` ends it. Files that it has taken already are
    not sent again.

    Raises:
        StorageError: the ledger failed; the delivery is taken up again when its lease ends.
    """
    delivery = ledger.lease_delivery(sender_name, clock.now(), lease_s, only)
    if delivery is None:
        return False
    attempt = _Attempt(ledger, clock, delivery, policy, random or Random())  # noqa: S311 - jitter guards no secret
    try:
        with attempt.lease(lease_s).kept_up():
            commitment_uid = attempt.make(destinations, resolve)
    except MarrowcountError as error:
        attempt.failed(error.code, error.message, retryable=error.retryable, wait_s=_asked_to_wait(error))
    except Exception as error:  # noqa: BLE001 - the boundary of the loop: one delivery must not stop the others
        attempt.failed("unexpected", describe(error), retryable=True)
    else:
        attempt.succeeded(commitment_uid)
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

    def failed(self, code: str, message: str, *, retryable: bool, wait_s: float = 0.0) -> None:
        now, reason = self.clock.now(), f"{code}: {message}"
        delivery, policy = self.delivery, self.policy
        if not retryable or policy.is_over(delivery, now):
            self.ledger.bury_delivery(delivery, reason, now)
            self._tell("delivery.buried", code)
            return
        wait = timedelta(seconds=min(wait_s, policy.longest_wait_s))
        pause = max(policy.backoff.pause(delivery.attempts, self.random), wait)
        self.ledger.retry_delivery(delivery, reason, now + pause, now)
        self._tell("delivery.postponed", code)

    def _tell(self, what_happened: str, code: str) -> None:
        delivery = self.delivery
        _log.info(
            what_happened,
            delivery=delivery.delivery_id,
            series=delivery.series_uid,
            destination=delivery.order.destination,
            attempt=delivery.attempts,
            code=code,
        )
