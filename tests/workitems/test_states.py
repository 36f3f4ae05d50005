"""The states of a workitem: PS3.4 Table CC.1.1-2, row by row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.workitems import (
    FINAL_STATES,
    Lock,
    UpsStatus,
    WorkitemState,
    judge_cancel_request,
    judge_change,
    judge_update,
    lock_of,
)

SCHEDULED, IN_PROGRESS, COMPLETED, CANCELED = WorkitemState
STATES = st.sampled_from(WorkitemState)
LOCKS = st.sampled_from(Lock)

CHANGES = {
    # wanted, with the right Transaction UID: SCHEDULED, IN PROGRESS, COMPLETED, CANCELED
    (IN_PROGRESS, True): (0x0000, 0xC302, 0xC300, 0xC300),
    (IN_PROGRESS, False): (0xC301, 0xC301, 0xC301, 0xC301),
    (SCHEDULED, True): (0xC303, 0xC303, 0xC303, 0xC303),
    (SCHEDULED, False): (0xC303, 0xC303, 0xC303, 0xC303),
    (COMPLETED, True): (0xC310, 0x0000, 0xB306, 0xC300),
    (COMPLETED, False): (0xC301, 0xC301, 0xC301, 0xC301),
    (CANCELED, True): (0xC310, 0x0000, 0xC300, 0xB304),
    (CANCELED, False): (0xC301, 0xC301, 0xC301, 0xC301),
}


@pytest.mark.parametrize(("wanted", "correct"), CHANGES)
def test_changes_of_state_are_answered_as_the_standard_says(wanted: WorkitemState, correct: bool) -> None:  # noqa: FBT001
    """Each cell of the table of transitions."""
    for current, status in zip(WorkitemState, CHANGES[wanted, correct], strict=True):
        for lock in (Lock.RIGHT,) if correct else (Lock.MISSING, Lock.WRONG):
            assert judge_change(current, wanted, lock, requirements_met=True) == status


@pytest.mark.parametrize("wanted", sorted(FINAL_STATES))
def test_what_lacks_its_final_attributes_does_not_end(wanted: WorkitemState) -> None:
    """C304 for whoever holds it; nothing is told to others."""
    assert judge_change(IN_PROGRESS, wanted, Lock.RIGHT, requirements_met=False) is UpsStatus.REQUIREMENTS_UNMET
    assert judge_change(IN_PROGRESS, wanted, Lock.WRONG, requirements_met=False) is UpsStatus.WRONG_TRANSACTION


@pytest.mark.parametrize(
    ("current", "lock", "status"),
    [
        (SCHEDULED, Lock.MISSING, 0x0000),
        (SCHEDULED, Lock.RIGHT, 0xC310),
        (IN_PROGRESS, Lock.MISSING, 0xC301),
        (IN_PROGRESS, Lock.WRONG, 0xC301),
        (IN_PROGRESS, Lock.RIGHT, 0x0000),
        (COMPLETED, Lock.RIGHT, 0xC300),
        (CANCELED, Lock.MISSING, 0xC300),
    ],
)
def test_updates_need_the_lock_of_what_is_in_progress(current: WorkitemState, lock: Lock, status: int) -> None:
    """PS3.4 CC.2.6.2: no Transaction UID while SCHEDULED, the right one while IN PROGRESS, no update after."""
    assert judge_update(current, lock) == status


def test_requests_to_cancel_are_answered_as_the_standard_says() -> None:
    """The row "N-ACTION to Request Cancel"."""
    assert [judge_cancel_request(state) for state in WorkitemState] == [0x0000, 0x0000, 0xC311, 0xB304]


@given(STATES, STATES, LOCKS, st.booleans())
def test_only_success_changes_anything_and_only_forward(
    current: WorkitemState,
    wanted: WorkitemState,
    lock: Lock,
    met: bool,  # noqa: FBT001
) -> None:
    """Whoever succeeds holds the lock; final states are never left; nothing goes back to SCHEDULED."""
    status = judge_change(current, wanted, lock, requirements_met=met)
    if status is UpsStatus.SUCCESS:
        assert lock is Lock.RIGHT
        assert (current, wanted) in {(SCHEDULED, IN_PROGRESS), (IN_PROGRESS, COMPLETED), (IN_PROGRESS, CANCELED)}
    if status.succeeded and status is not UpsStatus.SUCCESS:
        assert current is wanted


@given(st.lists(st.tuples(STATES, st.sampled_from(["", "1.1", "1.2"])), max_size=12))
def test_a_workitem_has_one_holder_at_most(requests: list[tuple[WorkitemState, str]]) -> None:
    """Whatever is asked by whomever in whatever order, only who claimed it first changes it."""
    state, holder = SCHEDULED, ""
    for wanted, uid in requests:
        status = judge_change(state, wanted, lock_of(holder, uid), requirements_met=True)
        if status is UpsStatus.SUCCESS:
            assert holder in {"", uid}
            state, holder = wanted, uid
    assert (state is SCHEDULED) == (holder == "")


@pytest.mark.parametrize(
    ("recorded", "given_uid", "lock"),
    [("", "", Lock.MISSING), ("", "1.1", Lock.RIGHT), ("1.1", "1.1", Lock.RIGHT), ("1.1", "1.2", Lock.WRONG),
     ("1.1", "", Lock.MISSING)],
)  # fmt: skip
def test_a_lock_fits_or_not(recorded: str, given_uid: str, lock: Lock) -> None:
    """Nobody holds what has no Transaction UID recorded."""
    assert lock_of(recorded, given_uid) is lock


@given(st.sampled_from(UpsStatus))
def test_warnings_mean_that_it_is_so(status: UpsStatus) -> None:
    """0000 and Bxxx are success (PS3.7 Annex C); the rest is failure."""
    assert status.succeeded == (status == 0 or 0xB000 <= status < 0xC000)
