"""Letting slides come that nobody routed: ask an archive, fetch what is lacking, prove that all is there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.errors import DeliveryRefusedError, PeerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from marrowcount.ports import Archive, FetchFailure, FetchProgress, InstanceStore, Ledger, ListedSeries

__all__ = ["Lack", "PulledSlide", "Pulling"]

LOG: Final = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Lack:
    """An instance that was listed and is not held.

    Attributes:
        reason: in words, without patient data.
    """

    sop_instance_uid: str
    reason: str


@dataclass(frozen=True, slots=True)
class PulledSlide:
    """What became of one slide.

    Attributes:
        held_before: instances that were there already and were not fetched again.
        fetched: instances that came.
        lacking: listed instances that are not held now.
        unlisted: instances that the archive counts but does not name.
        failure: why fetching ended before its time; None where it did not.
    """

    series_uid: str
    listed: int
    held_before: int
    fetched: int
    lacking: tuple[Lack, ...]
    unlisted: int
    failure: PeerError | None = None

    def following(self, earlier: PulledSlide) -> PulledSlide:
        """Both pulls of the slide as one."""
        return replace(self, held_before=earlier.held_before, fetched=earlier.fetched + self.fetched)

    @property
    def whole(self) -> bool:
        """Whether all that the archive has of the slide is held."""
        return not self.lacking and not self.unlisted

    @property
    def fault(self) -> PeerError | None:
        """What to tell where it is not whole."""
        if self.whole:
            return None
        if self.failure is not None:
            return self.failure
        if self.lacking:
            lack, said = f"{len(self.lacking)} of {self.listed}", self.lacking[0].reason
            return PeerError("pull-incomplete", f"{lack} instances of {self.series_uid} did not come: {said}")
        more = f"{self.unlisted} more instances in {self.series_uid}"
        return PeerError("list-incomplete", f"The archive counts {more} than it names; try again later.")


@dataclass(frozen=True, slots=True)
class Pulling:
    """Fetches for one node; what is held already is never fetched again, so that a pull goes on where it broke off."""

    ledger: Ledger
    store: InstanceStore

    def pull(self, archive: Archive, slide: ListedSeries, progress: FetchProgress) -> PulledSlide:
        """Let what is lacking of a slide come, and see what is there afterwards.

        A failure of the archive is told in the answer, so that what did come is told, too.

        Raises:
            StorageError: the ledger failed, or the disk can take no more.
        """
        listed = [instance.sop_instance_uid for instance in slide.instances]
        wanted = self._lacking(listed)
        failures, failure = self._fetched(archive, slide, wanted, progress)
        lacking = self._lacking(listed)
        pulled = PulledSlide(
            slide.series_uid,
            len(listed),
            len(listed) - len(wanted),
            len(wanted) - len(lacking),
            tuple(Lack(uid, _reason(uid, failures, failure)) for uid in lacking),
            slide.unlisted,
            failure if lacking else None,
        )
        _log(archive, pulled)
        return pulled

    def holds(self, sop_instance_uid: str) -> bool:
        """Whether the node answers for the instance and has its file.

        Raises:
            StorageError: the ledger failed.
        """
        instance = self.ledger.instance(sop_instance_uid)
        return instance is not None and self.store.path(instance.file.path).exists()

    def _lacking(self, sop_instance_uids: Iterable[str]) -> list[str]:
        return [uid for uid in dict.fromkeys(sop_instance_uids) if not self.holds(uid)]

    @staticmethod
    def _fetched(
        archive: Archive, slide: ListedSeries, wanted: Sequence[str], progress: FetchProgress
    ) -> tuple[Sequence[FetchFailure], PeerError | None]:
        if not wanted:
            return (), None
        try:
            return archive.fetch(slide, wanted, progress), None
        except PeerError as error:
            return (), error


def _reason(uid: str, failures: Sequence[FetchFailure], failure: PeerError | None) -> str:
    """Why this instance lacks: what was said of it, else of any, else that nothing was."""
    named = [each.reason for each in failures if each.sop_instance_uid == uid]
    unnamed = [each.reason for each in failures if not each.sop_instance_uid]
    ended = [failure.message] if failure is not None else []
    return next(iter([*named, *unnamed, *ended]), "the archive says that it sent it, but it did not arrive")


def _log(archive: Archive, pulled: PulledSlide) -> None:
    tell = LOG.info if pulled.whole else LOG.warning
    tell(
        "slide.pulled" if pulled.whole else "slide.pulled_in_part",
        archive=archive.name,
        series_instance_uid=pulled.series_uid,
        listed=pulled.listed,
        held_before=pulled.held_before,
        fetched=pulled.fetched,
        lacking=len(pulled.lacking),
        unlisted=pulled.unlisted,
        code=pulled.fault.code if pulled.fault else "",
        refused=isinstance(pulled.failure, DeliveryRefusedError),
    )
