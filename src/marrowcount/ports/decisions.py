"""What becomes of a slide that does not become complete by itself, and who decided it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from marrowcount.ports.keeping import ReceivedInstance

__all__ = ["Decision", "SlideDecisions"]


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's decision; it stands in the slide's history for good.

    Attributes:
        by: who decided: a name or an account.
        reason: in words, without patient data.
    """

    by: str
    reason: str
    at: datetime

    def __str__(self) -> str:
        return f"by {self.by}: {self.reason}"


class SlideDecisions(Protocol):
    """Kept in the same memory as the ledger. Each method is one transaction and may be called from anywhere.

    Raises (all methods):
        StorageError: the database failed; nothing was changed.
    """

    def siblings(self, study_uid: str, series_uid: str) -> Sequence[ReceivedInstance]:
        """The instances of the study's other series, in the order of receipt."""
        ...

    def set_aside(self, series_uid: str, revision: int, evidence: str, now: datetime, *, instances: int) -> bool:
        """Say that there is nothing to count in a series that is being received or incomplete.

        False where it has moved on meanwhile, or holds another number of instances.
        """
        ...

    def resume(self, series_uid: str, decision: Decision) -> bool:
        """Wait anew for the rest of an incomplete slide; or take a discarding back, which opens a new revision.

        False where the slide is in another state.
        """
        ...

    def accept(self, series_uid: str, evidence: str, decision: Decision, *, instances: int) -> bool:
        """Put the job of counting a slide that is being received or incomplete as it is.

        False where it is in another state, or holds another number of instances.
        """
        ...

    def discard(self, series_uid: str, decision: Decision) -> bool:
        """Keep a slide from being counted, in whatever state it is; a count that is under way is lost.

        False where it has been counted, or was discarded already.
        """
        ...

    def recount(self, series_uid: str, decision: Decision) -> bool:
        """Open a new revision of a slide that was counted, refused or failed, to be counted again.

        False where it is in another state.
        """
        ...
