"""What completeness asks of the outside: to remember what somebody said belongs to a slide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from marrowcount.slides.expectations import Expectation, ExpectationSource, SeriesCount

__all__ = ["Expectations", "SeriesCounts"]


class SeriesCounts(Protocol):
    """An archive that says how many instances of a series it holds."""

    @property
    def name(self) -> str:
        """Its name in the settings."""
        ...

    def count(self, study_uid: str, series_uid: str) -> int | None:
        """How many slide images it holds of the series; None where it does not know the series.

        Raises:
            PeerError: it could not be reached or failed; ask again later.
        """
        ...


class Expectations(Protocol):
    """Remembers lists of instances and counts, before, while and after the instances come.

    All methods may be called from several threads and processes. Each is one transaction. Services feed it by
    :func:`marrowcount.workflow.expecting.expect`.

    Raises (all methods):
        StorageError: the database failed; nothing was changed.
    """

    def expect(self, expectation: Expectation) -> None:
        """Remember a list; it takes the place of an older one of the same source and key."""
        ...

    def withdraw(self, source: ExpectationSource, key: str) -> bool:
        """Forget a list: its workitem was cancelled, for example; False where there is none."""
        ...

    def find(self, source: ExpectationSource, key: str) -> Expectation | None:
        """One list; None where there is none."""
        ...

    def naming(self, series_uid: str, sop_instance_uids: Collection[str]) -> Sequence[Expectation]:
        """All lists, whole, that name this series or one of these instances; the oldest first."""
        ...

    def note_count(self, series_uid: str, said_by: str, instances: int, at: datetime) -> None:
        """Remember how many instances of a series an archive says it holds."""
        ...

    def counts(self, series_uid: str) -> Sequence[SeriesCount]:
        """What archives last said of a series, by their names in order."""
        ...
