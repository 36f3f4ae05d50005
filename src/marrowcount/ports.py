"""What the core asks of the outside, in its own words; adapters answer, ``marrowcount.testing`` stands in.

Subclass a protocol explicitly, so that the type checker reports a missing or drifted method.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from marrowcount.result import ModelIdentity, SlideContext
    from marrowcount.slides.detections import Detection
    from marrowcount.slides.geometry import SizePx, SpacingMm
    from marrowcount.slides.instances import InstanceFacts
    from marrowcount.slides.states import DeliveryState, SlideState
    from marrowcount.slides.tiles import Tile

__all__ = [
    "CellModel",
    "Clock",
    "CountedOutcome",
    "Delivery",
    "DeliveryKind",
    "DeliveryOrder",
    "Destination",
    "EventKind",
    "InstanceStore",
    "Job",
    "KeptFile",
    "Ledger",
    "LedgerEvent",
    "Picture",
    "Progress",
    "ReceivedInstance",
    "Recording",
    "RoiModel",
    "Slide",
    "SlideRecord",
]

Picture: TypeAlias = "NDArray[np.uint8]"
"""(rows, columns, 3), RGB."""


class Slide(Protocol):
    """An opened slide whose resolution was found right."""

    @property
    def context(self) -> SlideContext:
        """Who and what it belongs to."""
        ...

    @property
    def size(self) -> SizePx:
        """Total pixel matrix of the base level."""
        ...

    @property
    def spacing(self) -> SpacingMm:
        """Pixel spacing of the base level."""
        ...

    def read(self, tile: Tile) -> Picture:
        """The tile's pixels, (512, 512, 3).

        Raises:
            SlideError: the frames are missing or damaged (``Refusal.DAMAGED``).
        """
        ...

    def overview(self) -> tuple[Picture, float]:
        """A small picture of the whole base level and how many base pixels one of its pixels spans.

        Taken from the lower pyramid level whose 512 px tiles still span some 16 to 64 px, or made from the base
        level where the pyramid has none.
        """
        ...

    def close(self) -> None:
        """Let go of the files."""
        ...


class RoiModel(Protocol):
    """Judges whether tiles are fit for cytology."""

    @property
    def identity(self) -> ModelIdentity:
        """Which model it is; ``threshold`` is the probability from which a tile is accepted."""
        ...

    def probabilities(self, pictures: Sequence[Picture]) -> Sequence[float]:
        """Probability of being fit for each 512 px tile, 0 to 1."""
        ...


class CellModel(Protocol):
    """Finds and classifies objects on a tile."""

    @property
    def identity(self) -> ModelIdentity:
        """Which model it is; ``threshold`` is the probability from which an object counts."""
        ...

    def detect(self, picture: Picture) -> Sequence[Detection]:
        """Objects at or above the threshold, boxes in pixels of the picture, after non-maximum suppression."""
        ...


class Progress(Protocol):
    """Hears how far a count has come."""

    def tile_counted(self, tiles_looked_at: int, tiles_counted: int, cells: int, distance: float) -> None:
        """One more tile was counted."""
        ...


@runtime_checkable
class Clock(Protocol):
    """The time, so that tests can hold it."""

    def now(self) -> datetime:
        """The present instant, with zone UTC."""
        ...


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that the store holds durably: written, synced, and its folder synced.

    Attributes:
        path: below the store's root, relative, with forward slashes.
        sha256: of the whole file, hexadecimal.
    """

    path: str
    sha256: str
    size_bytes: int


