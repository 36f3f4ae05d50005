"""Jobs: who counts which revision of which slide, and what came of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, insert, or_, select, update

from marrowcount.ports import EventKind, Job, RefusedOutcome, ReportVersion
from marrowcount.review import ReportStatus
from marrowcount.slides.states import SlideState
from marrowcount_adapters.sql.outbox import owe, supersede_before
from marrowcount_adapters.sql.reports import add_version, latest_version
from marrowcount_adapters.sql.statements import change_slide, lock_slide, note
from marrowcount_adapters.sql.tables import JobState, jobs, results, slides

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from marrowcount.ports import CountedOutcome
    from marrowcount_adapters.sql.statements import Standing

__all__ = ["extend", "fail", "finish", "lease", "let_go", "mark_ready", "put_back", "put_job", "refuse"]

_MAY_BECOME_READY = (SlideState.RECEIVING, SlideState.INCOMPLETE, SlideState.FAILED)


def mark_ready(connection: Connection, slide: Standing, evidence: str, now: datetime) -> bool:
    """See :meth:`marrowcount.ports.Ledger.mark_ready`."""
    return put_job(connection, slide, _MAY_BECOME_READY, evidence, now)


def put_job(
    connection: Connection, slide: Standing, states: Iterable[SlideState], evidence: str, now: datetime
) -> bool:
    """Move a slide that is in one of these states to ready, with its job; False where it is not."""
    ready = update(slides).where(slide.holds(*states))
    changed = ready.values(state=SlideState.READY, evidence=evidence, code="", message="", changed_at=now)
    if connection.execute(changed).rowcount != 1:
        return False
    connection.execute(
        insert(jobs).values(
            series_uid=slide.series_uid,
            revision=slide.revision,
            state=JobState.WAITING,
            attempt=0,
            not_before=now,
            leased_by="",
            message="",
            put_at=now,
        )
    )
    note(connection, now, slide.series_uid, EventKind.READY, evidence)
    return True


def lease(connection: Connection, worker: str, now: datetime, lease_s: float) -> Job | None:
    """See :meth:`marrowcount.ports.Ledger.lease_job`."""
    row = connection.execute(
        select(jobs.c.job_id, jobs.c.series_uid, jobs.c.revision, jobs.c.attempt)
        .join(slides, slides.c.series_uid == jobs.c.series_uid)
        .where(_free(now))
        .order_by(jobs.c.job_id)
        .limit(1)
        # Both rows at once, and never waiting: other transactions lock the slide before its job.
        .with_for_update(of=(jobs, slides), key_share=True, skip_locked=True)
    ).first()
    if row is None:
        return None
    job = Job(row.job_id, row.series_uid, row.revision, row.attempt + 1, now + timedelta(seconds=lease_s))
    connection.execute(
        update(jobs)
        .where(jobs.c.job_id == job.job_id)
        .values(state=JobState.LEASED, attempt=job.attempt, leased_by=worker, leased_until=job.leased_until)
    )
    change_slide(connection, job.series_uid, SlideState.COUNTING, now)
    note(connection, now, job.series_uid, EventKind.TAKEN_UP, f"attempt {job.attempt} by {worker}")
    return job


def _free(now: datetime) -> ColumnElement[bool]:
    return or_(
        and_(jobs.c.state == JobState.WAITING, jobs.c.not_before <= now),
        and_(jobs.c.state == JobState.LEASED, jobs.c.leased_until <= now),
    )


def extend(connection: Connection, job: Job, now: datetime, lease_s: float) -> bool:
    """See :meth:`marrowcount.ports.Ledger.extend_lease`."""
    until = now + timedelta(seconds=lease_s)
    return connection.execute(update(jobs).where(_held(job)).values(leased_until=until)).rowcount == 1


def finish(connection: Connection, job: Job, outcome: CountedOutcome, now: datetime) -> bool:
    """See :meth:`marrowcount.ports.Ledger.finish`."""
    if not _follows(connection, job, outcome) or not _close(connection, job, JobState.DONE, now):
        return False
    folder = outcome.result_folder
    change_slide(connection, job.series_uid, SlideState.COUNTED, now, result_folder=folder)
    note(connection, now, job.series_uid, EventKind.COUNTED, f"revision {job.revision}")
    _record(connection, job, outcome, now)
    return True


def refuse(connection: Connection, job: Job, outcome: RefusedOutcome, now: datetime) -> bool:
    """See :meth:`marrowcount.ports.Ledger.refuse`."""
    code, message = outcome.code, outcome.message
    if not _follows(connection, job, outcome) or not _close(connection, job, JobState.REFUSED, now, message):
        return False
    change_slide(connection, job.series_uid, SlideState.REFUSED, now, code=code, message=message)
    note(connection, now, job.series_uid, EventKind.REFUSED, f"{code}: {message}")
    _record(connection, job, outcome, now)
    return True


def _follows(connection: Connection, job: Job, outcome: CountedOutcome | RefusedOutcome) -> bool:
    """Whether no person made a version of the report while the slide was being counted."""
    lock_slide(connection, job.series_uid)
    return outcome.follows in {None, latest_version(connection, job.series_uid)}


def _record(connection: Connection, job: Job, outcome: CountedOutcome | RefusedOutcome, now: datetime) -> None:
    """The revision's outcome, by which older ones are outdated, and what it owes."""
    connection.execute(
        insert(results).values(
            series_uid=job.series_uid,
            revision=job.revision,
            result_folder=outcome.result_folder,
            summary=outcome.summary,
            counted_at=now,
        )
    )
    status = ReportStatus.CANCELLED if isinstance(outcome, RefusedOutcome) else ReportStatus.PRELIMINARY
    number = latest_version(connection, job.series_uid) + 1
    version = ReportVersion(
        job.series_uid, number, job.revision, status, now, outcome.result_folder, given_out=outcome.given_out
    )
    add_version(connection, version)
    if outcome.given_out:
        supersede_before(connection, job.series_uid, number, now)
    else:
        detail = f"version {number} of revision {job.revision} waits: a person answered for the report that is out"
        note(connection, now, job.series_uid, EventKind.REVIEW_NEEDED, detail)
    for order in outcome.deliveries:
        owe(connection, version, order, now)


