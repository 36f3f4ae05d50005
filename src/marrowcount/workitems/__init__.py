"""Workitems of a worklist: the Unified Procedure Step (PS3.3 C.30, PS3.4 Annex CC) in the core's own words."""

from marrowcount.workitems.codes import Code, Discontinuation
from marrowcount.workitems.final_state import FINAL_STATE, FinalStateCode, Presence, unmet_requirements
from marrowcount.workitems.states import (
    FINAL_STATES,
    Lock,
    UpsStatus,
    WorkitemState,
    judge_cancel_request,
    judge_change,
    judge_update,
    lock_of,
)
from marrowcount.workitems.workitem import InputReadiness, InstanceReference, Priority, ReferencedSeries, Workitem

__all__ = [
    "FINAL_STATE",
    "FINAL_STATES",
    "Code",
    "Discontinuation",
    "FinalStateCode",
    "InputReadiness",
    "InstanceReference",
    "Lock",
    "Presence",
    "Priority",
    "ReferencedSeries",
    "UpsStatus",
    "Workitem",
    "WorkitemState",
    "judge_cancel_request",
    "judge_change",
    "judge_update",
    "lock_of",
    "unmet_requirements",
]
