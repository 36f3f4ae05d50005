"""N-EVENT-REPORT of the UPS Event SOP Class (PS3.4 CC.2.4): taken over and answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import structlog
from pydicom.dataset import Dataset

from marrowcount_adapters.dimse.statuses import ReportStatus
from marrowcount_adapters.dimse.streaming import caller_of

if TYPE_CHECKING:
    from pynetdicom.dimse_primitives import N_EVENT_REPORT
    from pynetdicom.events import Event

__all__ = ["OnWorkitem", "answer_workitem_event"]

LOG: Final = structlog.get_logger()

OnWorkitem: TypeAlias = Callable[[str, int, str, Dataset], bool]
"""Told the worklist's AE title, the Event Type ID, the workitem's UID and what is said of it; whether it was heard."""


def answer_workitem_event(event: Event, on_workitem: OnWorkitem | None) -> tuple[int, None]:
    """Hand an event on and answer it.

    Whoever is told may ignore it (PS3.4 CC.2.4.2), so the answer is success also where nobody performs for the
    worklist; what cannot be read is a processing failure.
    """
    worklist, request = caller_of(event.assoc), cast("N_EVENT_REPORT", event.request)
    try:
        information = event.event_information
        kind, uid = int(event.event_type or 0), str(request.AffectedSOPInstanceUID)
        heard = on_workitem is not None and on_workitem(worklist, kind, uid, information)
    except Exception as error:  # noqa: BLE001 - whatever a peer sends; it must be answered
        LOG.warning("workitem_event.failed", worklist=worklist, error=type(error).__name__)
        return ReportStatus.PROCESSING_FAILURE, None
    LOG.info("workitem_event.heard", worklist=worklist, event_type=kind, workitem=uid, heard=heard)
    return ReportStatus.SUCCESS, None