def let_go(connection: Connection, job: Job, now: datetime) -> bool:
    """See :meth:`marrowcount.ports.Ledger.let_go`."""
    lock_slide(connection, job.series_uid)
    if connection.execute(select(jobs.c.job_id).where(_held(job))).first() is None:
        return False
    supersede_before(connection, job.series_uid, latest_version(connection, job.series_uid) + 1, now)
    return True


def fail(connection: Connection, job: Job, code: str, message: str, now: datetime) -> bool:
    """See :meth:`marrowcount.ports.Ledger.fail_job`."""
    if not _close(connection, job, JobState.FAILED, now, message):
        return False
    change_slide(connection, job.series_uid, SlideState.FAILED, now, code=code, message=message)
    note(connection, now, job.series_uid, EventKind.FAILED, f"{code}: {message}")
    return True


def put_back(connection: Connection, job: Job, message: str, not_before: datetime, now: datetime) -> bool:
    """See :meth:`marrowcount.ports.Ledger.retry_job`."""
    lock_slide(connection, job.series_uid)
    waiting = {"state": JobState.WAITING, "not_before": not_before, "leased_until": None, "message": message}
    if connection.execute(update(jobs).where(_held(job)).values(waiting)).rowcount != 1:
        return False
    change_slide(connection, job.series_uid, SlideState.READY, now)
    note(connection, now, job.series_uid, EventKind.PUT_BACK, message)
    return True


def _held(job: Job) -> ColumnElement[bool]:
    # The number of the attempt is the fence: whoever leases the job again raises it.
    return and_(jobs.c.job_id == job.job_id, jobs.c.attempt == job.attempt, jobs.c.state == JobState.LEASED)


def _close(connection: Connection, job: Job, state: JobState, now: datetime, message: str = "") -> bool:
    lock_slide(connection, job.series_uid)
    closed = {"state": state, "leased_until": None, "message": message, "closed_at": now}
    return connection.execute(update(jobs).where(_held(job)).values(closed)).rowcount == 1
