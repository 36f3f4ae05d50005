"""Requests for storage commitment in memory, and a requester that hears the answers."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from marrowcount.ports import (
    AskedInstance,
    CommitmentReporter,
    Commitments,
    CommitmentState,
    CommitmentTask,
    FailureReason,
    RequestRecording,
)
from marrowcount.ports.commitments import asked_anew, is_same_request

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from marrowcount.ports import CommitmentReport, CommitmentRequest

__all__ = ["InMemoryCommitments", "RecordingReporter"]


class InMemoryCommitments(Commitments):
    """Forgets everything at the end of the process; its threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tasks: dict[int, CommitmentTask] = {}
        self._leases: dict[int, datetime] = {}

    def record_request(self, request: CommitmentRequest, now: datetime) -> RequestRecording:
        """See the port."""
        with self._lock:
            known = [task for task in self._tasks.values() if task.transaction_uid == request.transaction_uid]
            same = next((task for task in known if is_same_request(task, request)), None)
            if same is not None:
                if same.state in {CommitmentState.REPORTED, CommitmentState.DEAD}:
                    self._tasks[same.request_id] = asked_anew(same, now)
                return RequestRecording.REPEATED
            verdict = FailureReason.DUPLICATE_TRANSACTION if known else None
            named = tuple(AskedInstance(one.sop_class_uid, one.sop_instance_uid, verdict) for one in request.instances)
            number, state = len(self._tasks) + 1, CommitmentState.WAITING
            self._tasks[number] = CommitmentTask(
                number, request.transaction_uid, request.requester, named, state, 0, 0, now, now, now
            )
            return RequestRecording.DUPLICATE if known else RequestRecording.NEW

    def lease_request(self, who: str, now: datetime, lease_s: float) -> CommitmentTask | None:  # noqa: ARG002 - the port's
        """See the port."""
        with self._lock:
            due = next((task for task in self._tasks.values() if self._is_free(task, now)), None)
            if due is None:
                return None
            leased = replace(due, state=CommitmentState.REPORTING, attempts=due.attempts + 1)
            self._tasks[due.request_id] = leased
            self._leases[due.request_id] = now + timedelta(seconds=lease_s)
            return leased

    def put_back(
        self, task: CommitmentTask, instances: Sequence[AskedInstance], not_before: datetime, error: str = ""
    ) -> None:
        """See the port."""
        waiting = replace(task, state=CommitmentState.WAITING, next_attempt_at=not_before, last_error=error)
        waiting = replace(waiting, failures=task.failures + bool(error))
        self._let_go(task, replace(waiting, instances=tuple(instances)))

    def reported(self, task: CommitmentTask, instances: Sequence[AskedInstance], now: datetime) -> None:
        """See the port."""
        done = replace(task, state=CommitmentState.REPORTED, reported_at=now, last_error="")
        self._let_go(task, replace(done, instances=tuple(instances)))

    def bury_request(self, task: CommitmentTask, instances: Sequence[AskedInstance], error: str) -> None:
        """See the port."""
        dead = replace(task, state=CommitmentState.DEAD, last_error=error)
        self._let_go(task, replace(dead, instances=tuple(instances)))

    def revive_request(self, request_id: int, now: datetime) -> bool:
        """See the port."""
        with self._lock:
            task = self._tasks.get(request_id)
            if task is None or task.state is not CommitmentState.DEAD:
                return False
            self._tasks[request_id] = asked_anew(task, now)
            return True

    def requests(self, *states: CommitmentState) -> Sequence[CommitmentTask]:
        """See the port."""
        with self._lock:
            return [task for task in self._tasks.values() if not states or task.state in states]

    def _is_free(self, task: CommitmentTask, now: datetime) -> bool:
        if task.state is CommitmentState.REPORTING:
            return self._leases[task.request_id] <= now
        return task.state is CommitmentState.WAITING and task.next_attempt_at <= now

    def _let_go(self, leased: CommitmentTask, changed: CommitmentTask) -> None:
        with self._lock:
            there = self._tasks[leased.request_id]
            if there.state is CommitmentState.REPORTING and there.attempts == leased.attempts:
                self._tasks[leased.request_id] = changed


class RecordingReporter(CommitmentReporter):
    """Remembers what requesters were told, and fails when told to.

    Attributes:
        told: requester and report, in order.
        failures: raised one by one, the first first.
    """

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.told: list[tuple[str, CommitmentReport]] = []

    def report(self, requester: str, report: CommitmentReport) -> None:
        """Remember it, or raise the next failure."""
        if self.failures:
            raise self.failures.pop(0)
        self.told.append((requester, report))
