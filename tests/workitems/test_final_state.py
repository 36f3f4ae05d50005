"""What a workitem must say to end: the final state column of PS3.4 Table CC.2.5-3."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from marrowcount.errors import Refusal
from marrowcount.workitems import FINAL_STATE, FinalStateCode, Presence, WorkitemState, unmet_requirements
from marrowcount.workitems.codes import Reasons, reason_of_refusal

OUTPUT = ("UnifiedProcedureStepPerformedProcedureSequence", "OutputInformationSequence")


def test_what_says_everything_may_end_in_either_way() -> None:
    """Nothing is missing."""
    for state in WorkitemState:
        assert not unmet_requirements(state, lambda _: Presence.VALUED)


def test_without_output_a_workitem_may_be_completed() -> None:
    """There may be no relevant output; the sequence must be there all the same."""
    empty = {OUTPUT: Presence.EMPTY}
    assert not unmet_requirements(WorkitemState.COMPLETED, lambda path: empty.get(path, Presence.VALUED))
    absent = {OUTPUT: Presence.ABSENT}
    assert unmet_requirements(WorkitemState.COMPLETED, lambda path: absent.get(path, Presence.VALUED)) == [OUTPUT]


@given(st.sampled_from(sorted(FINAL_STATE)), st.sampled_from([Presence.ABSENT, Presence.EMPTY]))
def test_each_requirement_counts_for_its_own_end(missing: tuple[str, ...], how: Presence) -> None:
    """R for both ends, P for COMPLETED, X for CANCELED; nothing for the other states."""
    lacks = {
        state: bool(unmet_requirements(state, lambda path: how if path == missing else Presence.VALUED))
        for state in WorkitemState
    }
    code, tolerated = FINAL_STATE[missing], missing == OUTPUT and how is Presence.EMPTY
    assert not lacks[WorkitemState.SCHEDULED]
    assert not lacks[WorkitemState.IN_PROGRESS]
    assert lacks[WorkitemState.COMPLETED] == (code is not FinalStateCode.X and not tolerated)
    assert lacks[WorkitemState.CANCELED] == (code is not FinalStateCode.P)


def test_every_refusal_has_a_reason_of_the_context_group() -> None:
    """PS3.16 CID 9300; what it has no concept for is unspecified, and so is a code that nobody knows."""
    for refusal in Refusal:
        assert reason_of_refusal(refusal).scheme == "DCM"
    assert reason_of_refusal(Refusal.NO_IMAGE) == Reasons.WRONG_TYPE
    assert reason_of_refusal(Refusal.NO_CELLS) == Reasons.UNSPECIFIED
    assert reason_of_refusal("of-tomorrow") == Reasons.UNSPECIFIED