class InstanceStore(Protocol):
    """Keeps received instances as files, bit by bit as sent."""

    @property
    def incoming(self) -> Path:
        """Folder, on the store's own file system, into which listeners stream."""
        ...

    def keep(self, incoming: Path, series_uid: str, sop_instance_uid: str) -> KeptFile:
        """Take over a complete file; when this returns, it survives a power failure.

        The caller's file may vanish afterwards. A file of the same instance with other bytes stays as it is; the
        second one is kept beside it, and the ledger says which of them stands.

        Raises:
            InstanceError: ``invalid-attribute``, the identifiers cannot be identifiers.
            StorageError: the disk is full or fails.
        """
        ...

    def digest(self, incoming: Path) -> str:
        """SHA-256 of a file, hexadecimal."""
        ...

    def same_data_set(self, incoming: Path, kept: str) -> bool:
        """Whether both files carry the same data set, bit by bit.

        The File Meta Information before it is each receiver's own writing, so it may differ where the sender sent the
        same thing twice: by another protocol, or after an upgrade.
        """
        ...

    def quarantine(self, incoming: Path, reason: str) -> KeptFile:
        """Move aside what cannot be processed, with its reason beside it, for a person to look at."""
        ...

    def path(self, kept: str) -> Path:
        """Where a kept file lies now."""
        ...

    def free_bytes(self) -> int:
        """Space left on the store's file system."""
        ...

    def sweep(self, older_than_s: float) -> int:
        """Delete partial files that dead associations left in ``incoming``; how many."""
        ...


class Recording(StrEnum):
    """What recording an instance found."""

    NEW = "new"
    IDENTICAL = "identical"
    """Known already, with the same digest."""
    CONFLICT = "conflict"
    """Known already, with another digest: the first one stands."""


@dataclass(frozen=True, slots=True)
class ReceivedInstance:
    """An instance that the node answers for.

    Attributes:
        sender: calling AE title, or the user agent for HTTP; never patient data.
    """

    facts: InstanceFacts
    file: KeptFile
    sender: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class SlideRecord:
    """A slide as the ledger knows it.

    Attributes:
        revision: 1 at first; each late instance of a slide already taken up opens the next.
        evidence: why it was found complete, or what is still missing.
        code: refusal or failure code, empty otherwise.
        message: in words, without patient data.
        result_folder: below the results folder; empty while there is none.
    """

    series_uid: str
    study_uid: str
    state: SlideState
    revision: int
    instances: int
    size_bytes: int
    evidence: str
    code: str
    message: str
    result_folder: str
    sender: str
    first_received_at: datetime
    last_received_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Job:
    """The leased task of counting one revision of a slide."""

    job_id: int
    series_uid: str
    revision: int
    attempt: int
    leased_until: datetime


class DeliveryKind(StrEnum):
    """By which protocol something is owed."""

    DICOM = "dicom"
    FHIR = "fhir"


@dataclass(frozen=True, slots=True)
class DeliveryOrder:
    """Something owed to a destination.

    Attributes:
        destination: its name in the settings.
        files: what is owed, in the order of sending, below the results folder.
    """

    kind: DeliveryKind
    destination: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something owed, with its history.

    Attributes:
        attempts: how often a sender took it up.
        owed_since: when the result was recorded, or a person revived it; giving up counts from here.
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
    """Transaction UID of the storage commitment asked for; empty without one."""
    owed_since: datetime


@dataclass(frozen=True, slots=True)
class CountedOutcome:
    """What a finished job leaves: a result, and what it owes to whom.

    Attributes:
        result_folder: where the result's files lie, below the results folder.
        summary: result.json's text.
    """

    result_folder: str
    summary: str
    deliveries: tuple[DeliveryOrder, ...]


class EventKind(StrEnum):
    """What can happen to a slide."""

    OPENED = "opened"
    REOPENED = "reopened"
    """A late instance opened a new revision."""
    CONFLICT = "conflict"
    """An instance came again with other bytes; the first ones stand."""
    READY = "ready"
    INCOMPLETE = "incomplete"
    TAKEN_UP = "taken-up"
    """A worker leased the job."""
    PUT_BACK = "put-back"
    """Counting failed in passing and will be tried again."""
    COUNTED = "counted"
    REFUSED = "refused"
    FAILED = "failed"
    DELIVERED = "delivered"
    COMMITTED = "committed"
    DELIVERY_POSTPONED = "delivery-postponed"
    DELIVERY_BURIED = "delivery-buried"
    DELIVERY_REVIVED = "delivery-revived"
    DELIVERY_SUPERSEDED = "delivery-superseded"


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """One line of a slide's history.

    Attributes:
        detail: in words, without patient data.
    """

    at: datetime
    series_uid: str
    kind: EventKind
    detail: str


