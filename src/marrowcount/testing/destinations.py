"""A destination that remembers what it was sent and fails when told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marrowcount.ports import Destination

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["RecordingDestination"]


class RecordingDestination(Destination):
    """Takes everything, unless there are failures left to raise.

    Attributes:
        sent: the files of each successful sending, in order.
        failures: raised one by one, the first first, before anything is taken again.
        commitment_uid: what each sending answers.
    """

    def __init__(self, name: str, *failures: Exception, commitment_uid: str = "") -> None:
        self._name = name
        self.failures = list(failures)
        self.sent: list[tuple[Path, ...]] = []
        self.commitment_uid = commitment_uid

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self._name

    def send(self, files: Sequence[Path]) -> str:
        """Remember the files, or raise the next failure."""
        self._fail()
        self.sent.append(tuple(files))
        return self.commitment_uid

    def check(self) -> str:
        """Answer, or raise the next failure."""
        self._fail()
        return "stand-in"

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
