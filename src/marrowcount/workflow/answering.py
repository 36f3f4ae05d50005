"""Storage commitment that the node is asked for: record the request, look at what is held, tell the requester."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.errors import MarrowcountError
from marrowcount.ports import FailureReason, RequestRecording
from marrowcount.slides.expectations import Expectation, ExpectationSource, ExpectedInstance
from marrowcount.workflow.expecting import expect
from marrowcount.workflow.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from marrowcount.ports import (
        AskedInstance,
        Clock,
        CommitmentReporter,
        CommitmentRequest,
        Commitments,
        CommitmentTask,
        Expectations,
        InstanceStore,
        KeptFile,
        Ledger,
    )

__all__ = ["Answering", "AnsweringPolicy", "Scrutiny", "take_request"]

_log = structlog.get_logger(__name__)

COMMITTED: Final = 0


class Scrutiny(StrEnum):
    """What is looked at before the node answers for an instance; each includes those before it."""

    EXISTS = "exists"
    """Its file lies where the ledger says."""
    SIZE = "size"
    """It is as long as what was received."""
    DIGEST = "digest"
    """Each of its bytes is what was received."""


@dataclass(frozen=True, slots=True)
class AnsweringPolicy:
    """How requests are answered.

    Attributes:
        wait_s: for instances that were named and are not held yet, seconds: senders ask before all is sent.
        look_every_s: pause between two looks for them, seconds.
        slice_s: time after which judging stops to note what was found, seconds; well below the lease.
        give_up_after_s: age of the request, beyond the wait, from which a failure to report is the last one, seconds.
    """

    scrutiny: Scrutiny = Scrutiny.DIGEST
    wait_s: float = 600.0
    look_every_s: float = 5.0
    slice_s: float = 30.0
    lease_s: float = 900.0
    backoff: Backoff = field(default_factory=lambda: Backoff(base_s=5.0, cap_s=900.0))
    give_up_after_s: float = 72 * 3600.0


def take_request(
    request: CommitmentRequest, commitments: Commitments, expectations: Expectations, clock: Clock
) -> RequestRecording:
    """Owe an answer, and let completeness know what the requester counts as sent.

    When this returns, the request survives a power failure, and the requester may be told so.

    Raises:
        StorageError: the database failed; the requester should ask again.
    """
    now = clock.now()
    recording = commitments.record_request(request, now)
    if recording is not RequestRecording.DUPLICATE:
        named = tuple(ExpectedInstance(one.sop_instance_uid, one.sop_class_uid) for one in request.instances)
        key = request.transaction_uid
        expect(expectations, Expectation(ExpectationSource.COMMITMENT, key, request.requester, named, now))
    _log.info(
        "commitment.asked_of_us",
        transaction_uid=request.transaction_uid,
        requester=request.requester,
        instances=len(request.instances),
        recording=recording.value,
    )
    return recording


class Answering:
    """Works through what the node was asked to answer for."""

    def __init__(
        self,
        commitments: Commitments,
        ledger: Ledger,
        store: InstanceStore,
        clock: Clock,
        reporter: CommitmentReporter,
        *,
        policy: AnsweringPolicy,
        name: str = "node",
        random: Random | None = None,
    ) -> None:
        self._commitments = commitments
        self._ledger = ledger
        self._store = store
        self._clock = clock
        self._reporter = reporter
        self._policy = policy
        self._name = name
        self._random = random or Random()  # noqa: S311 - jitter guards no secret

    def step(self) -> bool:
        """Judge and report the oldest request that is due; False where none is.

        Raises:
            StorageError: the database failed; the request is taken up again when its lease ends.
        """
        task = self._commitments.lease_request(self._name, self._clock.now(), self._policy.lease_s)
        if task is None:
            return False
        try:
            self._answer(task)
        except MarrowcountError as error:
            self._failed(task, task.instances, error)
        return True

    def _answer(self, task: CommitmentTask) -> None:
        judged, done = self._judged(task)
        now = self._clock.now()
        if not done:
            self._commitments.put_back(task, judged, now)
        elif self._should_wait(task, judged, now):
            look = timedelta(seconds=self._policy.look_every_s)
            waits = [_open(one) if one.verdict == FailureReason.NO_SUCH_INSTANCE else one for one in judged]
            self._commitments.put_back(task, waits, now + look)
        else:
            self._report(task, judged)

    def _judged(self, task: CommitmentTask) -> tuple[list[AskedInstance], bool]:
        """The instances with verdicts, and whether each has one; what was answered for once is not looked at again."""
        until = self._clock.now() + timedelta(seconds=self._policy.slice_s)
        judged = list(task.instances)
        for number, one in enumerate(judged):
            if one.verdict is not None:
                continue
            if self._clock.now() >= until:
                return judged, False
            judged[number] = replace(one, verdict=self._verdict(one))
        return judged, True

    def _verdict(self, asked: AskedInstance) -> int:
        held = self._ledger.instance(asked.sop_instance_uid)
        if held is None:
            return FailureReason.NO_SUCH_INSTANCE
        if held.facts.sop_class_uid != asked.sop_class_uid:
            return FailureReason.CLASS_INSTANCE_CONFLICT
        verdict = self._looked_at(held.file)
        if verdict != COMMITTED:
            _log.error("commitment.file_unfit", sop_instance_uid=asked.sop_instance_uid, reason=f"{verdict:04X}")
        return verdict

    def _looked_at(self, file: KeptFile) -> int:
        path, scrutiny = self._store.path(file.path), self._policy.scrutiny
        try:
            size_bytes = path.stat().st_size
        except FileNotFoundError:  # by hand; the sender keeps its own and sends again
            return FailureReason.NO_SUCH_INSTANCE
        except OSError:
            return FailureReason.PROCESSING_FAILURE
        if scrutiny is not Scrutiny.EXISTS and size_bytes != file.size_bytes:
            return FailureReason.PROCESSING_FAILURE
        if scrutiny is Scrutiny.DIGEST and self._store.digest(path) != file.sha256:
            return FailureReason.PROCESSING_FAILURE
        return COMMITTED

    def _should_wait(self, task: CommitmentTask, judged: Sequence[AskedInstance], now: datetime) -> bool:
        missing = any(one.verdict == FailureReason.NO_SUCH_INSTANCE for one in judged)
        return missing and now - task.owed_since < timedelta(seconds=self._policy.wait_s)

    def _report(self, task: CommitmentTask, judged: Sequence[AskedInstance]) -> None:
        report = replace(task, instances=tuple(judged)).report
        try:
            self._reporter.report(task.requester, report)
        except MarrowcountError as error:
            self._failed(task, judged, error)
            return
        self._commitments.reported(task, judged, self._clock.now())
        _log.info(
            "commitment.reported_by_us",
            transaction_uid=task.transaction_uid,
            requester=task.requester,
            committed=len(report.committed),
            failed=len(report.failed),
        )

    def _failed(self, task: CommitmentTask, judged: Sequence[AskedInstance], error: MarrowcountError) -> None:
        now, policy = self._clock.now(), self._policy
        given_up = now - task.owed_since >= timedelta(seconds=policy.wait_s + policy.give_up_after_s)
        said = f"{error.code}: {error.message}"
        if given_up or not error.retryable:
            self._commitments.bury_request(task, judged, said)
            _log.error("commitment.report_buried", transaction_uid=task.transaction_uid, code=error.code)
            return
        # What was missing may have come until the requester can be told: it is looked for again.
        again = [_open(one) if one.verdict == FailureReason.NO_SUCH_INSTANCE else one for one in judged]
        self._commitments.put_back(task, again, now + policy.backoff.pause(task.failures + 1, self._random), said)
        _log.warning("commitment.report_postponed", transaction_uid=task.transaction_uid, code=error.code)


def _open(one: AskedInstance) -> AskedInstance:
    return replace(one, verdict=None)
