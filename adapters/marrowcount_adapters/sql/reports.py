"""Versions of reports, in the ledger's database."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from marrowcount.cytology.cell_types import CellType
from marrowcount.ports import EventKind, Reports, ReportVersion
from marrowcount.review import Act, Practitioner, ReportStatus, Signature
from marrowcount_adapters.sql.outbox import find_locked, owe, supersede_before
from marrowcount_adapters.sql.report_tables import reports
from marrowcount_adapters.sql.statements import lock_slide, note
from marrowcount_adapters.sql.tables import slides

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Row

    from marrowcount.ports import Delivery, DeliveryOrder
    from marrowcount_adapters.sql.database import SqlDatabase

__all__ = ["SqlReports", "add_version", "latest_version"]


class SqlReports(Reports):
    """Reports in the ledger's own database."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    def versions(self, series_uid: str) -> Sequence[ReportVersion]:
        """See the port."""
        wanted = select(reports).where(reports.c.series_uid == series_uid).order_by(reports.c.version)
        with self._database.reading() as connection:
            return [_version_of(row) for row in connection.execute(wanted)]

    def sign(
        self, version: ReportVersion, deliveries: Sequence[DeliveryOrder], now: datetime, seen: Sequence[Delivery]
    ) -> bool:
        """See the port."""
        series_uid = version.series_uid
        with self._database.writing() as connection:
            lock_slide(connection, series_uid)
            follows = latest_version(connection, series_uid) == version.version - 1
            if not follows or find_locked(connection, series_uid) != list(seen):
                return False
            add_version(connection, version)
            _show(connection, version)
            note(connection, now, series_uid, EventKind.SIGNED, _told(version))
            if version.given_out:
                supersede_before(connection, series_uid, version.version, now)
            for order in deliveries:
                owe(connection, version, order, now)
            return True


def latest_version(connection: Connection, series_uid: str) -> int:
    """The number of the latest version of the report on a slide; 0 where there is none."""
    highest = select(func.max(reports.c.version)).where(reports.c.series_uid == series_uid)
    return connection.execute(highest).scalar() or 0


def add_version(connection: Connection, version: ReportVersion) -> None:
    """Record a version."""
    signature, counts = version.signature, version.counts
    connection.execute(
        insert(reports).values(
            series_uid=version.series_uid,
            version=version.version,
            revision=version.revision,
            status=version.status,
            issued_at=version.issued_at,
            folder=version.folder,
            given_out=version.given_out,
            signature=None if signature is None else {**asdict(signature), "at": signature.at.isoformat()},
            counts=None if counts is None else {cell_type.name: count for cell_type, count in counts.items()},
        )
    )


def _show(connection: Connection, version: ReportVersion) -> None:
    """The folder that stands for the slide, unless the slide is being received or counted anew."""
    this = slides.c.series_uid == version.series_uid, slides.c.result_folder != ""
    connection.execute(update(slides).where(*this).values(result_folder=version.folder))


def _told(version: ReportVersion) -> str:
    signature = version.signature
    by = "nobody" if signature is None else f"{signature.act} by {signature.by.number}"
    return f"version {version.version} of revision {version.revision} is {version.status}: {by}"


def _version_of(row: Row[Any]) -> ReportVersion:
    return ReportVersion(
        row.series_uid,
        row.version,
        row.revision,
        ReportStatus(row.status),
        row.issued_at,
        row.folder,
        None if row.signature is None else _signature_of(row.signature),
        None if row.counts is None else {CellType[name]: count for name, count in row.counts.items()},
        row.given_out,
    )


def _signature_of(stored: Mapping[str, Any]) -> Signature:
    by, at = Practitioner(**stored["by"]), datetime.fromisoformat(stored["at"])
    return Signature(Act(stored["act"]), by, at, stored["comment"])
