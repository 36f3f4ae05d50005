"""What is asked of an archive: what it holds of somebody, and to give it.

Patient data live in :class:`WantedStudy` and :class:`FoundStudy` alone, and stay out of their ``repr``: they are for
the screen of the person who asked, never for a log.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Archive", "FetchFailure", "FetchProgress", "FoundStudy", "ListedInstance", "ListedSeries", "WantedStudy"]

FetchProgress = Callable[[int, int], None]
"""Told how many instances have come, and how many were asked for."""


@dataclass(frozen=True, slots=True)
class WantedStudy:
    """What somebody looks for; empty fields match anything, but not all of them may be empty.

    Attributes:
        issuer: Issuer of Patient ID (0010,0021), where several hospitals' numbers meet.
    """

    patient_id: str = field(default="", repr=False)
    issuer: str = field(default="", repr=False)
    accession_number: str = field(default="", repr=False)
    study_uid: str = ""


@dataclass(frozen=True, slots=True)
class FoundStudy:
    """A study that matches, as the archive describes it; empty where it says nothing.

    Attributes:
        study_date: YYYYMMDD.
        modalities: Modalities in Study (0008,0061); empty where the archive does not tell.
    """

    study_uid: str
    patient_id: str = field(default="", repr=False)
    issuer: str = field(default="", repr=False)
    patient_name: str = field(default="", repr=False)
    accession_number: str = field(default="", repr=False)
    study_date: str = field(default="", repr=False)
    description: str = field(default="", repr=False)
    modalities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListedInstance:
    """An instance that the archive says it holds."""

    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class ListedSeries:
    """A slide as the archive, a worklist or anybody else lists it.

    Attributes:
        instances: the slide's images, VL Whole Slide Microscopy alone.
        unlisted: instances that the archive counts in the series (Number of Series Related Instances, 0020,1209) but
            does not name; more than 0 means that the list cannot be trusted, as while a slide is still being stored.
        counted: that count; None where the archive does not tell.
    """

    study_uid: str
    series_uid: str
    instances: tuple[ListedInstance, ...]
    unlisted: int = 0
    counted: int | None = None


@dataclass(frozen=True, slots=True)
class FetchFailure:
    """Why an instance did not come.

    Attributes:
        sop_instance_uid: empty where the archive does not say which one.
        reason: in words, without patient data.
    """

    sop_instance_uid: str
    reason: str


class Archive(Protocol):
    """Answers what it holds, and lets it come into the node's own store.

    Raises (all methods):
        PeerError: it could not be reached or failed; try again later.
        DeliveryRefusedError: it refused for good: it does not know the node, or does not offer the service.
    """

    @property
    def name(self) -> str:
        """Its name in the settings."""
        ...

    def find_studies(self, wanted: WantedStudy) -> Sequence[FoundStudy]:
        """The studies that match, in the archive's order."""
        ...

    def list_slides(self, study_uid: str, series_uid: str = "") -> Sequence[ListedSeries]:
        """The slides of a study, or the one that is named; series without a slide image are left out."""
        ...

    def fetch(
        self, slide: ListedSeries, sop_instance_uids: Sequence[str], progress: FetchProgress
    ) -> Sequence[FetchFailure]:
        """Let these instances of a slide come; what failed of it.

        An instance that came was taken by :class:`marrowcount.workflow.receive.Receiving`, in this process or in the
        one that listens: it is durable, and in the ledger. No failure told is no proof that all came: ask the ledger.
        """
        ...

    def check(self) -> str:
        """Ask whether it answers; what it said, in a few words."""
        ...
