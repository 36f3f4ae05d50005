"""What every memory of tasks promises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from marrowcount.ports import CountProgress, NewTask, Task, TaskState
from marrowcount.testing import InMemoryLedger, InMemoryTasks
from marrowcount.workitems import Code, Discontinuation, InstanceReference, ReferencedSeries
from marrowcount_adapters.sql import SqlDatabase, SqlTasks

if TYPE_CHECKING:
    from marrowcount.ports import Ledger, TaskLedger

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
LEASE_S = 60.0
CODE = Code("COUNT", "99TEST", "Count")
SERIES = ReferencedSeries("1.2", "1.2.3", (InstanceReference("1.5", "1.2.3.4"),), ("ARCHIVE",), ("http://a/x",))
WISH = Discontinuation(Code("110500", "DCM", "Doctor canceled procedure"), "ordered twice")


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def order(uid: str = "2.25.1", worklist: str = "ris", transaction: str = "2.25.99") -> NewTask:
    return NewTask(worklist, uid, transaction, (CODE,), (SERIES,))


@pytest.fixture
def tasks(ledger: Ledger) -> TaskLedger:
    if isinstance(ledger, InMemoryLedger):
        return InMemoryTasks()
    assert isinstance(ledger, SqlDatabase)
    return SqlTasks(ledger)


def lease(tasks: TaskLedger, seconds: float = 0.0, worklist: str = "ris") -> Task:
    task = tasks.lease_task(worklist, after(seconds), LEASE_S)
    assert task is not None
    return task


def test_a_task_is_remembered_as_it_was_opened(tasks: TaskLedger) -> None:
    """All of it, before anything was said to the worklist."""
    opened = tasks.open_task(order(), NOW)
    assert opened is not None
    assert list(tasks.tasks()) == [opened]
    assert opened.order == order()
    assert (opened.state, opened.opened_at, opened.claimed_at) == (TaskState.CLAIMING, NOW, None)
    assert (opened.looks, opened.failures, opened.percent, opened.message, opened.wish) == (0, 0, -1, "", None)


def test_a_workitem_is_one_task(tasks: TaskLedger) -> None:
    """While it is open nobody opens it again, and its Transaction UID stays."""
    tasks.open_task(order(), NOW)
    assert tasks.open_task(order(transaction="2.25.100"), after(1)) is None
    assert [task.order.transaction_uid for task in tasks.tasks()] == ["2.25.99"]


def test_the_same_uid_on_another_worklist_is_another_task(tasks: TaskLedger) -> None:
    """Worklists give UIDs of their own."""
    tasks.open_task(order(), NOW)
    assert tasks.open_task(order(worklist="lis"), NOW) is not None
    assert lease(tasks, worklist="lis").order.worklist == "lis"


def test_of_many_who_open_a_task_one_does(tasks: TaskLedger) -> None:
    """Nodes that share a database claim a workitem once."""
    orders = [order(transaction=f"2.25.{n}") for n in range(100, 120)]
    with ThreadPoolExecutor(8) as pool:
        opened = [task for task in pool.map(lambda one: tasks.open_task(one, NOW), orders) if task is not None]
    assert len(opened) == 1
    assert list(tasks.tasks()) == opened


def test_a_leased_task_is_looked_at_by_one(tasks: TaskLedger) -> None:
    """While the lease lasts nobody else gets it; afterwards it counts as nobody's."""
    tasks.open_task(order(), NOW)
    first = lease(tasks)
    assert first.looks == 1
    assert tasks.lease_task("ris", after(LEASE_S - 1), LEASE_S) is None
    assert tasks.extend_task(first, after(LEASE_S - 1), LEASE_S)
    assert tasks.lease_task("ris", after(LEASE_S), LEASE_S) is None
    second = lease(tasks, 2 * LEASE_S)
    assert second.looks == 2
    assert not tasks.extend_task(first, after(2 * LEASE_S), LEASE_S)
    assert not tasks.keep_task(replace(first, state=TaskState.LOST), after(2 * LEASE_S), NOW)
    assert tasks.tasks()[0].state is TaskState.CLAIMING


def test_of_many_who_lease_each_gets_another(tasks: TaskLedger) -> None:
    """Twenty threads, ten tasks: each task once."""
    for number in range(10):
        tasks.open_task(order(f"2.25.{number}"), NOW)
    with ThreadPoolExecutor(8) as pool:
        leased = [task for task in pool.map(lambda _: tasks.lease_task("ris", NOW, LEASE_S), range(20)) if task]
    assert len(leased) == 10
    assert len({task.task_id for task in leased}) == 10


