from __future__ import annotations

import errno
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from marrowcount.errors import InstanceError, StorageError
from marrowcount.main.result_folders import RESULT_FILE, keep_instances, place_of, writing_waits
from marrowcount.ports import Job

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def left(results: Path, name: str, *files: str) -> None:
    folder = results / "1.2.3" / name
    folder.mkdir(parents=True)
    for file in files:
        (folder / file).write_text("x")


def kept(results: Path) -> set[str]:
    return {folder.name for folder in (results / "1.2.3").iterdir()}


def test_each_attempt_has_a_folder_of_its_own(tmp_path: Path) -> None:
    """A worker that lost its lease and does not know it never writes where its successor does."""
    places = {place_of(Job(1, "1.2.3", revision, attempt, NOW), tmp_path) for revision in (1, 2) for attempt in (1, 2)}
    assert places == {"1.2.3/1.1", "1.2.3/1.2", "1.2.3/2.1", "1.2.3/2.2"}


def test_what_dead_attempts_left_is_removed(tmp_path: Path) -> None:
    """Earlier attempts at this revision were not recorded; older revisions' results stay where they are whole."""
    left(tmp_path, "1.1", "cells.ann.part")
    left(tmp_path, "1.2", "cells.ann.dcm", RESULT_FILE)
    left(tmp_path, "2.1", "cells.ann.dcm", RESULT_FILE)
    left(tmp_path, "2.2", "cells.ann.part")
    left(tmp_path, "2.3", "cells.ann.part")
    assert place_of(Job(7, "1.2.3", 2, 3, NOW), tmp_path) == "1.2.3/2.3"
    assert kept(tmp_path) == {"1.2"}


def test_folders_of_earlier_versions_are_left_alone(tmp_path: Path) -> None:
    """They were named by the revision alone."""
    left(tmp_path, "1", RESULT_FILE)
    place_of(Job(7, "1.2.3", 2, 1, NOW), tmp_path)
    assert kept(tmp_path) == {"1"}


def test_an_instance_never_changes(tmp_path: Path) -> None:
    """A recount that finds the same takes over the files that may have left the node; what differs stays new."""

    def write(name: str, cells: str, report: str) -> None:
        left(tmp_path, name, RESULT_FILE)
        (tmp_path / "1.2.3" / name / "cells.dcm").write_text(cells)
        (tmp_path / "1.2.3" / name / "report.dcm").write_text(report)

    write("1.1", "uid-a at eight", "uid-b at eight")
    write("2.1", "uid-a at nine", "uid-c at nine")
    folder = tmp_path / "1.2.3" / "2.1"
    keep_instances(folder, ["cells.dcm", "report.dcm"], lambda path: path.read_text().split()[0])
    assert [path.read_text() for path in sorted(folder.glob("*.dcm"))] == ["uid-a at eight", "uid-c at nine"]
    assert sorted(path.name for path in folder.iterdir()) == ["cells.dcm", "report.dcm", RESULT_FILE]


@pytest.mark.parametrize("error", [OSError("gone"), InstanceError("not-dicom", "damaged")])
def test_a_damaged_file_of_an_older_result_is_passed_over(tmp_path: Path, error: Exception) -> None:
    """It takes the place of nothing, and is no reason to fail."""
    for name in ("1.1", "2.1"):
        left(tmp_path, name, RESULT_FILE, "cells.dcm")
    folder = tmp_path / "1.2.3" / "2.1"

    def uid_of(path: Path) -> str:
        if path.parent != folder:
            raise error
        return "uid-a"

    keep_instances(folder, ["cells.dcm"], uid_of)
    assert (folder / "cells.dcm").stat().st_nlink == 1


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "disk-full"), (errno.EROFS, "disk-read-only")])
def test_a_disk_without_room_is_waited_for(number: int, code: str) -> None:
    """That is no fault of the slide."""
    with pytest.raises(StorageError) as caught, writing_waits():
        raise OSError(number, os.strerror(number))
    assert caught.value.code == code


def test_a_broken_disk_is_not_waited_for() -> None:
    """Else one unreadable slide would keep all others waiting."""
    with pytest.raises(OSError, match="Input/output"), writing_waits():
        raise OSError(errno.EIO, os.strerror(errno.EIO))
