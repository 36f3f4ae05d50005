"""What the statuses of C-FIND, C-MOVE and C-GET mean (PS3.4 Tables C.4-1 to C.4-3), and what to do about them."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

from marrowcount.errors import DeliveryRefusedError, PeerError

if TYPE_CHECKING:
    from marrowcount_adapters.dimse.peers import Peer

__all__ = ["RetrieveStatus", "is_pending", "refusal_of"]


class RetrieveStatus(IntEnum):
    """Status (0000,0900) of a response."""

    SUCCESS = 0x0000
    """Any service: complete."""
    CLASS_NOT_SUPPORTED = 0x0122
    """Any service."""
    NOT_AUTHORISED = 0x0124
    """Any service."""
    OUT_OF_RESOURCES = 0xA700
    """C-FIND."""
    CANNOT_COUNT = 0xA701
    """C-MOVE, C-GET: unable to calculate the number of matches."""
    CANNOT_PERFORM = 0xA702
    """C-MOVE, C-GET: unable to perform sub-operations."""
    DESTINATION_UNKNOWN = 0xA801
    """C-MOVE."""
    IDENTIFIER_MISMATCH = 0xA900
    """Any service: the identifier does not match the SOP Class."""
    SUB_OPERATIONS_FAILED = 0xB000
    """C-MOVE, C-GET: complete, but one or more sub-operations failed or ended with a warning."""
    CANCELLED = 0xFE00
    """Any service: ended by a request to cancel."""
    PENDING = 0xFF00
    """C-FIND: a match. C-MOVE, C-GET: sub-operations go on."""
    PENDING_KEYS_IGNORED = 0xFF01
    """C-FIND: one or more optional keys were not matched."""


CANNOT_PROCESS: Final = range(0xC000, 0xD000)

PASSING: Final = {
    RetrieveStatus.OUT_OF_RESOURCES: ("archive-busy", "is out of resources; try again later"),
    RetrieveStatus.CANNOT_COUNT: ("archive-busy", "could not count what matches; try again later"),
    RetrieveStatus.CANNOT_PERFORM: (
        "sub-operations-failed",
        "could send nothing: see that the node runs, that the archive has its right address, and that it may send",
    ),
    RetrieveStatus.CANCELLED: ("retrieve-cancelled", "cancelled the operation; start it again"),
}

FINAL: Final = {
    RetrieveStatus.CLASS_NOT_SUPPORTED: ("peer-lacks-service", "does not offer this service"),
    RetrieveStatus.NOT_AUTHORISED: ("not-authorised", "does not permit it to this AE title; have it permitted there"),
    RetrieveStatus.DESTINATION_UNKNOWN: (
        "destination-unknown",
        "does not know the node's AE title as a destination; have it entered there with the node's host and port",
    ),
    RetrieveStatus.IDENTIFIER_MISMATCH: ("query-refused", "says that the identifier does not match its service"),
}


def is_pending(status: int | None) -> bool:
    """Whether more is to come."""
    return status in {RetrieveStatus.PENDING, RetrieveStatus.PENDING_KEYS_IGNORED}


def refusal_of(peer: Peer, service: str, status: int | None) -> PeerError | None:
    """The failure that a final status stands for; None for success, and for success with failed sub-operations.

    Args:
        peer: the archive.
        service: C-FIND, C-MOVE or C-GET.
        status: None where no answer came, or the association ended before.
    """
    if status is None:
        return PeerError("association-lost", f"{peer} ended the association, or fell silent, during {service}.")
    if status in {RetrieveStatus.SUCCESS, RetrieveStatus.SUB_OPERATIONS_FAILED}:
        return None
    for kind, table in ((PeerError, PASSING), (DeliveryRefusedError, FINAL)):
        if status in table:
            code, said = table[RetrieveStatus(status)]
            return kind(code, f"{peer} {said} ({service} {status:04X}H).")
    if status in CANNOT_PROCESS:
        return PeerError("archive-failed", f"{peer} could not process {service} ({status:04X}H); see its log.")
    return DeliveryRefusedError("unexpected-status", f"{peer} answered {service} with {status:04X}H.")
