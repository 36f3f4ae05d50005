"""Take up a job, count, and say what came of it; a killed worker's job goes to another, but not for ever."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, TypeAlias

import structlog

from marrowcount.errors import MarrowcountError, SlideError, StorageError
from marrowcount.workflow.retry import Backoff
from marrowcount.workflow.unexpected import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from marrowcount.ports import Clock, CountedOutcome, Job, Ledger

__all__ = ["Count", "Lease", "LeaseLostError", "WorkSettings", "work_once"]

_log = structlog.get_logger(__name__)


Count: TypeAlias = "Callable[[Job, Lease], CountedOutcome]"
"""Counts a slide; asks :meth:`Lease.check` now and then, for example after each tile."""


class LeaseLostError(Exception):
    """The job went to another worker, or a late instance made it pointless: stop counting."""


@dataclass(frozen=True, slots=True)
class WorkSettings:
    """How jobs are leased and retried.

    Attributes:
        lease_s: after so long without a sign of life another worker takes the job over.
        backoff: pauses between attempts.
        max_attempts: how often a slide is tried; a worker that dies counts as an attempt.
    """

    lease_s: float = 120.0
    backoff: Backoff = field(default_factory=lambda: Backoff(base_s=30.0, cap_s=900.0))
    max_attempts: int = 3


class Lease:
    """A job's lease, kept up in the background for as long as the count goes on."""

    def __init__(self, ledger: Ledger, clock: Clock, job: Job, lease_s: float) -> None:
        self._ledger, self._clock, self._job, self._lease_s = ledger, clock, job, lease_s
        self._ended = threading.Event()
        self._lost = threading.Event()

    def check(self) -> None:
        """Whether it is worth going on.

        Raises:
            LeaseLostError: it is not; whatever is found will not be recorded.
        """
        if self._lost.is_set():
            raise LeaseLostError

    @contextmanager
    def kept_up(self) -> Generator[Lease, None, None]:
        """Extend the lease at every third of its length until the block ends."""
        beats = threading.Thread(target=self._beat, name=f"lease-{self._job.job_id}", daemon=True)
        beats.start()
        try:
            yield self
        finally:
            self._ended.set()
            beats.join()

    def _beat(self) -> None:
        while not self._lost.is_set() and not self._ended.wait(self._lease_s / 3):
            self._extend()

    def _extend(self) -> None:
        try:
            if not self._ledger.extend_lease(self._job, self._clock.now(), self._lease_s):
                self._lost.set()
        except StorageError as error:
            # The next beat may succeed; if none does, the lease ends and another worker takes over.
            _log.warning("lease.not_extended", job=self._job.job_id, code=error.code)


def work_once(
    ledger: Ledger,
    clock: Clock,
    worker_name: str,
    count: Count,
    settings: WorkSettings,
    *,
    random: Random | None = None,
) -> bool:
    """Take up the oldest job and count its slide; False where there is no job.

    A :class:`~marrowcount.errors.SlideError` refuses the slide. Passing and unforeseen failures put the job back,
    with a pause, until its attempts are used up; then, and at once for a failure that no repetition can mend, the
    slide is failed and a person must look. KeyboardInterrupt and SystemExit leave the lease to end by itself.

    Raises:
        StorageError: the ledger failed; the job is taken up again when its lease ends.
    """
    job = ledger.lease_job(worker_name, clock.now(), settings.lease_s)
    if job is None:
        return False
    attempt = _Attempt(ledger, clock, job, settings, random or Random())  # noqa: S311 - jitter guards no secret
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

    def make(self, count: Count) -> None:
        try:
            with Lease(self.ledger, self.clock, self.job, self.settings.lease_s).kept_up() as lease:
                outcome = count(self.job, lease)
        except LeaseLostError:
            self._tell("job.lost", recorded=False)
        except SlideError as error:
            refused = self.ledger.refuse(self.job, error.code, error.message, self.clock.now())
            self._tell("job.refused", recorded=refused, code=error.code)
        except MarrowcountError as error:
            self._failed(error.code, error.message, retryable=error.retryable)
        except Exception as error:  # noqa: BLE001 - the boundary of the loop: one slide must not stop the others
            self._failed("unexpected", describe(error), retryable=True)
        else:
            self._tell("job.counted", recorded=self.ledger.finish(self.job, outcome, self.clock.now()))

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
