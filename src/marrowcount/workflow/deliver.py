"""Send what is owed: at least once, in order, never in an endless loop, and never one failure in another's way."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.errors import DeliveryRefusedError, MarrowcountError
from marrowcount.workflow.leases import Lease
from marrowcount.workflow.retry import Backoff
from marrowcount.workflow.unexpected import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from marrowcount.ports import Clock, Delivery, Destination, Ledger

__all__ = ["DELIVERY_POLICY", "RetryPolicy", "deliver_once"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to send again and when to give up.

    Attributes:
        backoff: pauses between attempts.
        give_up_after_s: age of the debt from which a failure is the last one, seconds.
        max_attempts: attempts from which a failure is the last one; a sender that dies counts as an attempt.
    """

    backoff: Backoff = field(default_factory=lambda: Backoff(base_s=2.0, cap_s=900.0))
    give_up_after_s: float = 72 * 3600.0
    max_attempts: int = 1000

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
    ledger: Ledger,
    clock: Clock,
    sender_name: str,
    destinations: Mapping[str, Destination],
    resolve: Callable[[str], Path],
    *,
    policy: RetryPolicy = DELIVERY_POLICY,
    lease_s: float = _LEASE_S,
    random: Random | None = None,
) -> bool:
    """Take up the oldest delivery that is due and send it; False where none is due.

    ``destinations`` are those in the settings, by name; ``resolve`` leads from a path below the results folder to
    where the file lies; ``random`` is the source of the jitter. What the destination refuses for good is buried, as
    is what can no longer be sent; what fails in passing is tried again with growing pauses until ``policy`` ends it.

    Raises:
        StorageError: the ledger failed; the delivery is taken up again when its lease ends.
    """
    delivery = ledger.lease_delivery(sender_name, clock.now(), lease_s)
    if delivery is None:
        return False
    attempt = _Attempt(ledger, clock, delivery, policy, random or Random())  # noqa: S311 - jitter guards no secret
    try:
        with attempt.lease(lease_s).kept_up():
            commitment_uid = _send(delivery, destinations, resolve, policy)
    except MarrowcountError as error:
        attempt.failed(error.code, error.message, retryable=error.retryable)
    except Exception as error:  # noqa: BLE001 - the boundary of the loop: one delivery must not stop the others
        attempt.failed("unexpected", describe(error), retryable=True)
    else:
        attempt.succeeded(commitment_uid)
    return True


def _send(
    delivery: Delivery, destinations: Mapping[str, Destination], resolve: Callable[[str], Path], policy: RetryPolicy
) -> str:
    name = delivery.order.destination
    if delivery.attempts > policy.max_attempts:
        raise DeliveryRefusedError("sender-lost", f"{policy.max_attempts} attempts ended without an answer")
    if name not in destinations:
        raise DeliveryRefusedError("destination-unknown", f"{name} no longer stands in the settings; add it and revive")
    paths = [resolve(file) for file in delivery.order.files]
    missing = [file for file, path in zip(delivery.order.files, paths, strict=True) if not path.is_file()]
    if missing:
        raise DeliveryRefusedError("result-missing", f"the result's files are gone: {', '.join(missing)}; restore them")
    return destinations[name].send(paths)


@dataclass(frozen=True, slots=True)
class _Attempt:
    ledger: Ledger
    clock: Clock
    delivery: Delivery
    policy: RetryPolicy
    random: Random

    def lease(self, lease_s: float) -> Lease:
        """Kept up lest a slow transfer be begun a second time by another sender."""

        def extend() -> bool:
            return self.ledger.extend_delivery(self.delivery, self.clock.now(), lease_s)

        return Lease(f"delivery-{self.delivery.delivery_id}", extend, lease_s)

    def succeeded(self, commitment_uid: str) -> None:
        self.ledger.delivered(self.delivery, self.clock.now(), commitment_uid)
        self._tell("delivery.delivered", "")

    def failed(self, code: str, message: str, *, retryable: bool) -> None:
        now, reason = self.clock.now(), f"{code}: {message}"
        delivery, policy = self.delivery, self.policy
        if not retryable or policy.is_over(delivery, now):
            self.ledger.bury_delivery(delivery, reason, now)
            self._tell("delivery.buried", code)
            return
        pause = policy.backoff.pause(delivery.attempts, self.random)
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
