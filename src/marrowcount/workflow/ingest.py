"""Taking files in: the same path as for what is received, so the same promises."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from marrowcount.errors import InstanceError
from marrowcount.ports import FileKind
from marrowcount.workflow.receive import Outcome

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from marrowcount.ports import FoundFile, Staging
    from marrowcount.workflow.receive import Receiving

__all__ = ["INGEST_SENDER", "Fate", "Ingested", "Ingesting"]

INGEST_SENDER: Final = "ingest"
"""Stands in the ledger where a calling AE title stands otherwise."""


class Fate(StrEnum):
    """What became of a file."""

    TAKEN = "taken"
    IDENTICAL = "identical"
    """The node held it already."""
    CONFLICT = "conflict"
    """The node holds another data set with the same SOP Instance UID."""
    REJECTED = "rejected"
    PASSED_OVER = "passed over"
    """It is no instance, and nobody said that it was."""


OF_OUTCOME: Final = {
    Outcome.NEW: Fate.TAKEN,
    Outcome.IDENTICAL: Fate.IDENTICAL,
    Outcome.CONFLICT: Fate.CONFLICT,
    Outcome.REJECTED: Fate.REJECTED,
}


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of one file.

    Attributes:
        path: for the screen of whoever asked: people put patients' names into file names.
        code: stable; empty where it was taken.
    """

    path: Path
    fate: Fate
    code: str = ""
    message: str = ""

    @property
    def failed(self) -> bool:
        """Whether the node does not answer for what it was asked to."""
        return self.fate in {Fate.CONFLICT, Fate.REJECTED}


@dataclass(frozen=True, slots=True)
class Ingesting:
    """Takes files in.

    Attributes:
        sop_classes: of instances that a node takes.
    """

    receiving: Receiving
    staging: Staging
    sop_classes: Collection[str]

    def take(self, file: FoundFile) -> Ingested:
        """Take one file in.

        Raises:
            StorageError: the disk or the ledger can take no more; what was taken before stays.
        """
        refused = self._refused(file)
        if refused is not None:
            return refused
        try:
            with self.staging.staged(file.path) as staged:
                receipt = self.receiving.take(staged.path, INGEST_SENDER, file.sop_class_uid, "", staged.digest)
        except InstanceError as error:
            return Ingested(file.path, Fate.REJECTED, error.code, error.message)
        return Ingested(file.path, OF_OUTCOME[receipt.outcome], receipt.code, receipt.message)

    def _refused(self, file: FoundFile) -> Ingested | None:
        if file.kind is not FileKind.INSTANCE:
            fate = Fate.REJECTED if file.named and file.kind is FileKind.OTHER else Fate.PASSED_OVER
            return Ingested(file.path, fate, *NO_INSTANCE[file.kind])
        if file.sop_class_uid not in self.sop_classes:
            text = f"The node takes no instances of class {file.sop_class_uid}."
            return Ingested(file.path, Fate.REJECTED if file.named else Fate.PASSED_OVER, "class-not-supported", text)
        return None


NO_INSTANCE: Final = {
    FileKind.DIRECTORY: ("dicomdir", "A DICOMDIR only lists files, which are found without it."),
    FileKind.SLIDE: ("needs-conversion", "A slide in another format: run marrowcount ingest --convert."),
    FileKind.OTHER: ("not-dicom", "No DICOM file (PS3.10)."),
}
