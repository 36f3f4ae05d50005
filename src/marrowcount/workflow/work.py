"""Take up a job, count, and say what came of it; a killed worker's job goes to another, but not for ever."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, TypeAlias

import structlog

from marrowcount.errors import MarrowcountError, SlideError, StorageError
from marrowcount.ports import RefusedOutcome
from marrowcount.workflow.leases import Lease, LeaseLostError
from marrowcount.workflow.retry import Backoff
from marrowcount.workflow.unexpected import describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from marrowcount.ports import Clock, CountedOutcome, Job, Ledger

__all__ = ["Count", "WorkSettings", "work_once"]

_log = structlog.get_logger(__name__)


Count: TypeAlias = "Callable[[Job, Lease], CountedOutcome | RefusedOutcome]"
"""Counts a slide, or says that it cannot be; asks :meth:`Lease.check` now and then, for example after each tile."""


@dataclass(frozen=True, slots=True)
class WorkSettings:
    """How jobs are leased and retried.

    Attributes:
        lease_s: after so long without a sign of life another worker takes the job over.
        backoff: pauses between attempts.
        max_attempts: how often a slide is tried; a worker that dies counts as an attempt.
        own_faults: pauses while the node's own disk or database fails.
    """

    lease_s: float = 120.0
    backoff: Backoff = field(default_factory=lambda: Backoff(base_s=30.0, cap_s=900.0))
    max_attempts: int = 3
    own_faults: Backoff = field(default_factory=lambda: Backoff(base_s=2.0, cap_s=60.0))


def work_once(
    ledger: Ledger,
    clock: Clock,
    worker_name: str,
    count: Count,
    settings: WorkSettings,
    *,
    random: Random | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> bool:
    """Take up the oldest job and count its slide; False where there is no job.

    A :class:`~marrowcount.errors.SlideError` refuses the slide, as does an outcome that says so and what is owed then.
    Passing and unforeseen failures put the job back, with a pause, until its attempts are used up; then, and at once
    for a failure that no repetition can mend, the slide is failed and a person must look. A
    :class:`~marrowcount.errors.StorageError` while it is counted is the node's own trouble, a full disk or a database
    that is gone: it is waited out with ``wait`` (seconds), the lease kept up, and not charged to the slide, since the
    next one would fail as well. KeyboardInterrupt and SystemExit leave the lease to end by itself.

    Raises:
        StorageError: the ledger failed; the job is taken up again when its lease ends.
    """
    job = ledger.lease_job(worker_name, clock.now(), settings.lease_s)
    if job is None:
        return False
    attempt = _Attempt(ledger, clock, job, settings, random or Random(), wait)  # noqa: S311 - jitter guards no secret
    if job.attempt > settings.max_attempts:
        attempt.give_up("worker-lost", f"{settings.max_attempts} attempts at counting it ended without a word")
        return True
    attempt.make(count)
    return True


@dataclass(frozen=True, slots=True)
class _Attempt:
    ledger: Ledger
    clock: Clock
    job: Job
    settings: WorkSettings
    random: Random
    wait: Callable[[float], None]

    def make(self, count: Count) -> None:
        try:
            with self._lease().kept_up() as lease:
                outcome = self._counted(count, lease)
        except LeaseLostError:
            self._tell("job.lost", recorded=False)
        except SlideError as error:
            self._refused(RefusedOutcome(error.code, error.message))
        except MarrowcountError as error:
            self._failed(error.code, error.message, retryable=error.retryable)
        except Exception as error:  # noqa: BLE001 - the boundary of the loop: one slide must not stop the others
            self._failed("unexpected", describe(error), retryable=True)
        else:
            self._ended(outcome)

    def _ended(self, outcome: CountedOutcome | RefusedOutcome) -> None:
        if isinstance(outcome, RefusedOutcome):
            self._refused(outcome)
        else:
            self._tell("job.counted", recorded=self.ledger.finish(self.job, outcome, self.clock.now()))

    def _refused(self, outcome: RefusedOutcome) -> None:
        recorded = self.ledger.refuse(self.job, outcome, self.clock.now())
        self._tell("job.refused", recorded=recorded, code=outcome.code)

    def _counted(self, count: Count, lease: Lease) -> CountedOutcome | RefusedOutcome:
        for failures in itertools.count(1):
            try:
                return count(self.job, lease)
            except StorageError as error:
                pause_s = self.settings.own_faults.pause(failures, self.random).total_seconds()
                _log.error("job.waits", job=self.job.job_id, code=error.code, message=error.message, pause_s=pause_s)
            self.wait(pause_s)
            lease.check()
        raise AssertionError  # there is no last failure

    def _lease(self) -> Lease:
        lease_s = self.settings.lease_s
        return Lease(
            f"job-{self.job.job_id}",
            lambda: self.ledger.extend_lease(self.job, self.clock.now(), lease_s),
            lease_s,
        )

    def _failed(self, code: str, message: str, *, retryable: bool) -> None:
        if not retryable or self.job.attempt >= self.settings.max_attempts:
            self.give_up(code, message)
            return
        now = self.clock.now()
        pause = self.settings.backoff.pause(self.job.attempt, self.random)
        put_back = self.ledger.retry_job(self.job, f"{code}: {message}", now + pause, now)
        self._tell("job.put_back", recorded=put_back, code=code)

    def give_up(self, code: str, message: str) -> None:
        failed = self.ledger.fail_job(self.job, code, message, self.clock.now())
        self._tell("job.failed", recorded=failed, code=code)

    def _tell(self, what_happened: str, *, recorded: bool, code: str = "") -> None:
        """``recorded`` is false where the job was lost meanwhile."""
        job = self.job
        _log.info(
            what_happened,
            job=job.job_id,
            series=job.series_uid,
            revision=job.revision,
            attempt=job.attempt,
            recorded=recorded,
            code=code,
        )
