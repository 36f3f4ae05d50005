"""A workitem as its performer needs it: nothing of the patient."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from marrowcount.slides.instances import WSM_SOP_CLASS_UID

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from marrowcount.workitems.codes import Code
    from marrowcount.workitems.states import WorkitemState

__all__ = ["InputReadiness", "InstanceReference", "Priority", "ReferencedSeries", "Workitem"]


class InputReadiness(StrEnum):
    """Input Readiness State (0040,4041)."""

    INCOMPLETE = "INCOMPLETE"
    """The list of the input is not whole yet."""
    UNAVAILABLE = "UNAVAILABLE"
    """The list is whole, but not all of it can be had yet."""
    READY = "READY"


class Priority(StrEnum):
    """Scheduled Procedure Step Priority (0074,1200)."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


@dataclass(frozen=True, slots=True)
class InstanceReference:
    """An instance by class and identifier."""

    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class ReferencedSeries:
    """Instances of a series, as input or output, and where they can be had (PS3.3 Table 10-3b).

    Attributes:
        instances: listed one by one; a sender that lists none means the whole series.
        retrieve_aes: AE titles for C-MOVE and C-GET.
        retrieve_urls: for WADO-RS.
    """

    study_uid: str
    series_uid: str
    instances: tuple[InstanceReference, ...]
    retrieve_aes: tuple[str, ...] = ()
    retrieve_urls: tuple[str, ...] = ()

    @property
    def holds_slide(self) -> bool:
        """Whether it has a VL Whole Slide Microscopy image, as far as it says what it has."""
        return not self.instances or any(one.sop_class_uid == WSM_SOP_CLASS_UID for one in self.instances)


@dataclass(frozen=True, slots=True)
class Workitem:
    """A workitem as a worklist tells of it.

    Attributes:
        workitem_codes: what is to be done (0040,4018).
        stations: who is to do it (0040,4025); nobody in particular where empty.
        station_classes: what kind of station is to do it (0040,4026).
        starts_at: from when it is scheduled; None where that is not said.
        expires_at: after which nobody wants it any more; None where that is not said.
    """

    uid: str
    state: WorkitemState
    readiness: InputReadiness
    priority: Priority
    workitem_codes: tuple[Code, ...]
    stations: tuple[Code, ...]
    station_classes: tuple[Code, ...]
    starts_at: datetime | None
    expires_at: datetime | None
    inputs: tuple[ReferencedSeries, ...]

    @property
    def slides(self) -> Sequence[ReferencedSeries]:
        """The input series that hold slides."""
        return [series for series in self.inputs if series.holds_slide]
