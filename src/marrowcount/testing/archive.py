"""An archive in memory, which holds what it is given and fails where it is told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marrowcount.errors import PeerError
from marrowcount.ports import Archive, FetchFailure, FoundStudy, ListedSeries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from marrowcount.ports import FetchProgress, WantedStudy

__all__ = ["HeldArchive"]


class HeldArchive(Archive):
    """Holds studies and slides; hands instances to ``deliver``, by SOP Instance UID.

    Attributes:
        studies: what it holds, as it describes it.
        slides: the slides of all its studies.
        asked: the instances of each fetch, in order.
        failing: instances that do not come, with the reason.
        breaks_after: instances after which the connection is lost, once; None for never.
    """

    def __init__(
        self,
        name: str,
        studies: Sequence[FoundStudy] = (),
        slides: Sequence[ListedSeries] = (),
        deliver: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._name = name
        self._deliver = deliver
        self.studies = list(studies)
        self.slides = list(slides)
        self.asked: list[tuple[str, ...]] = []
        self.failing: dict[str, str] = {}
        self.breaks_after: int | None = None

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self._name

    def find_studies(self, wanted: WantedStudy) -> Sequence[FoundStudy]:
        """The studies that match."""
        return [study for study in self.studies if _matches(study, wanted)]

    def list_slides(self, study_uid: str, series_uid: str = "") -> Sequence[ListedSeries]:
        """The slides of a study, or the one that is named."""
        return [s for s in self.slides if s.study_uid == study_uid and series_uid in {"", s.series_uid}]

    def fetch(
        self, slide: ListedSeries, sop_instance_uids: Sequence[str], progress: FetchProgress
    ) -> Sequence[FetchFailure]:
        """Deliver what does not fail.

        Raises:
            PeerError: ``association-lost``, where it was told to break.
        """
        self.asked.append(tuple(sop_instance_uids))
        held = {instance.sop_instance_uid for instance in slide.instances}
        for done, uid in enumerate(sop_instance_uids):
            if done == self.breaks_after:
                self.breaks_after = None
                raise PeerError("association-lost", f"{self._name} ended the association.")
            if uid in held and uid not in self.failing:
                self._deliver(uid)
            progress(done + 1, len(sop_instance_uids))
        return [FetchFailure(uid, reason) for uid, reason in self.failing.items() if uid in sop_instance_uids]

    def check(self) -> str:
        """Answer."""
        return "stand-in"


def _matches(study: FoundStudy, wanted: WantedStudy) -> bool:
    return (
        wanted.patient_id in {"", study.patient_id}
        and wanted.issuer in {"", study.issuer}
        and wanted.accession_number in {"", study.accession_number}
        and wanted.study_uid in {"", study.study_uid}
    )
