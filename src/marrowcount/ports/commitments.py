"""Storage commitment (PS3.4 Annex J) in the core's own words, and what answering for it asks of the outside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

__all__ = [
    "AskedInstance",
    "CommitmentReport",
    "CommitmentReporter",
    "CommitmentRequest",
    "CommitmentState",
    "CommitmentTask",
    "Commitments",
    "FailedReference",
    "FailureReason",
    "Reference",
    "RequestRecording",
    "asked_anew",
    "is_same_request",
]


class FailureReason(IntEnum):
    """Failure Reason (0008,1197) of storage commitment (PS3.3 C.14.1.1)."""

    PROCESSING_FAILURE = 0x0110
    """A general failure in processing: here, the file is not what was received."""
    NO_SUCH_INSTANCE = 0x0112
    """It is not held."""
    CLASS_INSTANCE_CONFLICT = 0x0119
    """It is held under another SOP Class than was named."""
    CLASS_NOT_SUPPORTED = 0x0122
    """Its class cannot be answered for."""
    DUPLICATE_TRANSACTION = 0x0131
    """The Transaction UID is in use for something else."""
    RESOURCE_LIMITATION = 0x0213
    """There is no room for it now."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An instance referred to by class and identifier."""

    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class FailedReference:
    """An instance that is not answered for, and why.

    Attributes:
        reason: Failure Reason; peers send values that :class:`FailureReason` does not name, too.
    """

    sop_class_uid: str
    sop_instance_uid: str
    reason: int


@dataclass(frozen=True, slots=True)
class CommitmentReport:
    """What an archive took on, and what it did not (PS3.4 Table J.3.3-1)."""

    transaction_uid: str
    committed: tuple[Reference, ...]
    failed: tuple[FailedReference, ...] = ()


@dataclass(frozen=True, slots=True)
class CommitmentRequest:
    """Somebody asks the node to answer for instances (PS3.4 Table J.3.2-1).

    Attributes:
        requester: its AE title.
        instances: in the order in which it named them.
    """

    transaction_uid: str
    requester: str
    instances: tuple[Reference, ...]


class RequestRecording(StrEnum):
    """What recording a request found."""

    NEW = "new"
    REPEATED = "repeated"
    """The same requester asks the same again: it did not hear the answer."""
    DUPLICATE = "duplicate"
    """The Transaction UID was used for another request; each of the instances fails for that."""


class CommitmentState(StrEnum):
    """Where the answer to a request stands."""

    WAITING = "waiting"
    """To be judged and reported, now or at its next attempt."""
    REPORTING = "reporting"
    """Somebody judges or reports it."""
    REPORTED = "reported"
    """The requester heard the answer."""
    DEAD = "dead"
    """The requester could not be told; a person must look."""


@dataclass(frozen=True, slots=True)
class AskedInstance:
    """One instance of a request, and what was found.

    Attributes:
        verdict: 0 where it is answered for, a :class:`FailureReason` where not, None while it is not judged.
    """

    sop_class_uid: str
    sop_instance_uid: str
    verdict: int | None = None


@dataclass(frozen=True, slots=True)
class CommitmentTask:
    """A request with its history.

    Attributes:
        attempts: how often it was taken up since it was asked, or since a person revived it.
        failures: how often judging or reporting failed since then.
        owed_since: when it was asked, or asked again, or revived; giving up counts from here.
    """

    request_id: int
    transaction_uid: str
    requester: str
    instances: tuple[AskedInstance, ...]
    state: CommitmentState
    attempts: int
    failures: int
    requested_at: datetime
    owed_since: datetime
    next_attempt_at: datetime
    last_error: str = ""
    reported_at: datetime | None = None

    @property
    def report(self) -> CommitmentReport:
        """The answer, as far as it was found."""
        committed = tuple(
            Reference(one.sop_class_uid, one.sop_instance_uid) for one in self.instances if one.verdict == 0
        )
        failed = tuple(
            FailedReference(one.sop_class_uid, one.sop_instance_uid, one.verdict)
            for one in self.instances
            if one.verdict
        )
        return CommitmentReport(self.transaction_uid, committed, failed)


class Commitments(Protocol):
    """Remembers what the node was asked to answer for, until the answer was heard. Each method is one transaction.

    All methods may be called from several threads and processes. Times are given by the caller, with zone.

    Raises (all methods):
        StorageError: the database failed; nothing was changed.
    """

    def record_request(self, request: CommitmentRequest, now: datetime) -> RequestRecording:
        """Owe an answer. One that was reported, or given up, and is asked again is owed again, and judged anew."""
        ...

    def lease_request(self, who: str, now: datetime, lease_s: float) -> CommitmentTask | None:
        """The oldest request that is due and that nobody works on (an expired lease counts as nobody)."""
        ...

    def put_back(
        self,
        task: CommitmentTask,
        instances: Sequence[AskedInstance],
        not_before: datetime,
        error: str = "",
    ) -> None:
        """Go on later, with what was found so far; does nothing where the lease was lost.

        ``error`` says what failed; empty where nothing did.
        """
        ...

    def reported(self, task: CommitmentTask, instances: Sequence[AskedInstance], now: datetime) -> None:
        """The requester heard the answer; does nothing where the lease was lost."""
        ...

    def bury_request(self, task: CommitmentTask, instances: Sequence[AskedInstance], error: str) -> None:
        """The requester cannot be told; kept as dead letter; does nothing where the lease was lost."""
        ...

    def revive_request(self, request_id: int, now: datetime) -> bool:
        """Put a dead letter back in the queue, to be judged anew; False where there is none."""
        ...

    def requests(self, *states: CommitmentState) -> Sequence[CommitmentTask]:
        """Requests in these states (none given: all), the oldest first."""
        ...


class CommitmentReporter(Protocol):
    """Tells requesters what is answered for."""

    def report(self, requester: str, report: CommitmentReport) -> None:
        """Tell it; when this returns, the requester has said that it heard.

        Raises:
            PeerError: it could not be reached or failed; try again later.
            DeliveryRefusedError: nobody knows where it listens.
        """
        ...


def is_same_request(task: CommitmentTask, request: CommitmentRequest) -> bool:
    """Whether a requester asks again what it asked before."""
    named = tuple(Reference(one.sop_class_uid, one.sop_instance_uid) for one in task.instances)
    return task.requester == request.requester and named == request.instances


def asked_anew(task: CommitmentTask, now: datetime) -> CommitmentTask:
    """The task as if it were asked now: to be judged anew, but for what failed for its Transaction UID."""
    return replace(
        task,
        instances=tuple(_unjudged(one) for one in task.instances),
        state=CommitmentState.WAITING,
        attempts=0,
        failures=0,
        owed_since=now,
        next_attempt_at=now,
        last_error="",
    )


def _unjudged(one: AskedInstance) -> AskedInstance:
    return one if one.verdict == FailureReason.DUPLICATE_TRANSACTION else replace(one, verdict=None)
