"""A destination that remembers what it was sent and fails when told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marrowcount.errors import PeerError
from marrowcount.ports import Destination, TakenFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["RecordingDestination", "TakenThenError"]


class TakenThenError(PeerError):
    """A failure after some files were taken.

    Attributes:
        files: how many.
    """

    def __init__(self, files: int, code: str, message: str) -> None:
        super().__init__(code, message)
        self.files = files


def made_up_instance_of(file: Path) -> TakenFile:
    """What the destination says of a file: its name stands for its SOP Instance UID."""
    return TakenFile(sop_class_uid="1.2.840.10008.5.1.4.1.1.88.33", sop_instance_uid=file.stem)


class RecordingDestination(Destination):
    """Takes everything, unless there are failures left to raise.

    Attributes:
        sent: the files of each successful sending, in order.
        failures: raised one by one, the first first, before anything is taken again.
        asked: for what commitment was asked, each time.
        commitment_uids: what asking for commitment answers, one after the other.
    """

    def __init__(self, name: str, *failures: Exception, commitment_uid: str = "") -> None:
        self._name = name
        self.failures = list(failures)
        self.sent: list[tuple[Path, ...]] = []
        self.asked: list[tuple[TakenFile, ...]] = []
        self.commitment_uids = [commitment_uid]

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self._name

    def send(self, files: Sequence[Path], taken: Callable[[Path, TakenFile], None]) -> None:
        """Remember the files, or raise the next failure; a :class:`TakenThenError` after it took as many files."""
        first = self.failures[0] if self.failures else None
        for file in files[: first.files if isinstance(first, TakenThenError) else 0]:
            taken(file, made_up_instance_of(file))
        self._fail()
        self.sent.append(tuple(files))
        for file in files:
            taken(file, made_up_instance_of(file))

    def ask_commitment(self, instances: Sequence[TakenFile]) -> str:
        """Remember for what it was asked; the next of the Transaction UIDs it was given, the last one for ever."""
        self.asked.append(tuple(instances))
        return self.commitment_uids.pop(0) if len(self.commitment_uids) > 1 else self.commitment_uids[0]

    def check(self) -> str:
        """Answer, or raise the next failure."""
        self._fail()
        return "stand-in"

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
