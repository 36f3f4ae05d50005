"""Storage commitment, push model (PS3.4 Annex J): the data sets that travel, to the core's words and back."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import structlog
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.uid import UID

from marrowcount.errors import MarrowcountError
from marrowcount.ports import CommitmentReport, FailedReference, Reference
from marrowcount_adapters.dimse.statuses import ReportStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pynetdicom.events import Event

__all__ = [
    "ACTION_REQUEST",
    "COMMITMENT_INSTANCE",
    "EVENT_COMPLETE",
    "EVENT_FAILURES",
    "OnCommitment",
    "answer_report",
    "decode_report",
    "decode_request",
    "encode_report",
    "encode_request",
]

LOG: Final = structlog.get_logger()

COMMITMENT_INSTANCE: Final = "1.2.840.10008.1.20.1.1"
"""Storage Commitment Push Model SOP Instance, the one that all requests are made to."""

ACTION_REQUEST: Final = 1
"""PS3.4 Table J.3.2-1, Action Type ID."""
EVENT_COMPLETE: Final = 1
EVENT_FAILURES: Final = 2
"""PS3.4 Table J.3.3-1, Event Type ID."""

UNSOUND: Final = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
"""What pydicom raises when it comes to values that are none: it decodes them when they are asked for."""

PATIENCE_S: Final = 10.0
PAUSE_S: Final = 0.2

OnCommitment = Callable[[CommitmentReport], bool | None]
"""Told what an archive answers for; False where nobody waits for it (yet)."""


def encode_request(transaction_uid: str, references: Sequence[Reference]) -> Dataset:
    """Action Information of N-ACTION (PS3.4 Table J.3.2-1)."""
    request = Dataset()
    request.TransactionUID = transaction_uid
    request.ReferencedSOPSequence = [_item(reference) for reference in references]
    return request


def encode_report(report: CommitmentReport) -> Dataset:
    """Event Information of N-EVENT-REPORT (PS3.4 Table J.3.3-1)."""
    information = Dataset()
    information.TransactionUID = report.transaction_uid
    if report.committed:
        information.ReferencedSOPSequence = [_item(reference) for reference in report.committed]
    if report.failed:
        information.FailedSOPSequence = [_item(reference, reference.reason) for reference in report.failed]
    return information


def decode_report(information: Dataset) -> CommitmentReport:
    """Read the Event Information of N-EVENT-REPORT.

    Raises:
        ValueError: it lacks the Transaction UID, or a reference is not whole.
    """
    with _whole():
        failed = tuple(
            FailedReference(*_named(item), int(item.FailureReason))
            for item in information.get("FailedSOPSequence") or ()
        )
        return CommitmentReport(str(information.TransactionUID), _references(information), failed)


def decode_request(information: Dataset) -> tuple[str, tuple[Reference, ...]]:
    """Read the Action Information of N-ACTION: the Transaction UID and what is to be answered for.

    Raises:
        ValueError: it lacks the Transaction UID, names nothing, or a reference is not whole.
    """
    with _whole():
        transaction_uid, references = str(information.TransactionUID), _references(information)
    if not references or not UID(transaction_uid).is_valid:
        raise ValueError("The storage commitment request names no transaction or no instances (PS3.4 J.3.2).")
    return transaction_uid, references


@contextmanager
def _whole() -> Iterator[None]:
    try:
        yield
    except UNSOUND as error:
        raise ValueError("The storage commitment data set is not whole (PS3.4 J.3).") from error


def answer_report(event: Event, on_commitment: OnCommitment) -> tuple[int, None]:
    """Hand an N-EVENT-REPORT on and answer it.

    The report may be faster than the ledger's entry that the instances were sent, so it is offered for some seconds.
    One that nobody waits for even then is a repetition, and is answered with success lest it be repeated for ever.
    """
    try:
        report = decode_report(event.event_information)
        matched = _offered(report, on_commitment)
    except (MarrowcountError, ValueError) as error:
        LOG.warning("commitment.report_failed", error=str(error))
        return ReportStatus.PROCESSING_FAILURE, None
    LOG.info(
        "commitment.reported",
        transaction_uid=report.transaction_uid,
        committed=len(report.committed),
        failed=len(report.failed),
        matched=matched,
    )
    return ReportStatus.SUCCESS, None


def _offered(report: CommitmentReport, on_commitment: OnCommitment) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while on_commitment(report) is False:
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE_S)
    return True


def _item(reference: Reference | FailedReference, failure_reason: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = reference.sop_class_uid
    item.ReferencedSOPInstanceUID = reference.sop_instance_uid
    if failure_reason is not None:
        item.FailureReason = failure_reason
    return item


def _references(information: Dataset) -> tuple[Reference, ...]:
    return tuple(Reference(*_named(item)) for item in information.get("ReferencedSOPSequence") or ())


def _named(item: Dataset) -> tuple[str, str]:
    return str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID)
