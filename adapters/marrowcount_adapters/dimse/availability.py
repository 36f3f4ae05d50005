"""Instance Availability Notification (PS3.4 Annex R) as its SCP: a list of what is there, taken over and answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import structlog
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from marrowcount.errors import MarrowcountError
from marrowcount.slides.expectations import ExpectedInstance
from marrowcount_adapters.dimse.statuses import NotificationStatus
from marrowcount_adapters.dimse.streaming import caller_of

if TYPE_CHECKING:
    from pynetdicom.dimse_primitives import N_CREATE
    from pynetdicom.events import Event

__all__ = ["OnNotification", "answer_notification"]

LOG: Final = structlog.get_logger()

UNAVAILABLE: Final = "UNAVAILABLE"
"""Instance Availability (0008,0056) of what can no longer be had, so that nobody need wait for it."""

REQUIRED: Final = ("StudyInstanceUID", "ReferencedSeriesSequence")
"""PS3.4 Table R.3.2-1, type 1."""

OnNotification: TypeAlias = Callable[[str, str, tuple[ExpectedInstance, ...]], bool]
"""Told the notification's UID, the caller's AE title and what is available; False where another notification had that
UID before."""


def answer_notification(event: Event, on_notification: OnNotification | None) -> tuple[int, Dataset | None]:
    """Hand an N-CREATE on and answer it; with a UID where the caller left it to the node (PS3.7 section 10.1.5.1.4)."""
    request, caller = cast("N_CREATE", event.request), caller_of(event.assoc)
    given = str(request.AffectedSOPInstanceUID or "")
    uid = given or str(generate_uid())
    try:
        status = _judged(event.attribute_list, uid, caller, on_notification)
    except MarrowcountError as error:
        LOG.error("notification.not_recorded", code=error.code, caller=caller)  # noqa: TRY400 - the code says all
        status = NotificationStatus.PROCESSING_FAILURE
    except Exception as error:  # noqa: BLE001 - whatever a peer sends; it must be answered
        LOG.warning("notification.failed", error=type(error).__name__, caller=caller)
        status = NotificationStatus.PROCESSING_FAILURE
    LOG.info("notification.answered", notification=uid, caller=caller, status=f"{status:04X}")
    if status is not NotificationStatus.SUCCESS or given:
        return status, None
    assigned = Dataset()
    assigned.AffectedSOPInstanceUID = uid  # pynetdicom moves it from here into the command
    return status, assigned


def _judged(notification: Dataset, uid: str, caller: str, on_notification: OnNotification | None) -> NotificationStatus:
    if on_notification is None:
        return NotificationStatus.PROCESSING_FAILURE
    if any(not notification.get(keyword) for keyword in REQUIRED):
        return NotificationStatus.MISSING_ATTRIBUTE
    try:
        available = tuple(_available(notification))
    except AttributeError:  # pydicom's, for an attribute that an item lacks
        return NotificationStatus.MISSING_ATTRIBUTE
    return (
        NotificationStatus.SUCCESS if on_notification(uid, caller, available) else NotificationStatus.DUPLICATE_INSTANCE
    )


def _available(notification: Dataset) -> Iterator[ExpectedInstance]:
    for series in notification.ReferencedSeriesSequence:
        for item in series.get("ReferencedSOPSequence") or ():
            if item.get("InstanceAvailability") != UNAVAILABLE:
                yield ExpectedInstance(
                    str(item.ReferencedSOPInstanceUID), str(item.ReferencedSOPClassUID), str(series.SeriesInstanceUID)
                )
