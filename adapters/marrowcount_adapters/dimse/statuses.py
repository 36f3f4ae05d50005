"""The statuses of PS3.7 Annex C and PS3.4 Table B.2-1 that are sent, and what received ones mean."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

from marrowcount.workflow.receive import Outcome, Receipt
from marrowcount.workflow.verdicts import Verdict, verdict_of

if TYPE_CHECKING:
    from marrowcount.errors import MarrowcountError

__all__ = [
    "ActionStatus",
    "NotificationStatus",
    "ReportStatus",
    "Status",
    "Verdict",
    "status_of",
    "status_of_refusal",
    "verdict_of",
]


class Status(IntEnum):
    """Status (0000,0900) of the answer to C-STORE (PS3.4 section B.2.3)."""

    SUCCESS = 0x0000
    """PS3.7 C.1.1: the instance is held, durably; so it is for one that was held before."""
    PROCESSING_FAILURE = 0x0110
    """PS3.7 C.5.21: the node's own failure."""
    DUPLICATE_INSTANCE = 0x0111
    """PS3.7 C.5.8: the SOP Instance UID belongs to another data set."""
    OUT_OF_RESOURCES = 0xA700
    """PS3.4 Table B.2-1: the disk or the ledger cannot take it now."""
    TOO_LARGE = 0xA701
    """PS3.4 Table B.2-1, out of resources: larger than the node's settings allow, so sending again will not help."""
    DATA_SET_MISMATCH = 0xA900
    """PS3.4 Table B.2-1: the data set is not what was announced, or lacks what its class requires."""
    CANNOT_UNDERSTAND = 0xC000
    """PS3.4 Table B.2-1: the data set cannot be parsed."""


class NotificationStatus(IntEnum):
    """Status (0000,0900) of the answer to N-CREATE of Instance Availability Notification (PS3.4 section R.3.2)."""

    SUCCESS = 0x0000
    """PS3.7 C.1.1: the list is remembered, durably; so it is for the same notification again."""
    PROCESSING_FAILURE = 0x0110
    """PS3.7 C.5.21: it cannot be read, or the ledger cannot take it now: notify again later."""
    DUPLICATE_INSTANCE = 0x0111
    """PS3.7 C.5.8: another notification had this SOP Instance UID before; the first one stands."""
    MISSING_ATTRIBUTE = 0x0120
    """PS3.7 C.5.13: a required attribute is missing."""


class ReportStatus(IntEnum):
    """Status (0000,0900) of the answer to N-EVENT-REPORT, of storage commitment and of UPS Event."""

    SUCCESS = 0x0000
    """PS3.7 C.1.1: it was heard, also where nobody waits for it any more."""
    PROCESSING_FAILURE = 0x0110
    """PS3.7 C.5.21: it cannot be read, or the ledger cannot take it now: report again later."""


class ActionStatus(IntEnum):
    """Status (0000,0900) of the answer to N-ACTION of storage commitment (PS3.7 section 10.1.4)."""

    SUCCESS = 0x0000
    """The request is recorded and will be answered; nothing is committed to yet."""
    NO_SUCH_INSTANCE = 0x0112
    """PS3.7 C.5.19: another instance than the well-known one was named."""
    INVALID_ARGUMENT = 0x0115
    """PS3.7 C.5.10: the request lacks a Transaction UID or instances, or names none whole."""
    NO_SUCH_ACTION = 0x0123
    """PS3.7 C.5.24: another Action Type than 1."""
    RESOURCE_LIMITATION = 0x0213
    """PS3.7 C.5.22: the ledger cannot take it now, or it names more instances than the settings allow."""


OF_CODE: Final = {
    "not-dicom": Status.CANNOT_UNDERSTAND,
    "too-large": Status.TOO_LARGE,
    "instance-conflict": Status.DUPLICATE_INSTANCE,
}


def status_of(receipt: Receipt) -> Status:
    """The answer to C-STORE; a rejection that is nothing else is a data set that does not match."""
    if receipt.outcome in {Outcome.NEW, Outcome.IDENTICAL}:
        return Status.SUCCESS
    return OF_CODE.get(receipt.code, Status.DATA_SET_MISMATCH)


def status_of_refusal(error: MarrowcountError) -> Status:
    """The answer to C-STORE where the instance was not even judged."""
    return OF_CODE.get(error.code, Status.OUT_OF_RESOURCES)
