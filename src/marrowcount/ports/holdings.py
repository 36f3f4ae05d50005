"""What reconciling disk and memory asks of the memory: which file stands for which instance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from marrowcount.ports.keeping import KeptFile, ReceivedInstance

__all__ = ["HeldFile", "Holdings"]


@dataclass(frozen=True, slots=True)
class HeldFile:
    """The file by which the node answers for an instance."""

    sop_instance_uid: str
    series_uid: str
    file: KeptFile


class Holdings(Protocol):
    """What the node says it holds. Each method is one transaction.

    Raises (all methods):
        StorageError: the database failed; nothing was changed.
    """

    def held_files(self) -> Sequence[HeldFile]:
        """The files of all instances, in the order of receipt."""
        ...

    def note_missing(self, sop_instance_uid: str, now: datetime) -> bool:
        """Tell a slide's history that the file of one of its instances is gone; False where it tells so already."""
        ...

    def restore_file(self, instance: ReceivedInstance) -> None:
        """Answer for a known instance by another file than before; nothing happens where it is unknown.

        Other bytes than before may change what was counted, so they open a new revision of a slide that left
        ``RECEIVING``.
        """
        ...
