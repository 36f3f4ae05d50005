"""What the ledger remembers of slides and jobs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from marrowcount.ports.deliveries import DeliveryOrder
    from marrowcount.slides.states import SlideState

__all__ = [
    "CountedOutcome",
    "EventKind",
    "Job",
    "LedgerEvent",
    "RefusedOutcome",
    "SlideRecord",
]


@dataclass(frozen=True, slots=True)
class SlideRecord:
    """A slide as the ledger knows it.

    Attributes:
        revision: 1 at first; a late instance of a slide already taken up opens the next, and so does a person who
            wants it counted again.
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


@dataclass(frozen=True, slots=True)
class CountedOutcome:
    """What a finished job leaves: a result, and what it owes to whom.

    Attributes:
        result_folder: where the result's files lie, below the results folder.
        summary: result.json's text.
        follows: the version of the slide's report after which it was made, 0 for none: another one that came in
            between may have been a person's. None where it does not matter.
        given_out: whether its report is; see :class:`~marrowcount.ports.ReportVersion`.
    """

    result_folder: str
    summary: str
    deliveries: tuple[DeliveryOrder, ...]
    follows: int | None = None
    given_out: bool = True


@dataclass(frozen=True, slots=True)
class RefusedOutcome:
    """What a job leaves that found its slide not to be counted.

    Attributes:
        code: why, stable.
        message: why, in words.
        summary: result.json's text; empty where none was written.
        deliveries: what takes an earlier result of the slide back.
        result_folder: where its files lie, below the results folder; empty where it has none.
        follows: as of :class:`CountedOutcome`.
        given_out: likewise.
    """

    code: str
    message: str
    summary: str = ""
    deliveries: tuple[DeliveryOrder, ...] = ()
    result_folder: str = ""
    follows: int | None = None
    given_out: bool = True


class EventKind(StrEnum):
    """What can happen to a slide."""

    OPENED = "opened"
    REOPENED = "reopened"
    """A late instance opened a new revision."""
    CONFLICT = "conflict"
    """An instance came again with other bytes; the first ones stand."""
    FILE_MISSING = "file-missing"
    """The file of an instance is gone; sending the instance again heals it."""
    FILE_RESTORED = "file-restored"
    """An instance whose file was gone has one again."""
    READY = "ready"
    INCOMPLETE = "incomplete"
    ASIDE = "aside"
    """Nothing to count is in the series."""
    LATE = "late"
    """An instance of a discarded slide came; it is kept, and the slide stays discarded."""
    RESUMED = "resumed"
    """A person wants the rest waited for again."""
    ACCEPTED = "accepted"
    """A person wants it counted without what is missing."""
    DISCARDED = "discarded"
    """A person wants it not counted."""
    RECOUNTED = "recounted"
    """A person wants it counted again."""
    TAKEN_UP = "taken-up"
    """A worker leased the job."""
    PUT_BACK = "put-back"
    """Counting failed in passing and will be tried again."""
    COUNTED = "counted"
    REVIEW_NEEDED = "review-needed"
    """A machine judged the slide anew; what a person answered for stands until a person decides."""
    SIGNED = "signed"
    """A person verified, corrected, amended, withdrew or kept the report."""
    REFUSED = "refused"
    FAILED = "failed"
    DELIVERED = "delivered"
    COMMITTED = "committed"
    DELIVERY_POSTPONED = "delivery-postponed"
    DELIVERY_BURIED = "delivery-buried"
    DELIVERY_REVIVED = "delivery-revived"
    DELIVERY_SUPERSEDED = "delivery-superseded"
    DELIVERY_HELD = "delivery-held"
    DELIVERY_DROPPED = "delivery-dropped"
    COMMITMENT_ASKED = "commitment-asked"
    COMMITMENT_PARTIAL = "commitment-partial"
    """The destination answers for some files; the rest is still to be answered."""
    COMMITMENT_AGAIN = "commitment-again"
    """The destination does not answer for some files, or said nothing: they are sent, or asked for, again."""
    COMMITMENT_MISSING = "commitment-missing"
    """The destination has it and never said that it answers for it."""


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
