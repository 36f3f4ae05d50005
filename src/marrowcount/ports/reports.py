"""What the ledger remembers of a slide's report: each version, by whom, and where its files lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from marrowcount.cytology.cell_types import CellType
    from marrowcount.ports.deliveries import Delivery, DeliveryOrder
    from marrowcount.review import ReportStatus, Signature

__all__ = ["ReportVersion", "Reports"]


@dataclass(frozen=True, slots=True)
class ReportVersion:
    """One version of the report on a slide.

    Attributes:
        version: 1 at first; counts on over all revisions.
        revision: of the slide, whose count it stands on.
        issued_at: when it was released, with zone.
        folder: where its files lie, below the results folder; empty where it has none.
        signature: of the person who made it; None where a machine did.
        counts: of the classes of the differential where a person's hold; None where the machine's do.
        given_out: whether anybody is told of it. A machine's count of a slide for which a person answered is not, nor
            is it that somebody left the report as it was.
    """

    series_uid: str
    version: int
    revision: int
    status: ReportStatus
    issued_at: datetime
    folder: str = ""
    signature: Signature | None = None
    counts: Mapping[CellType, int] | None = None
    given_out: bool = True


class Reports(Protocol):
    """Kept in the same memory as the ledger. Each method is one transaction and may be called from anywhere.

    The machine's versions are recorded by :meth:`marrowcount.ports.Ledger.finish` and ``refuse``.

    Raises (all methods):
        StorageError: the database failed; nothing was changed.
    """

    def versions(self, series_uid: str) -> Sequence[ReportVersion]:
        """All versions of the report on a slide, the first one first."""
        ...

    def sign(
        self, version: ReportVersion, deliveries: Sequence[DeliveryOrder], now: datetime, seen: Sequence[Delivery]
    ) -> bool:
        """Record a person's version, which follows on the latest, and what it owes to whom.

        What still waits of older versions is superseded, unless the version is not given out.

        Args:
            version: the next one.
            deliveries: what is owed, among it what takes back what destinations have of older versions.
            now: with zone.
            seen: the deliveries of the slide by which it was found what they have.

        Returns:
            False, and nothing recorded, where another version came before it, or a delivery has moved on since.
        """
        ...
