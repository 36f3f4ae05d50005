"""The port of people's decisions, answered by the ledger's database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import select, update

from marrowcount.ports import EventKind, SlideDecisions
from marrowcount.slides.states import SlideState
from marrowcount_adapters.sql.rows import instance_of
from marrowcount_adapters.sql.statements import Standing, change_slide, lock_slide, note, withdraw_job
from marrowcount_adapters.sql.tables import instances, slides
from marrowcount_adapters.sql.work import put_job

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from typing import Any

    from sqlalchemy import Connection, Row

    from marrowcount.ports import Decision, ReceivedInstance
    from marrowcount_adapters.sql.database import SqlDatabase

__all__ = ["SqlDecisions"]

_MAY_BE_SET_ASIDE: Final = (SlideState.RECEIVING, SlideState.INCOMPLETE)
_MAY_BE_RESUMED: Final = (SlideState.INCOMPLETE, SlideState.DISCARDED)
_MAY_BE_DISCARDED: Final = frozenset(SlideState) - {SlideState.COUNTED, SlideState.DISCARDED}
_MAY_BE_RECOUNTED: Final = (SlideState.COUNTED, SlideState.REFUSED, SlideState.FAILED)


class SqlDecisions(SlideDecisions):
    """Decisions in the ledger's own tables."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    def siblings(self, study_uid: str, series_uid: str) -> Sequence[ReceivedInstance]:
        """See the port."""
        of_study = select(instances).where(instances.c.study_uid == study_uid, instances.c.series_uid != series_uid)
        with self._database.reading() as connection:
            return [instance_of(row) for row in connection.execute(of_study.order_by(instances.c.number))]

    def set_aside(self, series_uid: str, revision: int, evidence: str, now: datetime, *, instances: int) -> bool:
        """See the port."""
        standing = Standing(series_uid, revision, instances).holds(*_MAY_BE_SET_ASIDE)
        aside = update(slides).where(standing).values(state=SlideState.ASIDE, evidence=evidence, changed_at=now)
        with self._database.writing() as connection:
            if connection.execute(aside).rowcount != 1:
                return False
            note(connection, now, series_uid, EventKind.ASIDE, evidence)
            return True

    def resume(self, series_uid: str, decision: Decision) -> bool:
        """See the port."""
        with self._database.writing() as connection:
            slide = _locked(connection, series_uid, _MAY_BE_RESUMED)
            if slide is None:
                return False
            revision = slide.revision + (slide.state == SlideState.DISCARDED)
            _begin_anew(connection, series_uid, revision, EventKind.RESUMED, decision)
            return True

    def accept(self, series_uid: str, evidence: str, decision: Decision, *, instances: int) -> bool:
        """See the port."""
        with self._database.writing() as connection:
            slide = _locked(connection, series_uid, _MAY_BE_SET_ASIDE)
            if slide is None or slide.instances != instances:
                return False
            note(connection, decision.at, series_uid, EventKind.ACCEPTED, str(decision))
            standing = Standing(series_uid, slide.revision, instances)
            return put_job(connection, standing, _MAY_BE_SET_ASIDE, evidence, decision.at)

    def discard(self, series_uid: str, decision: Decision) -> bool:
        """See the port."""
        with self._database.writing() as connection:
            if _locked(connection, series_uid, _MAY_BE_DISCARDED) is None:
                return False
            withdraw_job(connection, series_uid, decision.at)
            change_slide(connection, series_uid, SlideState.DISCARDED, decision.at)
            note(connection, decision.at, series_uid, EventKind.DISCARDED, str(decision))
            return True

    def recount(self, series_uid: str, decision: Decision) -> bool:
        """See the port."""
        with self._database.writing() as connection:
            slide = _locked(connection, series_uid, _MAY_BE_RECOUNTED)
            if slide is None:
                return False
            _begin_anew(connection, series_uid, slide.revision + 1, EventKind.RECOUNTED, decision)
            return True


def _locked(connection: Connection, series_uid: str, states: Collection[SlideState]) -> Row[Any] | None:
    """The slide's row, which nobody else changes until the transaction ends; None in other states."""
    lock_slide(connection, series_uid)
    row = connection.execute(select(slides).where(slides.c.series_uid == series_uid)).first()
    return row if row is not None and row.state in states else None


def _begin_anew(connection: Connection, series_uid: str, revision: int, kind: EventKind, decision: Decision) -> None:
    empty = dict.fromkeys(("evidence", "code", "message", "result_folder"), "")
    change_slide(connection, series_uid, SlideState.RECEIVING, decision.at, revision=revision, **empty)
    note(connection, decision.at, series_uid, kind, f"revision {revision} {decision}")
