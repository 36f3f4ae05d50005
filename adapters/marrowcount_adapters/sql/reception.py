"""Instances and the slides that they make up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from marrowcount.ports import EventKind, Recording
from marrowcount.slides.states import SlideState
from marrowcount_adapters.sql import facts
from marrowcount_adapters.sql.rows import instance_of, slide_of
from marrowcount_adapters.sql.statements import change_slide, insert_unless_there, lock_slide, note, withdraw_job
from marrowcount_adapters.sql.tables import instances, slides

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from marrowcount.ports import ReceivedInstance, SlideRecord
    from marrowcount_adapters.sql.statements import Standing

__all__ = ["find_instance", "find_instances", "find_slide", "find_slides", "mark_incomplete", "reconsider", "record"]


def record(connection: Connection, instance: ReceivedInstance) -> Recording:
    """See :meth:`marrowcount.ports.Ledger.record_instance`."""
    if not insert_unless_there(connection, instances, _instance_row(instance)):
        return _judge_repeated(connection, instance)
    series_uid = instance.facts.series_uid
    if insert_unless_there(connection, slides, _slide_row(instance)):
        note(connection, instance.received_at, series_uid, EventKind.OPENED, f"first instance from {instance.sender}")
        return Recording.NEW
    lock_slide(connection, series_uid)
    _add_to_slide(connection, instance)
    return Recording.NEW


def _judge_repeated(connection: Connection, instance: ReceivedInstance) -> Recording:
    uid = instance.facts.sop_instance_uid
    known = connection.execute(
        select(instances.c.sha256, instances.c.series_uid).where(instances.c.sop_instance_uid == uid)
    ).one()
    if known.sha256 == instance.file.sha256:
        return Recording.IDENTICAL
    note(connection, instance.received_at, known.series_uid, EventKind.CONFLICT, f"{uid} from {instance.sender}")
    return Recording.CONFLICT


def _add_to_slide(connection: Connection, instance: ReceivedInstance) -> None:
    series_uid, at = instance.facts.series_uid, instance.received_at
    row = connection.execute(select(slides).where(slides.c.series_uid == series_uid)).one()
    connection.execute(
        update(slides)
        .where(slides.c.series_uid == series_uid)
        .values(
            instances=row.instances + 1,
            size_bytes=row.size_bytes + instance.file.size_bytes,
            last_received_at=max(row.last_received_at, at),
        )
    )
    reconsider(connection, instance, SlideState(row.state), row.revision)


def reconsider(connection: Connection, instance: ReceivedInstance, state: SlideState, revision: int) -> None:
    """A late instance opens a new revision of its slide, unless a person discarded that."""
    if state is SlideState.DISCARDED:
        detail = f"{instance.facts.sop_instance_uid} from {instance.sender}"
        note(connection, instance.received_at, instance.facts.series_uid, EventKind.LATE, detail)
    elif state is not SlideState.RECEIVING:
        _reopen(connection, instance, revision + 1)


def _reopen(connection: Connection, instance: ReceivedInstance, revision: int) -> None:
    series_uid, at = instance.facts.series_uid, instance.received_at
    empty = dict.fromkeys(("evidence", "code", "message", "result_folder"), "")
    change_slide(connection, series_uid, SlideState.RECEIVING, at, revision=revision, **empty)
    withdraw_job(connection, series_uid, at)
    detail = f"revision {revision} by {instance.facts.sop_instance_uid} from {instance.sender}"
    note(connection, at, series_uid, EventKind.REOPENED, detail)


def mark_incomplete(connection: Connection, slide: Standing, evidence: str, now: datetime) -> bool:
    """See :meth:`marrowcount.ports.Ledger.mark_incomplete`."""
    given_up = update(slides).where(slide.holds(SlideState.RECEIVING))
    changed = given_up.values(state=SlideState.INCOMPLETE, evidence=evidence, changed_at=now)
    if connection.execute(changed).rowcount != 1:
        return False
    note(connection, now, slide.series_uid, EventKind.INCOMPLETE, evidence)
    return True


def find_instances(connection: Connection, series_uid: str) -> Sequence[ReceivedInstance]:
    """A slide's instances in the order of receipt."""
    wanted = select(instances).where(instances.c.series_uid == series_uid).order_by(instances.c.number)
    return [instance_of(row) for row in connection.execute(wanted)]


def find_instance(connection: Connection, sop_instance_uid: str) -> ReceivedInstance | None:
    """One instance; None where there is none."""
    row = connection.execute(select(instances).where(instances.c.sop_instance_uid == sop_instance_uid)).first()
    return None if row is None else instance_of(row)


def find_slide(connection: Connection, series_uid: str) -> SlideRecord | None:
    """One slide; None where there is none."""
    row = connection.execute(select(slides).where(slides.c.series_uid == series_uid)).first()
    return None if row is None else slide_of(row)


def find_slides(connection: Connection, states: Sequence[SlideState]) -> Sequence[SlideRecord]:
    """Slides in these states, or all, the oldest first."""
    wanted = select(slides).order_by(slides.c.first_received_at, slides.c.series_uid)
    return [slide_of(row) for row in connection.execute(wanted.where(slides.c.state.in_(states)) if states else wanted)]


def _instance_row(instance: ReceivedInstance) -> Mapping[str, object]:
    return {
        "sop_instance_uid": instance.facts.sop_instance_uid,
        "sop_class_uid": instance.facts.sop_class_uid,
        "series_uid": instance.facts.series_uid,
        "study_uid": instance.facts.study_uid,
        "facts": facts.encode(instance.facts),
        "path": instance.file.path,
        "sha256": instance.file.sha256,
        "size_bytes": instance.file.size_bytes,
        "sender": instance.sender,
        "received_at": instance.received_at,
    }


def _slide_row(instance: ReceivedInstance) -> Mapping[str, object]:
    return {
        "series_uid": instance.facts.series_uid,
        "study_uid": instance.facts.study_uid,
        "state": SlideState.RECEIVING,
        "revision": 1,
        "instances": 1,
        "size_bytes": instance.file.size_bytes,
        **dict.fromkeys(("evidence", "code", "message", "result_folder"), ""),
        "sender": instance.sender,
        "first_received_at": instance.received_at,
        "last_received_at": instance.received_at,
        "changed_at": instance.received_at,
    }
