"""The node's tasks, for people and for programs; never their Transaction UIDs, which are keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from marrowcount.ports import Task

__all__ = ["task_document", "tasks_table"]


def tasks_table(tasks: Iterable[Task]) -> Table:
    """For people."""
    table = Table(title="Workitems", title_justify="left")
    for heading in ("worklist", "workitem", "state", "%", "since", "slides", "what"):
        table.add_column(heading, overflow="fold")
    for task in tasks:
        slides = "\n".join(series.series_uid for series in task.order.inputs if series.holds_slide)
        percent = str(max(task.percent, 0))
        since = f"{task.changed_at:%Y-%m-%d %H:%M}"
        cells = (task.order.worklist, task.order.workitem_uid, task.state, percent, since, slides, task.message)
        table.add_row(*(Text(cell) for cell in cells))
    return table


def task_document(task: Task) -> dict[str, object]:
    """For programs."""
    return {
        "worklist": task.order.worklist,
        "workitem_uid": task.order.workitem_uid,
        "state": task.state.value,
        "percent": max(task.percent, 0),
        "opened_at": task.opened_at.isoformat(),
        "claimed_at": task.claimed_at.isoformat() if task.claimed_at else None,
        "changed_at": task.changed_at.isoformat(),
        "failures": task.failures,
        "message": task.message,
        "slides": [series.series_uid for series in task.order.inputs if series.holds_slide],
    }
