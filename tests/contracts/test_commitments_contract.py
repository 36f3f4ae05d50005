"""What every memory of commitment requests promises."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from marrowcount.ports import (
    AskedInstance,
    CommitmentRequest,
    Commitments,
    CommitmentState,
    CommitmentTask,
    FailureReason,
    Reference,
    RequestRecording,
)
from marrowcount.testing import InMemoryCommitments, InMemoryLedger
from marrowcount_adapters.sql import SqlCommitments, SqlDatabase
from owing import LEASE_S, NOW, after

if TYPE_CHECKING:
    from marrowcount.ports import Ledger

REQUEST = CommitmentRequest("2.25.1", "SCANNER", (Reference("1.2.840.1", "1.2.3.1"), Reference("1.2.840.1", "1.2.3.2")))


@pytest.fixture
def commitments(ledger: Ledger) -> Commitments:
    if isinstance(ledger, InMemoryLedger):
        return InMemoryCommitments()
    assert isinstance(ledger, SqlDatabase)
    return SqlCommitments(ledger)


def lease(commitments: Commitments, seconds: float = 0.0) -> CommitmentTask:
    task = commitments.lease_request("node", after(seconds), LEASE_S)
    assert task is not None
    return task


def judged(task: CommitmentTask, *verdicts: int) -> list[AskedInstance]:
    return [replace(one, verdict=verdict) for one, verdict in zip(task.instances, verdicts, strict=True)]


def test_a_request_is_owed_an_answer(commitments: Commitments) -> None:
    """It is kept as it was asked, without verdicts."""
    assert commitments.record_request(REQUEST, NOW) is RequestRecording.NEW
    (task,) = commitments.requests()
    assert (task.transaction_uid, task.requester) == ("2.25.1", "SCANNER")
    assert task.instances == tuple(AskedInstance(one.sop_class_uid, one.sop_instance_uid) for one in REQUEST.instances)
    assert (task.state, task.attempts, task.failures) == (CommitmentState.WAITING, 0, 0)
    assert {task.requested_at, task.owed_since, task.next_attempt_at} == {NOW}
    assert (task.last_error, task.reported_at) == ("", None)


def test_one_at_a_time_works_on_a_request(commitments: Commitments) -> None:
    """Until the lease ends."""
    commitments.record_request(REQUEST, NOW)
    assert lease(commitments).state is CommitmentState.REPORTING
    assert commitments.lease_request("other", after(LEASE_S - 1), LEASE_S) is None
    assert lease(commitments, LEASE_S).attempts == 2


def test_the_oldest_goes_first_and_one_that_rests_holds_up_no_other(commitments: Commitments) -> None:
    """A requester that cannot be reached delays nobody's answer."""
    commitments.record_request(REQUEST, NOW)
    commitments.record_request(replace(REQUEST, transaction_uid="2.25.2"), NOW)
    first = lease(commitments)
    assert first.transaction_uid == "2.25.1"
    commitments.put_back(first, first.instances, after(900), "peer-unreachable")
    assert lease(commitments).transaction_uid == "2.25.2"
    assert commitments.lease_request("node", after(30), LEASE_S) is None


def test_what_was_found_is_kept(commitments: Commitments) -> None:
    """Digests of gigabytes are not computed twice; only what failed counts as a failure."""
    commitments.record_request(REQUEST, NOW)
    task = lease(commitments)
    commitments.put_back(task, judged(task, 0, 0x0112), after(5))
    again = lease(commitments, 5)
    assert [one.verdict for one in again.instances] == [0, 0x0112]
    assert (again.failures, again.last_error) == (0, "")
    commitments.put_back(again, again.instances, after(9), "peer-unreachable")
    (task,) = commitments.requests(CommitmentState.WAITING)
    assert (task.failures, task.last_error, task.next_attempt_at) == (1, "peer-unreachable", after(9))


def test_what_was_reported_is_done(commitments: Commitments) -> None:
    """It stays on record with its verdicts."""
    commitments.record_request(REQUEST, NOW)
    task = lease(commitments)
    commitments.reported(task, judged(task, 0, 0x0112), after(3))
    (done,) = commitments.requests(CommitmentState.REPORTED)
    assert done.reported_at == after(3)
    assert done.report.committed == (REQUEST.instances[0],)
    assert [(one.sop_instance_uid, one.reason) for one in done.report.failed] == [("1.2.3.2", 0x0112)]
    assert commitments.lease_request("node", after(1e6), LEASE_S) is None


