"""Storage commitment that the node asks for: what an answer means, and what to do where none comes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.ports import FailureReason, FileState, Settlement
from marrowcount.slides.states import DeliveryState
from marrowcount.workflow.deliver import DELIVERY_POLICY, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from marrowcount.ports import Clock, CommitmentReport, Delivery, Outbox, TakenFile

__all__ = ["AskingPolicy", "chase_commitments", "note_report"]

_log = structlog.get_logger(__name__)

SENT_AGAIN: Final = frozenset(
    {FailureReason.PROCESSING_FAILURE, FailureReason.NO_SUCH_INSTANCE, FailureReason.RESOURCE_LIMITATION}
)
"""Failures that sending the file again may mend."""

ASKED_AGAIN: Final = frozenset({FailureReason.DUPLICATE_TRANSACTION})
"""Failures that asking again, by another transaction, may mend. All others are for good."""


@dataclass(frozen=True, slots=True)
class AskingPolicy:
    """What to do where a destination does not answer for what it took.

    Attributes:
        ask_again_after_s: without an answer, seconds; archives that write to tape take hours, and none must hurry.
        most_asks: after so many requests without an answer the delivery is called uncommitted.
        retry: pauses before files are sent again, and when to give that up.
    """

    ask_again_after_s: float = 24 * 3600.0
    most_asks: int = 3
    retry: RetryPolicy = DELIVERY_POLICY


def note_report(
    outbox: Outbox,
    clock: Clock,
    report: CommitmentReport,
    policy: AskingPolicy,
    *,
    random: Random | None = None,
) -> bool:
    """Record a destination's answer, instance by instance; False while nobody knows (yet) that it was asked.

    An answer to an earlier request than the last counts where it is a grant; its failures may be out of date. One that
    changes nothing any more is a repetition, and is heard.

    Raises:
        StorageError: the ledger failed.
    """
    delivery = outbox.asked_by(report.transaction_uid)
    if delivery is None or delivery.state is DeliveryState.SENDING:
        return False
    judged = tuple(_judged(one, report) for one in delivery.taken)
    if report.transaction_uid != delivery.commitment_uid:
        judged = tuple(
            new if new.state is FileState.COMMITTED else old for new, old in zip(judged, delivery.taken, strict=True)
        )
    answered = replace(delivery, taken=judged)
    if answered == delivery or delivery.state in {DeliveryState.SUPERSEDED, DeliveryState.DROPPED}:
        _tell("commitment.heard_before", delivery)
        return True
    now = clock.now()
    settlement = _Answer(answered, policy, now, random or Random()).settlement()  # noqa: S311 - jitter guards no secret
    _tell(f"commitment.{settlement.state}", delivery)
    return outbox.settle(delivery, settlement, now)


def _judged(one: TakenFile, report: CommitmentReport) -> TakenFile:
    failures: Mapping[str, int] = {failed.sop_instance_uid: failed.reason for failed in report.failed}
    if one.sop_instance_uid in failures:
        return replace(one, state=FileState.FAILED, code=failures[one.sop_instance_uid])
    if any(one.sop_instance_uid == held.sop_instance_uid for held in report.committed):
        return replace(one, state=FileState.COMMITTED)
    return one


def _named(reason: int) -> str:
    name = next((known.name.lower().replace("_", " ") for known in FailureReason if known == reason), "")
    return f"{reason:04X}H {name}".rstrip()


@dataclass(frozen=True, slots=True)
class _Answer:
    """A delivery with what the destination has just said of its files."""

    delivery: Delivery
    policy: AskingPolicy
    now: datetime
    random: Random

    def settlement(self) -> Settlement:
        taken = self.delivery.taken
        failed = [one for one in taken if one.state is FileState.FAILED]
        if failed:
            return self._after(failed)
        if all(one.state is FileState.COMMITTED for one in taken) and not self.delivery.unsent:
            return Settlement(DeliveryState.COMMITTED, taken, f"{len(taken)} instances")
        some = sum(one.state is FileState.COMMITTED for one in taken)
        return Settlement(self.delivery.state, taken, f"{some} of {len(self.delivery.order.files)} instances")

    def _after(self, failed: list[TakenFile]) -> Settlement:
        state, taken = self.delivery.state, self.delivery.taken
        why = ", ".join(f"{one.sop_instance_uid} {_named(one.code)}" for one in failed)
        if state in {DeliveryState.HELD, DeliveryState.DEAD}:  # a person decides what becomes of it
            return Settlement(state, taken, why)
        mendable = {one.code for one in failed} <= SENT_AGAIN | ASKED_AGAIN
        if not mendable or self.policy.retry.is_over(self.delivery, self.now):
            return Settlement(DeliveryState.DEAD, taken, f"commitment-refused: {why}")
        pause = self.policy.retry.backoff.pause(max(1, self.delivery.attempts), self.random)
        again = f"not answered for: {why}"
        return Settlement(DeliveryState.WAITING, self._to_ask_again(), again, self.now + pause)

    def _to_ask_again(self) -> tuple[TakenFile, ...]:
        """The files whose failure was the transaction's are there; only the others are sent again."""
        return tuple(
            replace(one, state=FileState.TAKEN, code=0)
            if one.state is FileState.FAILED and one.code in ASKED_AGAIN
            else one
            for one in self.delivery.taken
        )


def chase_commitments(outbox: Outbox, clock: Clock, policy: AskingPolicy) -> int:
    """Ask again where an answer is overdue, and say so where asking was of no use; for how many deliveries.

    To be called every minute or so.

    Raises:
        StorageError: the ledger failed.
    """
    now = clock.now()
    overdue = outbox.awaiting_commitment(now - timedelta(seconds=policy.ask_again_after_s))
    return sum(outbox.settle(delivery, _without_answer(delivery, now, policy), now) for delivery in overdue)


def _without_answer(delivery: Delivery, now: datetime, policy: AskingPolicy) -> Settlement:
    said = f"no answer to {delivery.asks} of {policy.most_asks} requests"
    if delivery.asks >= policy.most_asks:
        _tell("commitment.missing", delivery)
        why = f"commitment-missing: {said}; ask the archive's administrator whether it holds the result"
        return Settlement(DeliveryState.UNCOMMITTED, delivery.taken, why)
    _tell("commitment.asked_again", delivery)
    return Settlement(DeliveryState.WAITING, delivery.taken, f"{said}: asked again", now)


def _tell(what_happened: str, delivery: Delivery) -> None:
    _log.info(
        what_happened,
        delivery=delivery.delivery_id,
        series=delivery.series_uid,
        destination=delivery.order.destination,
        transaction_uid=delivery.commitment_uid,
    )
