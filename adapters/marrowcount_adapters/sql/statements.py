"""Steps that several transactions share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Table, and_, insert, select, true, update
from sqlalchemy.dialects import postgresql, sqlite

from marrowcount_adapters.sql.tables import OPEN_JOBS, JobState, events, jobs, slides

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from marrowcount.ports import EventKind
    from marrowcount.slides.states import SlideState

__all__ = ["Standing", "change_slide", "insert_unless_there", "lock_slide", "note", "withdraw_job"]


@dataclass(frozen=True, slots=True)
class Standing:
    """A slide as somebody saw it who now wants to move it.

    Attributes:
        instances: how many it had; None where that does not matter.
    """

    series_uid: str
    revision: int
    instances: int | None

    def holds(self, *states: SlideState) -> ColumnElement[bool]:
        """Whether it is still so, and in one of these states."""
        same = true() if self.instances is None else slides.c.instances == self.instances
        here = and_(slides.c.series_uid == self.series_uid, slides.c.revision == self.revision)
        return and_(here, same, slides.c.state.in_(states))


def insert_unless_there(connection: Connection, table: Table, values: Mapping[str, object]) -> bool:
    """Insert a row; False where one with the same key stands, also if another transaction has just put it there."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    inserted = make(table).values(values).on_conflict_do_nothing().returning(*table.primary_key)
    return connection.execute(inserted).first() is not None


def lock_slide(connection: Connection, series_uid: str) -> None:
    """Let nobody else change this slide or its job until the transaction ends.

    Every transaction that touches a job takes this lock first, so that none waits for another in a circle. SQLite
    knows one writer at a time and needs no lock.
    """
    connection.execute(
        select(slides.c.series_uid).where(slides.c.series_uid == series_uid).with_for_update(key_share=True)
    )


def change_slide(connection: Connection, series_uid: str, state: SlideState, at: datetime, **also: object) -> None:
    """Move a slide to a state and set other columns of its row."""
    changed = update(slides).where(slides.c.series_uid == series_uid)
    connection.execute(changed.values(state=state, changed_at=at, **also))


def note(connection: Connection, at: datetime, series_uid: str, kind: EventKind, detail: str) -> None:
    """Write a line of a slide's history."""
    connection.execute(insert(events).values(at=at, series_uid=series_uid, kind=kind, detail=detail))


def withdraw_job(connection: Connection, series_uid: str, at: datetime) -> None:
    """Close the open job of a slide, if it has one; whoever works on it finds it lost."""
    still_open = jobs.c.state.in_(OPEN_JOBS)
    withdrawn = update(jobs).where(jobs.c.series_uid == series_uid, still_open)
    connection.execute(withdrawn.values(state=JobState.WITHDRAWN, closed_at=at))