class Ledger(Protocol):
    """The node's memory: what it received, what it works on, what it owes. Each method is one transaction.

    All methods may be called from several threads and processes. Times are given by the caller, with zone.

    Raises (all methods):
        StorageError: the database failed; nothing was changed.
    """

    def record_instance(self, instance: ReceivedInstance) -> Recording:
        """Answer for an instance; a new one of a slide that left ``RECEIVING`` opens a new revision."""
        ...

    def instances(self, series_uid: str) -> Sequence[ReceivedInstance]:
        """The instances of a slide, in the order of receipt."""
        ...

    def instance(self, sop_instance_uid: str) -> ReceivedInstance | None:
        """One instance; None where the node does not hold it."""
        ...

    def slide(self, series_uid: str) -> SlideRecord | None:
        """One slide; None where the node does not know it."""
        ...

    def slides(self, *states: SlideState) -> Sequence[SlideRecord]:
        """Slides in these states (none given: all), the oldest first."""
        ...

    def mark_ready(self, series_uid: str, revision: int, evidence: str, now: datetime) -> bool:
        """Move a slide that is being received, incomplete or failed to ready and put the job of counting it.

        False where it has moved on meanwhile.
        """
        ...

    def mark_incomplete(self, series_uid: str, revision: int, evidence: str, now: datetime) -> bool:
        """Give up waiting for the rest of a slide; False where it has moved on meanwhile."""
        ...

    def lease_job(self, worker: str, now: datetime, lease_s: float) -> Job | None:
        """The oldest job that nobody works on (an expired lease counts as nobody); None where there is none."""
        ...

    def extend_lease(self, job: Job, now: datetime, lease_s: float) -> bool:
        """Work goes on; False where the job was lost to another worker or to a newer revision."""
        ...

    def finish(self, job: Job, outcome: CountedOutcome, now: datetime) -> bool:
        """Record the result and all that it owes in one transaction; False, and nothing recorded, where it was lost.

        Deliveries of an older revision that still wait are superseded.
        """
        ...

    def refuse(self, job: Job, code: str, message: str, now: datetime) -> bool:
        """Record that the slide cannot be counted; False where the job was lost."""
        ...

    def retry_job(self, job: Job, message: str, not_before: datetime, now: datetime) -> bool:
        """Put the job back after a passing failure; False where it was lost."""
        ...

    def fail_job(self, job: Job, code: str, message: str, now: datetime) -> bool:
        """Give the job up; a person must look."""
        ...

    def lease_delivery(self, sender: str, now: datetime, lease_s: float) -> Delivery | None:
        """The oldest delivery that is due and whose destination has nothing older of the same slide waiting."""
        ...

    def delivered(self, delivery: Delivery, now: datetime, commitment_uid: str = "") -> None:
        """The destination has it; with the transaction UID where commitment was asked for."""
        ...

    def committed(self, commitment_uid: str, now: datetime) -> bool:
        """Storage commitment was granted; False where no delivery waits for that transaction."""
        ...

    def retry_delivery(self, delivery: Delivery, error: str, not_before: datetime, now: datetime) -> None:
        """Try again later, unless a newer result of the slide took its place."""
        ...

    def bury_delivery(self, delivery: Delivery, error: str, now: datetime) -> None:
        """Refused for good or tried too often; kept as dead letter."""
        ...

    def deliveries(self, series_uid: str | None = None) -> Sequence[Delivery]:
        """What is and was owed, of one slide or of all, the oldest first."""
        ...

    def revive_delivery(self, delivery_id: int, now: datetime) -> bool:
        """Put a dead letter back in the queue; False where there is none, or a newer result took its place."""
        ...

    def events(self, series_uid: str) -> Sequence[LedgerEvent]:
        """What happened to a slide, in the order in which it happened; nothing is ever removed."""
        ...


class Destination(Protocol):
    """Takes results: a PACS or an EHR."""

    @property
    def name(self) -> str:
        """Its name in the settings."""
        ...

    def send(self, files: Sequence[Path]) -> str:
        """Send all files, in this order; the storage commitment transaction UID where one was asked for, or "".

        Sending again what was already sent does no harm.

        Raises:
            PeerError: it could not be reached or failed; try again later.
            DeliveryRefusedError: it refused for good.
        """
        ...

    def check(self) -> str:
        """Ask whether it answers (C-ECHO, metadata); what it said, in a few words.

        Raises:
            PeerError: it does not.
        """
        ...
