"""Where results lie: a folder for each attempt, so that a worker thought dead cannot write into its successor's."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from marrowcount.errors import InstanceError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from pathlib import Path

    from marrowcount.ports import Job

__all__ = ["RESULT_FILE", "is_whole", "keep_instances", "place_of", "sync_folders", "writing_waits"]

RESULT_FILE: Final = "result.json"
"""Written last: where it stands, the result is whole."""

PASSING: Final = {errno.ENOSPC: "disk-full", errno.EDQUOT: "disk-full", errno.EROFS: "disk-read-only"}


def place_of(job: Job, results: Path) -> str:
    """The folder of this attempt, below the results folder; what earlier attempts left is removed.

    Earlier attempts at the same revision were never recorded; those at older revisions may have been, and then they
    are whole. What persons signed lies in folders ``revision.attempt.version``, which are left alone: one that is not
    whole may be just being written.
    """
    attempts = (each for each in (results / job.series_uid).glob("*.*") if each.name.count(".") == 1)
    for folder in attempts:
        if folder.name.startswith(f"{job.revision}.") or not is_whole(folder):
            shutil.rmtree(folder, ignore_errors=True)
    return f"{job.series_uid}/{job.revision}.{job.attempt}"


def is_whole(folder: Path) -> bool:
    """Whether a folder holds all that belongs to its result."""
    return (folder / RESULT_FILE).is_file()


def keep_instances(folder: Path, names: Iterable[str], uid_of: Callable[[Path], str]) -> None:
    """Take over the files of older results where they hold the same instances.

    A late instance of a slide makes it be counted again, and where that finds the same, its instances have the same
    UIDs: they are known by what was found, not by when. An instance never changes, so the files that may have left
    the node already take the place of those that differ in their date.

    Args:
        folder: of the new result.
        names: of its DICOM files.
        uid_of: SOP Instance UID of a file. An older one that it cannot read is passed over.
    """
    older = [other for other in folder.parent.iterdir() if other != folder and is_whole(other)]
    for path in (folder / name for name in names):
        uid = uid_of(path)
        same = next((old / path.name for old in older if _holds(old / path.name, uid, uid_of)), None)
        if same is not None:
            linked = path.with_suffix(".part")
            linked.hardlink_to(same)
            linked.replace(path)


def _holds(path: Path, uid: str, uid_of: Callable[[Path], str]) -> bool:
    try:
        return path.is_file() and uid_of(path) == uid
    except (InstanceError, OSError):
        return False


@contextmanager
def writing_waits() -> Generator[None]:
    """Tell a disk that takes nothing at the moment from one that fails.

    Raises:
        StorageError: ``disk-full`` or ``disk-read-only``.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in PASSING:
            raise
        raise StorageError(PASSING[error.errno], "the result cannot be written; make room, or mend the disk") from error


def sync_folders(*folders: Path) -> None:
    """Make the names in folders durable: syncing a file does not sync its name (fsync(2))."""
    for folder in folders:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
