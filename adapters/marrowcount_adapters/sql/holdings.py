"""Which file stands for which instance, answered by the ledger's database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import select, update

from marrowcount.ports import EventKind, HeldFile, Holdings, KeptFile
from marrowcount.slides.states import SlideState
from marrowcount_adapters.sql import facts
from marrowcount_adapters.sql.database import SqlDatabase
from marrowcount_adapters.sql.reception import reconsider
from marrowcount_adapters.sql.statements import lock_slide, note
from marrowcount_adapters.sql.tables import events, instances, slides

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from marrowcount.ports import ReceivedInstance

__all__ = ["SqlHoldings"]

ABOUT_FILES: Final = (EventKind.FILE_MISSING, EventKind.FILE_RESTORED)


class SqlHoldings(SqlDatabase, Holdings):
    """A part of the ledger. Each method is one transaction."""

    def held_files(self) -> Sequence[HeldFile]:
        """See the port."""
        row = instances.c
        wanted = select(row.sop_instance_uid, row.series_uid, row.path, row.sha256, row.size_bytes)
        with self.reading() as connection:
            found = connection.execute(wanted.order_by(row.number)).all()
        return [HeldFile(uid, series, KeptFile(*file)) for uid, series, *file in found]

    def note_missing(self, sop_instance_uid: str, now: datetime) -> bool:
        """See the port."""
        with self.writing() as connection:
            series_uid = _series_of(connection, sop_instance_uid)
            if series_uid is None or _is_known_missing(connection, series_uid, sop_instance_uid):
                return False
            note(connection, now, series_uid, EventKind.FILE_MISSING, sop_instance_uid)
            return True

    def restore_file(self, instance: ReceivedInstance) -> None:
        """See the port."""
        uid = instance.facts.sop_instance_uid
        with self.writing() as connection:
            series_uid = _series_of(connection, uid)
            if series_uid is None:
                return
            lock_slide(connection, series_uid)
            before = connection.execute(select(instances.c.sha256).where(instances.c.sop_instance_uid == uid)).scalar()
            _put_file(connection, instance)
            note(connection, instance.received_at, series_uid, EventKind.FILE_RESTORED, uid)
            slide = connection.execute(select(slides).where(slides.c.series_uid == series_uid)).one()
            if before != instance.file.sha256:
                reconsider(connection, instance, SlideState(slide.state), slide.revision)


def _series_of(connection: Connection, sop_instance_uid: str) -> str | None:
    wanted = select(instances.c.series_uid).where(instances.c.sop_instance_uid == sop_instance_uid)
    return connection.execute(wanted).scalar()


def _is_known_missing(connection: Connection, series_uid: str, sop_instance_uid: str) -> bool:
    told = (
        select(events.c.kind)
        .where(events.c.series_uid == series_uid, events.c.kind.in_(ABOUT_FILES), events.c.detail == sop_instance_uid)
        .order_by(events.c.event_id.desc())
        .limit(1)
    )
    return connection.execute(told).scalar() == EventKind.FILE_MISSING


def _put_file(connection: Connection, instance: ReceivedInstance) -> None:
    file = instance.file
    connection.execute(
        update(instances)
        .where(instances.c.sop_instance_uid == instance.facts.sop_instance_uid)
        .values(facts=facts.encode(instance.facts), path=file.path, sha256=file.sha256, size_bytes=file.size_bytes)
    )
