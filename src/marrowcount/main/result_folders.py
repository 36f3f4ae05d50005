"""Where results lie: a folder for each attempt, so that a worker thought dead cannot write into its successor's."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from marrowcount.ports import Job

__all__ = ["RESULT_FILE", "place_of", "sync_folders"]

RESULT_FILE: Final = "result.json"
"""Written last: where it stands, the result is whole."""


def place_of(job: Job, results: Path) -> str:
    """The folder of this attempt, below the results folder; what earlier attempts left is removed.

    Earlier attempts at the same revision were never recorded; those at older revisions may have been, and then they
    are whole.
    """
    for folder in (results / job.series_uid).glob("*.*"):
        if folder.name.startswith(f"{job.revision}.") or not _is_whole(folder):
            shutil.rmtree(folder, ignore_errors=True)
    return f"{job.series_uid}/{job.revision}.{job.attempt}"


def _is_whole(folder: Path) -> bool:
    return (folder / RESULT_FILE).is_file()


def sync_folders(*folders: Path) -> None:
    """Make the names in folders durable: syncing a file does not sync its name (fsync(2))."""
    for folder in folders:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
