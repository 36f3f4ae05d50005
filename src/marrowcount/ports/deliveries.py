"""What is owed to a destination, with its history file by file."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from marrowcount.slides.states import DeliveryState

__all__ = ["Delivery", "DeliveryKind", "DeliveryOrder", "FileState", "Hold", "Settlement", "TakenFile", "with_taken"]


class DeliveryKind(StrEnum):
    """By which protocol something is owed."""

    DICOM = "dicom"
    """C-STORE (PS3.4 Annex B)."""
    STOW = "stow"
    """Store transaction of DICOMweb (PS3.18 section 10.5)."""
    FHIR = "fhir"
    HL7V2 = "hl7v2"
    """ORU^R01 (HL7 2.5.1, 7.3.1) by MLLP."""

    @property
    def is_of_instances(self) -> bool:
        """Whether what travels by it are DICOM instances."""
        return self in {DeliveryKind.DICOM, DeliveryKind.STOW}


@dataclass(frozen=True, slots=True)
class DeliveryOrder:
    """Something owed to a destination.

    Attributes:
        destination: its name in the settings.
        files: what is owed, in the order of sending, below the results folder.
        subject: what is sent about it goes out in order, such as a specimen; empty where that is the slide's series.
        skippable: a newer result of the slide may take its place before it was sent; False for a destination that
            must see each version, such as one that files a final report only upon a preliminary one.
    """

    kind: DeliveryKind
    destination: str
    files: tuple[str, ...]
    subject: str = ""
    skippable: bool = True


class FileState(StrEnum):
    """Where one file of a delivery stands; one that was never taken has no state."""

    TAKEN = "taken"
    """The destination said that it has it."""
    COMMITTED = "committed"
    """The destination answers for it."""
    FAILED = "failed"
    """The destination said that it does not answer for it, and why: it is sent again where that may help."""


@dataclass(frozen=True, slots=True)
class TakenFile:
    """What a destination said of one file.

    Attributes:
        file: as in the order; a destination, which knows paths only, leaves it empty.
        sop_class_uid: empty where it is no DICOM instance.
        sop_instance_uid: empty where it is no DICOM instance.
        code: status of a warning (B0xxH) or Failure Reason (PS3.3 C.14.1.1); 0 where all is well.
        places: where a FHIR server keeps what the file held, each as Type/id/_history/version.
    """

    file: str = ""
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    state: FileState = FileState.TAKEN
    code: int = 0
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something owed, with its history.

    Attributes:
        attempts: how often a sender took it up.
        owed_since: when the result was recorded, or a person revived it; giving up counts from here.
        commitment_uid: Transaction UID of the storage commitment last asked for; empty without one.
        taken: what the destination said of each file, in the order in which it first did.
        asked_at: when commitment was last asked for; None where it never was.
        asks: how often it was asked for since the delivery is owed.
        version: of the slide's report that it belongs to.
        held_code: why the node itself holds it, or held it last; it is looked at again. Empty where a person holds it.
        outcome: all that the destination said as it refused; it may quote the patient, so it goes to no log or event.
    """

    delivery_id: int
    series_uid: str
    revision: int
    order: DeliveryOrder
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime
    last_error: str
    delivered_at: datetime | None
    commitment_uid: str
    owed_since: datetime
    taken: tuple[TakenFile, ...] = ()
    asked_at: datetime | None = None
    asks: int = 0
    version: int = 1
    held_code: str = ""
    outcome: str = field(default="", repr=False)

    @property
    def unsent(self) -> Sequence[str]:
        """The files that the destination does not have, in the order of sending."""
        there = {one.file for one in self.taken if one.state is not FileState.FAILED}
        return [file for file in self.order.files if file not in there]

    @property
    def uncommitted(self) -> Sequence[TakenFile]:
        """The files that the destination has and does not answer for (yet)."""
        return [one for one in self.taken if one.state is FileState.TAKEN]


def with_taken(files: Sequence[TakenFile], one: TakenFile) -> tuple[TakenFile, ...]:
    """The list with this entry in the place of its older one, or behind all."""
    if all(other.file != one.file for other in files):
        return (*files, one)
    return tuple(one if other.file == one.file else other for other in files)


@dataclass(frozen=True, slots=True)
class Hold:
    """Why and how long the node itself keeps a delivery back.

    Attributes:
        code: stable.
        why: in words, without patient data.
        again_at: when it is looked at again.
    """

    code: str
    why: str
    again_at: datetime


@dataclass(frozen=True, slots=True)
class Settlement:
    """What becomes of a delivery for which commitment was asked.

    Attributes:
        state: COMMITTED, DELIVERED (some are still to be answered for), WAITING (to be sent or asked for again),
            UNCOMMITTED or DEAD.
        why: in words, without patient data.
        next_attempt_at: where it waits; None otherwise.
    """

    state: DeliveryState
    taken: tuple[TakenFile, ...]
    why: str
    next_attempt_at: datetime | None = None
