"""Which earlier result of a slide a new one takes the place of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from marrowcount.main.result_files import REJECTION_KO, dicom_files_in
from marrowcount.main.result_folders import RESULT_FILE
from marrowcount.workflow.identity import result_uid
from marrowcount_adapters.structured_report.rejection import taken_back
from marrowcount_adapters.wsi.header import read_header

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pydicom import Dataset

    from marrowcount.result import CountResult

__all__ = ["Earlier", "earlier_results", "reissued"]


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was given out for a slide before.

    Attributes:
        latest: headers of the latest result's instances by the names of their files, without its own note.
        taken_back: SOP Instance UIDs that notes of earlier results name: archives show them no more.
    """

    latest: Mapping[str, Dataset] = field(default_factory=lambda: MappingProxyType({}))
    taken_back: frozenset[str] = frozenset()


def earlier_results(folders: Iterable[Path]) -> Earlier:
    """Read what the folders of a slide's results hold.

    Args:
        folders: in any order; those that are not whole are passed over. Names are ``revision.attempt``.

    Raises:
        InstanceError, OSError: a file cannot be read.
    """
    whole = sorted((folder for folder in folders if (folder / RESULT_FILE).is_file()), key=_age)
    counted = [folder for folder in whole if dicom_files_in(folder)]
    if not counted:
        return Earlier()
    latest = {name: read_header(counted[-1] / name) for name in dicom_files_in(counted[-1]) if name != REJECTION_KO}
    notes = [read_header(folder / REJECTION_KO) for folder in counted if (folder / REJECTION_KO).is_file()]
    return Earlier(latest, frozenset(uid for note in notes for uid in taken_back(note)))


def _age(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else 0 for part in folder.name.split("."))


def reissued(result: CountResult, earlier: Earlier) -> CountResult:
    """The result under UIDs that no note takes back: a count that finds again what an older one found is a new one."""
    while result_uid(result, "cells") in earlier.taken_back:
        result = replace(result, issue=result.issue + 1)
    return result
