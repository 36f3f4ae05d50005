"""The ledger in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from marrowcount.ports import EventKind, Job, Ledger, ReceivedInstance, Recording, SlideRecord
from marrowcount.review import ReportStatus
from marrowcount.slides.states import SlideState
from marrowcount.testing.decisions import InMemoryDecisions
from marrowcount.testing.holdings import InMemoryHoldings
from marrowcount.testing.reports import InMemoryReports

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from marrowcount.ports import CountedOutcome, LedgerEvent, RefusedOutcome

__all__ = ["InMemoryLedger"]

_MAY_BECOME_READY: Final = (SlideState.RECEIVING, SlideState.INCOMPLETE, SlideState.FAILED)


@dataclass(slots=True)
class _OpenJob:
    job_id: int
    series_uid: str
    revision: int
    free_from: datetime
    """End of its lease or of its pause."""
    attempt: int = 0
    leased: bool = False

    def is_held_by(self, job: Job) -> bool:
        return self.leased and (self.job_id, self.attempt) == (job.job_id, job.attempt)


class InMemoryLedger(InMemoryReports, InMemoryDecisions, InMemoryHoldings, Ledger):
    """A ledger that forgets everything at the end of the process; its threads may share it.

    Attributes:
        summaries: ``result.json`` of each series and revision that was counted or refused.
    """

    def __init__(self) -> None:
        super().__init__()
        self._instances: dict[str, ReceivedInstance] = {}
        self._slides: dict[str, SlideRecord] = {}
        self._jobs: dict[str, _OpenJob] = {}
        """The open job of each series; there is never more than one."""
        self._jobs_put = 0

    def record_instance(self, instance: ReceivedInstance) -> Recording:
        """See the port."""
        with self._lock:
            known = self._instances.get(instance.facts.sop_instance_uid)
            if known is not None:
                return self._judge_repeated(known, instance)
            self._instances[instance.facts.sop_instance_uid] = instance
            self._add_to_slide(instance)
            return Recording.NEW

    def _judge_repeated(self, known: ReceivedInstance, instance: ReceivedInstance) -> Recording:
        if known.file.sha256 == instance.file.sha256:
            return Recording.IDENTICAL
        detail = f"{instance.facts.sop_instance_uid} from {instance.sender}"
        self._note(instance.received_at, known.facts.series_uid, EventKind.CONFLICT, detail)
        return Recording.CONFLICT

    def _add_to_slide(self, instance: ReceivedInstance) -> None:
        series_uid, at = instance.facts.series_uid, instance.received_at
        slide = self._slides.get(series_uid)
        if slide is None:
            self._slides[series_uid] = _first_record(instance)
            self._note(at, series_uid, EventKind.OPENED, f"first instance from {instance.sender}")
            return
        self._slides[series_uid] = replace(
            slide,
            instances=slide.instances + 1,
            size_bytes=slide.size_bytes + instance.file.size_bytes,
            last_received_at=max(slide.last_received_at, at),
        )
        self._reconsider(instance)

    def _reconsider(self, instance: ReceivedInstance) -> None:
        series_uid, at = instance.facts.series_uid, instance.received_at
        slide = self._slides[series_uid]
        if slide.state is SlideState.DISCARDED:
            self._note(at, series_uid, EventKind.LATE, f"{instance.facts.sop_instance_uid} from {instance.sender}")
        elif slide.state is not SlideState.RECEIVING:
            self._reopen(instance, slide.revision + 1)

    def _reopen(self, instance: ReceivedInstance, revision: int) -> None:
        series_uid, at = instance.facts.series_uid, instance.received_at
        again = replace(self._slides[series_uid], revision=revision, evidence="", code="", message="", result_folder="")
        self._change(again, SlideState.RECEIVING, at)
        self._withdraw_job(series_uid)
        detail = f"revision {revision} by {instance.facts.sop_instance_uid} from {instance.sender}"
        self._note(at, series_uid, EventKind.REOPENED, detail)

    def instances(self, series_uid: str) -> Sequence[ReceivedInstance]:
        """See the port."""
        with self._lock:
            return [known for known in self._instances.values() if known.facts.series_uid == series_uid]

    def instance(self, sop_instance_uid: str) -> ReceivedInstance | None:
        """See the port."""
        with self._lock:
            return self._instances.get(sop_instance_uid)

    def slide(self, series_uid: str) -> SlideRecord | None:
        """See the port."""
        with self._lock:
            return self._slides.get(series_uid)

    def slides(self, *states: SlideState) -> Sequence[SlideRecord]:
        """See the port."""
        with self._lock:
            wanted = [slide for slide in self._slides.values() if not states or slide.state in states]
            return sorted(wanted, key=lambda slide: (slide.first_received_at, slide.series_uid))

    def mark_ready(
        self, series_uid: str, revision: int, evidence: str, now: datetime, *, instances: int | None = None
    ) -> bool:
        """See the port."""
        with self._lock:
            slide = self._standing(series_uid, revision, _MAY_BECOME_READY)
            if slide is None or instances not in {None, slide.instances}:
                return False
            self._put_job(slide, evidence, now)
            return True

    def _put_job(self, slide: SlideRecord, evidence: str, now: datetime) -> None:
        self._change(replace(slide, evidence=evidence, code="", message=""), SlideState.READY, now)
        self._jobs_put += 1
        self._jobs[slide.series_uid] = _OpenJob(self._jobs_put, slide.series_uid, slide.revision, free_from=now)
        self._note(now, slide.series_uid, EventKind.READY, evidence)

    def _withdraw_job(self, series_uid: str) -> None:
        self._jobs.pop(series_uid, None)

    def mark_incomplete(
        self, series_uid: str, revision: int, evidence: str, now: datetime, *, instances: int | None = None
    ) -> bool:
        """See the port."""
        with self._lock:
            slide = self._standing(series_uid, revision, (SlideState.RECEIVING,))
            if slide is None or instances not in {None, slide.instances}:
                return False
            self._change(replace(slide, evidence=evidence), SlideState.INCOMPLETE, now)
            self._note(now, series_uid, EventKind.INCOMPLETE, evidence)
            return True

    def lease_job(self, worker: str, now: datetime, lease_s: float) -> Job | None:
        """See the port."""
        with self._lock:
            free = [task for task in self._jobs.values() if task.free_from <= now]
            if not free:
                return None
            task = min(free, key=lambda task: task.job_id)
            task.attempt, task.leased, task.free_from = task.attempt + 1, True, now + timedelta(seconds=lease_s)
            self._change(self._slides[task.series_uid], SlideState.COUNTING, now)
            self._note(now, task.series_uid, EventKind.TAKEN_UP, f"attempt {task.attempt} by {worker}")
            return Job(task.job_id, task.series_uid, task.revision, task.attempt, task.free_from)

    def extend_lease(self, job: Job, now: datetime, lease_s: float) -> bool:
        """See the port."""
        with self._lock:
            task = self._held(job)
            if task is None:
                return False
            task.free_from = now + timedelta(seconds=lease_s)
            return True

    def finish(self, job: Job, outcome: CountedOutcome, now: datetime) -> bool:
        """See the port."""
        with self._lock:
            if not self._follows(job, outcome) or not self._close(job):
                return False
            counted = replace(self._slides[job.series_uid], result_folder=outcome.result_folder)
            self._change(counted, SlideState.COUNTED, now)
            self._note(now, job.series_uid, EventKind.COUNTED, f"revision {job.revision}")
            self._judged(job, ReportStatus.PRELIMINARY, outcome, now)
            return True

    def let_go(self, job: Job, now: datetime) -> bool:
        """See the port."""
        with self._lock:
            held = self._held(job) is not None
            if held:
                self._supersede_before(job.series_uid, self._latest(job.series_uid) + 1, now)
            return held

    def refuse(self, job: Job, outcome: RefusedOutcome, now: datetime) -> bool:
        """See the port."""
        with self._lock:
            if not self._follows(job, outcome):
                return False
            refused = self._end_badly(job, SlideState.REFUSED, outcome.code, outcome.message, now)
            if refused:
                self._judged(job, ReportStatus.CANCELLED, outcome, now)
            return refused

    def fail_job(self, job: Job, code: str, message: str, now: datetime) -> bool:
        """See the port."""
        return self._end_badly(job, SlideState.FAILED, code, message, now)

    def _end_badly(self, job: Job, state: SlideState, code: str, message: str, now: datetime) -> bool:
        with self._lock:
            if not self._close(job):
                return False
            self._change(replace(self._slides[job.series_uid], code=code, message=message), state, now)
            self._note(now, job.series_uid, EventKind(state), f"{code}: {message}")
            return True

    def retry_job(self, job: Job, message: str, not_before: datetime, now: datetime) -> bool:
        """See the port."""
        with self._lock:
            task = self._held(job)
            if task is None:
                return False
            task.leased, task.free_from = False, not_before
            self._change(self._slides[job.series_uid], SlideState.READY, now)
            self._note(now, job.series_uid, EventKind.PUT_BACK, message)
            return True

    def events(self, series_uid: str) -> Sequence[LedgerEvent]:
        """See the port."""
        with self._lock:
            return [event for event in self._events if event.series_uid == series_uid]

    def _standing(self, series_uid: str, revision: int, states: Sequence[SlideState]) -> SlideRecord | None:
        slide = self._slides.get(series_uid)
        return slide if slide is not None and slide.revision == revision and slide.state in states else None

    def _change(self, slide: SlideRecord, state: SlideState, at: datetime) -> None:
        self._slides[slide.series_uid] = replace(slide, state=state, changed_at=at)

    def _held(self, job: Job) -> _OpenJob | None:
        task = self._jobs.get(job.series_uid)
        return task if task is not None and task.is_held_by(job) else None

    def _close(self, job: Job) -> bool:
        held = self._held(job)
        if held is not None:
            del self._jobs[job.series_uid]
        return held is not None


def _first_record(instance: ReceivedInstance) -> SlideRecord:
    return SlideRecord(
        series_uid=instance.facts.series_uid,
        study_uid=instance.facts.study_uid,
        state=SlideState.RECEIVING,
        revision=1,
        instances=1,
        size_bytes=instance.file.size_bytes,
        evidence="",
        code="",
        message="",
        result_folder="",
        sender=instance.sender,
        first_received_at=instance.received_at,
        last_received_at=instance.received_at,
        changed_at=instance.received_at,
    )
