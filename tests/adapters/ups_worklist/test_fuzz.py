"""Whatever is sent, the worklist answers as one, keeps what it has, and goes on."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marrowcount_adapters.ups_worklist.json_model import Attributes, MalformedError, key_of, parse_attributes, put
from workitems import new_workitem

if TYPE_CHECKING:
    from workitems import RunningWorklist

KEYWORDS = [
    "ScheduledProcedureStepPriority",
    "ScheduledProcedureStepStartDateTime",
    "InputReadinessState",
    "ProcedureStepState",
    "TransactionUID",
    "SOPInstanceUID",
    "ScheduledWorkitemCodeSequence",
    "ProcedureStepProgressInformationSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
    "ScheduledHumanPerformersSequence",
    "InputInformationSequence",
    "PatientName",
]
TAGS = [key_of(keyword) for keyword in KEYWORDS]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
ODD = st.recursive(
    SCALARS | st.sampled_from(["SCHEDULED", "READY", "1.9", "20260105", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*TAGS, "vr", "Value", "Alphabetic"]), inner, max_size=3)
    ),
    max_leaves=12,
)
VRS = st.sampled_from(["CS", "DT", "UI", "SQ", "PN", "LO", "XX", ""])
ELEMENTS = st.fixed_dictionaries({"vr": VRS}, optional={"Value": st.lists(ODD, max_size=3) | ODD}) | ODD
CHANGES = st.dictionaries(st.sampled_from(TAGS) | st.text(max_size=9), ELEMENTS, max_size=4)
NUMBERS = count(1)
ANSWERS = {200, 201, 202, 204, 206, 400, 404, 409, 413, 415}
UNHURRIED = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def sent(document: object) -> bytes:
    return json.dumps(document).encode()


@UNHURRIED
@given(CHANGES, st.sampled_from(["", "?1.9"]))
def test_odd_data_sets_are_answered(worklist: RunningWorklist, changes: dict[str, object], query: str) -> None:
    """In creation, update, change of state and request to cancel; afterwards the worklist can still be searched."""
    client, made = worklist.client, sent([new_workitem() | changes])
    uid = f"1.2.{next(NUMBERS)}"
    answers = [
        client.post(f"/workitems?{uid}", content=made),
        client.post(f"/workitems/{uid}{query}", content=sent(changes)),
        client.put(f"/workitems/{uid}/state", content=sent(changes)),
        client.post(f"/workitems/{uid}/cancelrequest", content=sent(changes)),
        client.get("/workitems?ScheduledProcedureStepStartDateTime=20200101-&PatientName=M*&includefield=all"),
        client.get("/workitems?ScheduledWorkitemCodeSequence.CodeValue=COUNT"),
    ]
    assert {answer.status_code for answer in answers} <= ANSWERS
    for answer in answers[4:]:
        assert answer.status_code in {200, 204}


@UNHURRIED
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_what_is_no_json_is_refused(worklist: RunningWorklist, body: bytes) -> None:
    """400, or what JSON it happens to be is answered as such."""
    assert worklist.client.post("/workitems?1.2.3", content=body).status_code == 400


@UNHURRIED
@given(
    st.lists(
        st.tuples(st.sampled_from([*KEYWORDS, "limit", "offset", "includefield", "x", "A.B"]), st.text(max_size=9))
    )
)
def test_odd_searches_are_answered(worklist: RunningWorklist, query: list[tuple[str, str]]) -> None:
    """Found, nothing found, or 400."""
    assert worklist.client.get("/workitems", params=query).status_code in {200, 204, 206, 400}


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
def test_what_json_does_not_know_is_refused(constant: bytes) -> None:
    """It would be told to others as something that they cannot read."""
    with pytest.raises(MalformedError):
        parse_attributes(b'{"00741004": {"vr": "DS", "Value": [' + constant + b"]}}")


def test_a_time_that_is_none_hides_no_other_workitem(worklist: RunningWorklist) -> None:
    """Who searches by time finds the others."""
    odd: Attributes = new_workitem()
    put(odd, "ScheduledProcedureStepStartDateTime", "soon")
    assert worklist.client.post("/workitems?1.2.1", json=[odd]).status_code == 201
    worklist.schedule("1.2.2")
    found = worklist.client.get("/workitems?ScheduledProcedureStepStartDateTime=20260101-").json()
    assert [item["00080018"]["Value"] for item in found] == [["1.2.2"]]
