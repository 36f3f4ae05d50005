"""What subscribers are told (PS3.4 Table CC.2.4-1, PS3.18 11.13), and the connections it goes out on."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from dataclasses import dataclass
from enum import IntEnum
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from marrowcount_adapters.ups_worklist.json_model import Attributes, first, items, key_of, put, put_items, values

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "UPS_PUSH",
    "EventHub",
    "EventType",
    "Notice",
    "assigned",
    "cancel_requested",
    "progress_report",
    "scp_status",
    "state_report",
]

UPS_PUSH: Final = "1.2.840.10008.5.1.4.34.6.1"
"""SOP Class of every workitem, whichever service speaks of it (PS3.4 CC.3.1)."""

LONGEST_QUEUE: Final = 1000
"""Events that wait for a slow reader; then its connection is closed, and it must look for itself."""

_message_ids = count(1)


class EventType(IntEnum):
    """Event Type ID (0000,1002)."""

    STATE_REPORT = 1
    CANCEL_REQUESTED = 2
    PROGRESS_REPORT = 3
    SCP_STATUS_CHANGE = 4
    ASSIGNED = 5


@dataclass(frozen=True, slots=True)
class Notice:
    """An event and whom it goes to."""

    receivers: tuple[str, ...]
    event: Attributes


def _event(uid: str, kind: EventType) -> Attributes:
    return {
        "00000002": {"vr": "UI", "Value": [UPS_PUSH]},
        "00000110": {"vr": "US", "Value": [next(_message_ids) % 65536]},
        "00001000": {"vr": "UI", "Value": [uid]},
        "00001002": {"vr": "US", "Value": [int(kind)]},
    }


def state_report(uid: str, attributes: Attributes, state: str = "") -> Attributes:
    """Its state, or another that it went through, and whether its input is there."""
    event = _event(uid, EventType.STATE_REPORT)
    put(event, "ProcedureStepState", state or first(attributes, "ProcedureStepState"))
    put(event, "InputReadinessState", first(attributes, "InputReadinessState"))
    for progress in items(attributes, "ProcedureStepProgressInformationSequence"):
        _copy(progress, event, "ReasonForCancellation", "ProcedureStepDiscontinuationReasonCodeSequence")
    return event


def cancel_requested(uid: str, requester: str, reasons: Attributes) -> Attributes:
    """Somebody wants it cancelled, and why."""
    event = _event(uid, EventType.CANCEL_REQUESTED)
    put(event, "RequestingAE", requester)
    _copy(
        reasons,
        event,
        "ReasonForCancellation",
        "ProcedureStepDiscontinuationReasonCodeSequence",
        "ContactURI",
        "ContactDisplayName",
    )
    return event


def progress_report(uid: str, attributes: Attributes) -> Attributes:
    """How far it has come."""
    event = _event(uid, EventType.PROGRESS_REPORT)
    put_items(
        event,
        "ProcedureStepProgressInformationSequence",
        *items(attributes, "ProcedureStepProgressInformationSequence"),
    )
    return event


def assigned(uid: str, attributes: Attributes) -> Attributes:
    """Who is to do it."""
    event = _event(uid, EventType.ASSIGNED)
    _copy(attributes, event, "ScheduledStationNameCodeSequence")
    for performer in items(attributes, "ScheduledHumanPerformersSequence")[:1]:
        _copy(performer, event, "HumanPerformerCodeSequence", "HumanPerformerOrganization")
    return event


def scp_status(uid: str, status: str) -> Attributes:
    """The worklist itself was restarted, or goes down; it forgets nothing."""
    event = _event(uid, EventType.SCP_STATUS_CHANGE)
    put(event, "SCPStatus", status)
    put(event, "SubscriptionListStatus", "WARM START")
    put(event, "UnifiedProcedureStepListStatus", "WARM START")
    return event


def _copy(source: Attributes, target: Attributes, *keywords: str) -> None:
    for keyword in keywords:
        if values(source, keyword):
            target[key_of(keyword)] = source[key_of(keyword)]


class EventHub:
    """Open connections by AE title; events are put in their queues from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: defaultdict[str, list[tuple[asyncio.AbstractEventLoop, asyncio.Queue[Any]]]] = defaultdict(list)

    def open(self, ae_title: str) -> asyncio.Queue[Any]:
        """A queue of events for a connection, which ends with None where its reader is too slow."""
        queue: asyncio.Queue[Any] = asyncio.Queue(LONGEST_QUEUE)
        with self._lock:
            self._queues[ae_title].append((asyncio.get_running_loop(), queue))
        return queue

    def close(self, ae_title: str, queue: asyncio.Queue[Any]) -> None:
        """The connection has ended."""
        with self._lock:
            self._queues[ae_title] = [kept for kept in self._queues[ae_title] if kept[1] is not queue]

    def connected(self, ae_title: str) -> int:
        """How many connections the AE title has."""
        with self._lock:
            return len(self._queues[ae_title])

    def send(self, notices: Sequence[Notice]) -> None:
        """Put the events into the queues of those who are connected; nobody else is waited for."""
        with self._lock:
            for notice in notices:
                for receiver in notice.receivers:
                    for loop, queue in self._queues[receiver]:
                        loop.call_soon_threadsafe(_offer, queue, notice.event)


def _offer(queue: asyncio.Queue[Any], event: Attributes) -> None:
    if queue.full():
        queue.get_nowait()
        queue.put_nowait(None)
        return
    queue.put_nowait(event)
