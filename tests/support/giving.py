"""Sending to a destination as the outbox does: each file told of, then commitment asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from marrowcount.ports import Destination, TakenFile

__all__ = ["Given", "given"]


@dataclass
class Given:
    """What a destination said of the files that it was sent.

    Attributes:
        commitment_uid: the Transaction UID by which commitment was asked for.
    """

    taken: list[TakenFile] = field(default_factory=list)
    commitment_uid: str = ""

    def note(self, _path: Path, said: TakenFile) -> None:
        """To be told of each file that is taken."""
        self.taken.append(said)


def given(destination: Destination, files: Sequence[Path]) -> Given:
    """Send, and ask for commitment."""
    told = Given()
    destination.send(files, told.note)
    told.commitment_uid = destination.ask_commitment(told.taken)
    return told
