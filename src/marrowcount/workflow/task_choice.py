"""Which of the scheduled workitems are taken on next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from marrowcount.workitems import InputReadiness, Priority, WorkitemState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from marrowcount.workitems import Workitem

__all__ = ["in_order", "is_due"]

_URGENCY: Final = (Priority.HIGH, Priority.MEDIUM, Priority.LOW)


def is_due(workitem: Workitem, now: datetime) -> bool:
    """Whether it may be begun: unclaimed, its input there, its time come and not over."""
    return (
        workitem.state is WorkitemState.SCHEDULED
        and workitem.readiness is InputReadiness.READY
        and (workitem.starts_at is None or workitem.starts_at <= now)
        and (workitem.expires_at is None or workitem.expires_at > now)
    )


def in_order(workitems: Iterable[Workitem]) -> Sequence[Workitem]:
    """The urgent ones first, then those that were scheduled for longest."""
    return sorted(workitems, key=_place)


def _place(workitem: Workitem) -> tuple[int, float, str]:
    start = workitem.starts_at.timestamp() if workitem.starts_at is not None else 0.0
    return _URGENCY.index(workitem.priority), start, workitem.uid
