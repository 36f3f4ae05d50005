"""Statuses of the UPS services as HTTP, with the warnings that PS3.18 Tables 11.4.3-1 to 11.12.3-1 ask for."""

from __future__ import annotations

from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from marrowcount.workitems import Lock, UpsStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from marrowcount_adapters.ups_worklist.operations import Answer

__all__ = ["Outcome", "outcome_of_cancel_request", "outcome_of_change", "outcome_of_creation", "outcome_of_update"]

Outcome = tuple[HTTPStatus, str]
"""HTTP status, and the text of the Warning header field or ""."""

CREATED_WITH_CHANGES: Final = "The Workitem was created with modifications."
NOT_CLAIMED: Final = "The target URI did not reference a claimed Workitem."
UNFIT_FOR_WORKITEM: Final = "The submitted request is inconsistent with the current state of the Workitem."
UNFIT_FOR_INSTANCE: Final = "The submitted request is inconsistent with the state of the UPS Instance."
ALREADY_CANCELED: Final = "The UPS is already in the requested state of CANCELED."
ALREADY_COMPLETED: Final = "The UPS is already in the requested state of COMPLETED."
UID_MISSING: Final = "The Transaction UID is missing."
UID_INCORRECT: Final = "The Transaction UID is incorrect."

_CREATION: Final[Mapping[UpsStatus, Outcome]] = MappingProxyType(
    {
        UpsStatus.SUCCESS: (HTTPStatus.CREATED, ""),
        UpsStatus.CREATED_WITH_CHANGES: (HTTPStatus.CREATED, CREATED_WITH_CHANGES),
        UpsStatus.DUPLICATE: (HTTPStatus.CONFLICT, ""),
        UpsStatus.NOT_SCHEDULED: (HTTPStatus.BAD_REQUEST, ""),
    }
)

_UPDATE: Final[Mapping[UpsStatus, Outcome]] = MappingProxyType(
    {
        UpsStatus.SUCCESS: (HTTPStatus.OK, ""),
        UpsStatus.FINAL: (HTTPStatus.BAD_REQUEST, UNFIT_FOR_WORKITEM),
        UpsStatus.WRONG_TRANSACTION: (HTTPStatus.BAD_REQUEST, NOT_CLAIMED),
        UpsStatus.NOT_IN_PROGRESS: (HTTPStatus.CONFLICT, NOT_CLAIMED),
    }
)

_CHANGE: Final[Mapping[UpsStatus, Outcome]] = MappingProxyType(
    {
        UpsStatus.SUCCESS: (HTTPStatus.OK, ""),
        UpsStatus.ALREADY_CANCELED: (HTTPStatus.OK, ALREADY_CANCELED),
        UpsStatus.ALREADY_COMPLETED: (HTTPStatus.OK, ALREADY_COMPLETED),
        UpsStatus.ONLY_CREATED_SCHEDULED: (HTTPStatus.BAD_REQUEST, UNFIT_FOR_INSTANCE),
        UpsStatus.FINAL: (HTTPStatus.CONFLICT, UNFIT_FOR_INSTANCE),
        UpsStatus.ALREADY_IN_PROGRESS: (HTTPStatus.CONFLICT, UNFIT_FOR_INSTANCE),
        UpsStatus.NOT_IN_PROGRESS: (HTTPStatus.CONFLICT, UNFIT_FOR_INSTANCE),
        UpsStatus.REQUIREMENTS_UNMET: (HTTPStatus.CONFLICT, UNFIT_FOR_INSTANCE),
    }
)

_CANCEL_REQUEST: Final[Mapping[UpsStatus, Outcome]] = MappingProxyType(
    {
        UpsStatus.SUCCESS: (HTTPStatus.ACCEPTED, ""),
        UpsStatus.ALREADY_CANCELED: (HTTPStatus.ACCEPTED, ALREADY_CANCELED),
        UpsStatus.COMPLETED_ALREADY: (HTTPStatus.CONFLICT, UNFIT_FOR_INSTANCE),
        UpsStatus.PERFORMER_UNREACHABLE: (HTTPStatus.CONFLICT, UNFIT_FOR_INSTANCE),
    }
)


def outcome_of_creation(answer: Answer) -> Outcome:
    """PS3.18 Table 11.4.3-1."""
    return _CREATION[answer.status]


def outcome_of_update(answer: Answer) -> Outcome:
    """PS3.18 Table 11.6.3-1."""
    return _unknown(answer) or _UPDATE[answer.status]


def outcome_of_change(answer: Answer) -> Outcome:
    """PS3.18 Table 11.7.3-1; the wrong Transaction UID and the missing one are told apart."""
    if answer.status is UpsStatus.WRONG_TRANSACTION:
        return HTTPStatus.BAD_REQUEST, UID_MISSING if answer.lock is Lock.MISSING else UID_INCORRECT
    return _unknown(answer) or _CHANGE[answer.status]


def outcome_of_cancel_request(answer: Answer) -> Outcome:
    """PS3.18 Table 11.8.3-1."""
    return _unknown(answer) or _CANCEL_REQUEST[answer.status]


def _unknown(answer: Answer) -> Outcome | None:
    if answer.status is not UpsStatus.UNKNOWN:
        return None
    return (HTTPStatus.GONE if answer.deleted else HTTPStatus.NOT_FOUND), ""