def test_a_dead_letter_is_revived_and_judged_anew(commitments: Commitments) -> None:
    """A person named the requester's address."""
    commitments.record_request(REQUEST, NOW)
    task = lease(commitments)
    commitments.bury_request(task, judged(task, 0, 0x0112), "requester-unknown")
    (dead,) = commitments.requests(CommitmentState.DEAD)
    assert dead.last_error == "requester-unknown"
    assert commitments.lease_request("node", after(1e6), LEASE_S) is None
    assert commitments.revive_request(dead.request_id, after(9))
    assert not commitments.revive_request(dead.request_id, after(9))
    assert not commitments.revive_request(-1, after(9))
    again = lease(commitments, 9)
    assert ([one.verdict for one in again.instances], again.owed_since, again.attempts) == ([None, None], after(9), 1)


@pytest.mark.parametrize("end", ["put back", "reported", "buried"])
def test_who_lost_a_request_changes_nothing(commitments: Commitments, end: str) -> None:
    """What it says afterwards is not heard."""
    commitments.record_request(REQUEST, NOW)
    late = lease(commitments)
    lease(commitments, LEASE_S)
    before = commitments.requests()
    if end == "put back":
        commitments.put_back(late, late.instances, NOW, "late")
    elif end == "reported":
        commitments.reported(late, late.instances, NOW)
    else:
        commitments.bury_request(late, late.instances, "late")
    assert commitments.requests() == before


def test_a_repeated_request_is_the_same_request(commitments: Commitments) -> None:
    """A requester that did not hear the answer to N-ACTION sends it again."""
    commitments.record_request(REQUEST, NOW)
    assert commitments.record_request(REQUEST, after(1)) is RequestRecording.REPEATED
    assert len(commitments.requests()) == 1
    assert commitments.requests()[0].owed_since == NOW


def test_a_repeated_request_that_was_answered_is_answered_again(commitments: Commitments) -> None:
    """The report did not reach who asked, or it would not ask again; what is held is looked at anew."""
    commitments.record_request(REQUEST, NOW)
    task = lease(commitments)
    commitments.reported(task, judged(task, 0, 0x0112), NOW)
    assert commitments.record_request(REQUEST, after(60)) is RequestRecording.REPEATED
    again = lease(commitments, 60)
    assert (again.request_id, again.owed_since) == (task.request_id, after(60))
    assert [one.verdict for one in again.instances] == [None, None]


@pytest.mark.parametrize(
    "other",
    [replace(REQUEST, requester="ANOTHER"), replace(REQUEST, instances=REQUEST.instances[:1])],
)
def test_a_transaction_uid_that_is_in_use_fails_each_instance(
    commitments: Commitments, other: CommitmentRequest
) -> None:
    """0131H, duplicate transaction UID (PS3.3 C.14.1.1); the first request is answered as if nothing had been."""
    commitments.record_request(REQUEST, NOW)
    for _ in range(2):
        commitments.record_request(other, NOW)
    first, second = commitments.requests()
    assert {one.verdict for one in first.instances} == {None}
    assert {one.verdict for one in second.instances} == {FailureReason.DUPLICATE_TRANSACTION}
    assert second.requester == other.requester
    assert commitments.record_request(other, NOW) is RequestRecording.REPEATED
    assert commitments.record_request(replace(other, requester="THIRD"), NOW) is RequestRecording.DUPLICATE


def test_asking_again_by_a_used_transaction_fails_again(commitments: Commitments) -> None:
    """Repetition does not make the Transaction UID free."""
    commitments.record_request(REQUEST, NOW)
    other = replace(REQUEST, requester="ANOTHER")
    commitments.record_request(other, NOW)
    lease(commitments)
    second = lease(commitments)
    commitments.reported(second, second.instances, NOW)
    commitments.record_request(other, after(1))
    assert {one.verdict for one in lease(commitments, 1).instances} == {FailureReason.DUPLICATE_TRANSACTION}
