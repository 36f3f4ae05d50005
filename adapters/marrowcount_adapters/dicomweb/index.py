"""An index of headers in a file of its own, made from the DICOM files and from nothing else.

The ledger holds no patient data, and it may lie on a server with backups of its own; yet a search by Patient ID must
not open every file. So the headers' short values are kept in SQLite in the data folder, beside the files that hold
them anyway and readable by the node's user alone. The index is worth nothing: it is made anew where it is missing,
damaged or of another version.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from marrowcount.errors import StorageError
from marrowcount_adapters.dicomweb.held import Held

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["Entry", "HeaderIndex", "SeriesEntry"]

LOG: Final = structlog.get_logger()

VERSION: Final = 1
BUSY_S: Final = 30.0
TABLES: Final = """
CREATE TABLE held (
    number INTEGER PRIMARY KEY,
    sop_instance_uid TEXT NOT NULL UNIQUE, series_uid TEXT NOT NULL, study_uid TEXT NOT NULL,
    sop_class_uid TEXT NOT NULL, transfer_syntax_uid TEXT NOT NULL, source TEXT NOT NULL, path TEXT NOT NULL,
    size_bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, brief TEXT NOT NULL, header TEXT NOT NULL
);
CREATE INDEX held_series ON held (series_uid);
CREATE INDEX held_study ON held (study_uid);
CREATE INDEX held_source ON held (source);
CREATE TABLE sources (name TEXT PRIMARY KEY, stamp TEXT NOT NULL);
"""
COLUMNS: Final = "study_uid, series_uid, sop_instance_uid, sop_class_uid, transfer_syntax_uid, path, size_bytes, sha256"


class Entry(NamedTuple):
    """An instance and its header's short values, in the DICOM JSON Model."""

    held: Held
    header: Mapping[str, object]


class SeriesEntry(NamedTuple):
    """A series and what all its instances share."""

    study_uid: str
    series_uid: str
    instances: int
    brief: Mapping[str, object]


class HeaderIndex:
    """The index; its methods may be called from several threads.

    Raises (all methods):
        StorageError: ``index-failed``, its file cannot be read or written.
    """

    def __init__(self, file: Path) -> None:
        """Open it, or make it anew."""
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        if not self._is_sound():
            self._make()

    def stamps(self) -> Mapping[str, str]:
        """What was indexed: sources, each with the stamp that it had then."""
        with self._connected() as connection:
            return dict(connection.execute("SELECT name, stamp FROM sources"))

    def known(self, source: str) -> frozenset[str]:
        """SOP Instance UIDs of a source."""
        with self._connected() as connection:
            rows = connection.execute("SELECT sop_instance_uid FROM held WHERE source = ?", (source,))
            return frozenset(uid for (uid,) in rows)

    def add(self, source: str, stamp: str, entries: Iterable[Entry], brief_tags: frozenset[str]) -> None:
        """Index instances of a source; one that is known already, of this source or another, stays as it is."""
        rows = [_row(source, entry, brief_tags) for entry in entries]
        with self._connected() as connection:
            connection.executemany(_INSERT, rows)
            connection.execute("INSERT OR REPLACE INTO sources VALUES (?, ?)", (source, stamp))

    def forget(self, source: str) -> None:
        """A source is no more."""
        with self._connected() as connection:
            connection.execute("DELETE FROM held WHERE source = ?", (source,))
            connection.execute("DELETE FROM sources WHERE name = ?", (source,))

    def instance(self, sop_instance_uid: str) -> Held | None:
        """One instance; None where it is not known."""
        found = self.instances("sop_instance_uid", sop_instance_uid)
        return found[0] if found else None

    def series(self, series_uid: str) -> Sequence[Held]:
        """The instances of a series."""
        return self.instances("series_uid", series_uid)

    def study(self, study_uid: str) -> Sequence[Held]:
        """The instances of a study."""
        return self.instances("study_uid", study_uid)

    def instances(self, column: str, uid: str) -> Sequence[Held]:
        """The instances with a UID in a column, in the order of indexing."""
        with self._connected() as connection:
            rows = connection.execute(f"SELECT {COLUMNS} FROM held WHERE {column} = ? ORDER BY number", (uid,))  # noqa: S608 - a name of ours
            return [_held(row) for row in rows]

    def all_series(self, study_uid: str | None, series_uid: str | None) -> Iterator[SeriesEntry]:
        """Series, study by study in the order of indexing; all where no UID is given."""
        with self._connected() as connection:
            for study, series, count, brief in connection.execute(_SERIES, {"study": study_uid, "series": series_uid}):
                yield SeriesEntry(study, series, count, json.loads(brief))

    def all_instances(self, study_uid: str | None, series_uid: str | None) -> Iterator[Entry]:
        """Instances with their headers in the order of indexing; all where no UID is given."""
        with self._connected() as connection:
            for *row, header in connection.execute(_INSTANCES, {"study": study_uid, "series": series_uid}):
                yield Entry(_held(row), json.loads(header))

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """A connection of the caller's own, and one transaction."""
        try:
            connection = sqlite3.connect(self._file, timeout=BUSY_S)
            try:
                with connection:
                    yield connection
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise StorageError("index-failed", "The index of headers cannot be used; see docs/dicomweb.md.") from error

    def _is_sound(self) -> bool:
        if not self._file.exists():
            return False
        with suppress(StorageError), self._connected() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            return bool(version == VERSION and said == "ok")
        return False

    def _make(self) -> None:
        LOG.info("index.made")
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._file}{suffix}").unlink(missing_ok=True)
        os.close(os.open(self._file, os.O_CREAT | os.O_WRONLY, 0o600))
        with self._connected() as connection:
            # WAL: who reads does not wait for who writes. No sync: after a power failure it is checked and made anew.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(f"{TABLES} PRAGMA user_version = {VERSION};")


_INSERT: Final = """
INSERT INTO held (study_uid, series_uid, sop_instance_uid, sop_class_uid, transfer_syntax_uid, path, size_bytes, sha256,
                  source, brief, header) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (sop_instance_uid) DO NOTHING
"""
_WHERE: Final = "(:study IS NULL OR study_uid = :study) AND (:series IS NULL OR series_uid = :series)"
_SERIES: Final = f"""
SELECT study_uid, series_uid, instances, brief FROM held JOIN (
    SELECT MIN(number) AS first, COUNT(*) AS instances FROM held WHERE {_WHERE} GROUP BY series_uid
) ON number = first
ORDER BY (SELECT MIN(number) FROM held AS other WHERE other.study_uid = held.study_uid), number
"""  # noqa: S608 - names of ours
_INSTANCES: Final = f"""
SELECT {COLUMNS}, header FROM held WHERE {_WHERE}
ORDER BY (SELECT MIN(number) FROM held AS other WHERE other.study_uid = held.study_uid), number
"""  # noqa: S608 - names of ours


def _row(source: str, entry: Entry, brief_tags: frozenset[str]) -> tuple[object, ...]:
    held, header = entry
    brief = {tag: element for tag, element in header.items() if tag in brief_tags}
    return (
        held.study_uid,
        held.series_uid,
        held.sop_instance_uid,
        held.sop_class_uid,
        held.transfer_syntax_uid,
        str(held.path),
        held.size_bytes,
        held.sha256,
        source,
        json.dumps(brief, ensure_ascii=False),
        json.dumps(header, ensure_ascii=False),
    )


def _held(row: Sequence[str | int]) -> Held:
    study, series, instance, sop_class, syntax, path, size, sha256 = row
    return Held(
        str(study), str(series), str(instance), str(sop_class), str(syntax), Path(str(path)), int(size), str(sha256)
    )