def test_a_kept_task_rests_until_its_time(tasks: TaskLedger) -> None:
    """What was found out is remembered; the one that waits for the longest time comes first."""
    tasks.open_task(order("2.25.1"), NOW)
    tasks.open_task(order("2.25.2"), after(1))
    held = replace(lease(tasks), state=TaskState.HELD, claimed_at=after(2), percent=40, message="counting", failures=3)
    assert tasks.keep_task(held, after(3), after(30))
    other = lease(tasks, 3)
    assert other.order.workitem_uid == "2.25.2"
    tasks.keep_task(other, after(4), after(20))
    assert tasks.lease_task("ris", after(19), LEASE_S) is None
    assert lease(tasks, 40).order.workitem_uid == "2.25.2"
    again = lease(tasks, 40)
    assert again == replace(held, looks=2, changed_at=after(3))


def test_what_ended_is_not_looked_at_any_more(tasks: TaskLedger) -> None:
    """It stays in the list, and can neither be woken nor wished away."""
    tasks.open_task(order(), NOW)
    tasks.keep_task(replace(lease(tasks), state=TaskState.COMPLETED), after(1), after(1))
    assert tasks.lease_task("ris", after(1e6), LEASE_S) is None
    assert not tasks.wake_task("ris", "2.25.1", after(2))
    assert not tasks.wish_cancel("ris", "2.25.1", WISH, after(2))
    assert [task.state for task in tasks.tasks(TaskState.COMPLETED)] == [TaskState.COMPLETED]
    assert not tasks.tasks(TaskState.CLAIMING, TaskState.HELD)


def test_what_is_scheduled_again_is_opened_anew(tasks: TaskLedger) -> None:
    """A worklist that lost its memory schedules the same UID again: with a new lock, and nothing of before."""
    tasks.open_task(order(), NOW)
    ended = replace(lease(tasks), state=TaskState.LOST, claimed_at=NOW, percent=40, message="gone", failures=2)
    tasks.wish_cancel("ris", "2.25.1", WISH, NOW)
    tasks.keep_task(ended, after(1), after(1))
    again = tasks.open_task(order(transaction="2.25.100"), after(9))
    assert again is not None
    assert (again.state, again.order.transaction_uid, again.opened_at) == (TaskState.CLAIMING, "2.25.100", after(9))
    assert (again.claimed_at, again.percent, again.message, again.failures, again.wish) == (None, -1, "", 0, None)
    assert len(tasks.tasks()) == 1
    assert lease(tasks, 9).looks == 2  # so that whoever held it before cannot keep it


def test_a_wish_is_remembered_and_looked_at_at_once(tasks: TaskLedger) -> None:
    """Also one that comes while somebody looks at the task: it stays, and the task is due when that look ends."""
    tasks.open_task(order(), NOW)
    tasks.keep_task(lease(tasks), NOW, after(1000))
    assert tasks.wish_cancel("ris", "2.25.1", WISH, after(5))
    seen = lease(tasks, 5)
    assert seen.wish == WISH
    tasks.keep_task(seen, after(6), after(1000))
    other = replace(WISH, words="ordered thrice")
    assert tasks.lease_task("ris", after(7), LEASE_S) is None
    seen = lease(tasks, 1000)
    tasks.wish_cancel("ris", "2.25.1", other, after(1001))
    assert tasks.lease_task("ris", after(1002), LEASE_S) is None  # it is still being looked at
    tasks.keep_task(seen, after(1003), after(9000))
    assert lease(tasks, 1003).wish == other


def test_a_task_can_be_woken(tasks: TaskLedger) -> None:
    """It is due now; one that is leased, or unknown, is left alone."""
    tasks.open_task(order(), NOW)
    tasks.keep_task(lease(tasks), NOW, after(1000))
    assert tasks.wake_task("ris", "2.25.1", after(5))
    lease(tasks, 5)
    assert tasks.wake_task("ris", "2.25.1", after(6))
    assert tasks.lease_task("ris", after(6), LEASE_S) is None
    assert not tasks.wake_task("ris", "2.25.404", after(6))
    assert not tasks.wish_cancel("lis", "2.25.1", WISH, after(6))


def test_the_time_of_change_is_of_a_change(tasks: TaskLedger) -> None:
    """A look that finds nothing new leaves it."""
    tasks.open_task(order(), NOW)
    tasks.keep_task(replace(lease(tasks), message="waiting"), after(1), after(2))
    tasks.keep_task(replace(lease(tasks, 2), failures=1), after(3), after(4))
    assert tasks.tasks()[0].changed_at == after(1)
    tasks.keep_task(replace(lease(tasks, 4), message="counting"), after(5), after(6))
    assert tasks.tasks()[0].changed_at == after(5)


def test_the_last_progress_of_a_count_is_known(tasks: TaskLedger) -> None:
    """Of each slide the newest."""
    assert tasks.count_progress("1.2.3") is None
    tasks.note_progress(CountProgress("1.2.3", 10, 80, 0.0125, NOW))
    tasks.note_progress(CountProgress("1.2.4", 5, 40, 0.01, NOW))
    newest = CountProgress("1.2.3", 20, 170, 0.025, after(3))
    tasks.note_progress(newest)
    assert tasks.count_progress("1.2.3") == newest
