"""The worklist answers as PS3.18 section 11 and PS3.4 Annex CC say, transaction by transaction."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from marrowcount_adapters.ups_worklist.json_model import Attributes, first, items, key_of, put
from workitems import (
    COUNT,
    EMPTY,
    code_item,
    discontinued,
    new_workitem,
    performed,
    running_worklist,
    state_change,
)

if TYPE_CHECKING:
    from pathlib import Path

    from workitems import RunningWorklist

UID = "1.2.3"
STATES = ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")
NEEDED = (
    "ScheduledProcedureStepPriority",
    "ProcedureStepLabel",
    "ScheduledProcedureStepStartDateTime",
    "InputReadinessState",
    "ProcedureStepState",
)
UNFIT = "The submitted request is inconsistent with the state of the UPS Instance."


def warning(worklist: RunningWorklist, words: str) -> str:
    return f"299 {worklist.url}: {words}"


def test_a_workitem_is_made_as_it_was_sent(worklist: RunningWorklist) -> None:
    """201 with its address and no warning; what was sent is told again, with class, UID and time of change."""
    sent = new_workitem()
    response = worklist.client.post(f"/workitems?{UID}", json=[sent])
    assert response.status_code == 201
    assert response.headers["Location"] == f"{worklist.url}/workitems/{UID}"
    assert "Warning" not in response.headers
    told = worklist.workitem(UID)
    added = {key_of(k) for k in ("SOPClassUID", "SOPInstanceUID", "ScheduledProcedureStepModificationDateTime")}
    del sent[key_of("TransactionUID")]
    assert {key: element for key, element in told.items() if key not in added} == sent
    assert added <= told.keys()
    assert first(told, "SOPClassUID") == "1.2.840.10008.5.1.4.34.6.1"


@pytest.mark.parametrize("query", ["workitem={}", "AffectedSOPInstanceUID={}", "{}"])
def test_the_uid_stands_in_the_query_or_in_the_data_set(worklist: RunningWorklist, query: str) -> None:
    """As the editions of the standard have it."""
    assert worklist.client.post(f"/workitems?{query.format(UID)}", json=new_workitem()).status_code == 201
    within = new_workitem()
    put(within, "SOPInstanceUID", "1.2.4")
    assert worklist.client.post("/workitems", json=within).headers["Location"].endswith("/workitems/1.2.4")


def test_a_workitem_without_uid_is_refused(worklist: RunningWorklist) -> None:
    """400: there is nothing to call it by."""
    assert worklist.client.post("/workitems", json=[new_workitem()]).status_code == 400


@pytest.mark.parametrize("keyword", NEEDED)
def test_what_is_needed_must_have_a_value(worklist: RunningWorklist, keyword: str) -> None:
    """400 where an attribute of Type 1 is missing or empty, and the answer names it."""
    missing, empty = new_workitem(), new_workitem()
    del missing[key_of(keyword)]
    put(empty, keyword)
    for lacking in (missing, empty):
        response = worklist.client.post(f"/workitems?{UID}", json=[lacking])
        assert (response.status_code, keyword in response.text) == (400, True)
    assert worklist.client.get(f"/workitems/{UID}").status_code == 404


def test_what_may_be_empty_is_filled_in(worklist: RunningWorklist) -> None:
    """A Type 2 attribute that is missing is added, and the warning says that something was changed."""
    sparse = {key_of(keyword): new_workitem()[key_of(keyword)] for keyword in NEEDED}
    response = worklist.client.post(f"/workitems?{UID}", json=[sparse])
    assert response.status_code == 201
    assert response.headers["Warning"] == warning(worklist, "The Workitem was created with modifications.")
    told = worklist.workitem(UID)
    assert first(told, "WorklistLabel")
    assert {key_of(keyword) for keyword in EMPTY if keyword != "TransactionUID"} <= told.keys()


def spoilt(**changes: object) -> Attributes:
    attributes = new_workitem()
    for keyword, value in changes.items():
        put(attributes, keyword, value)
    return attributes


@pytest.mark.parametrize(
    "attributes",
    [
        spoilt(ProcedureStepState="IN PROGRESS"),
        spoilt(TransactionUID="1.9"),
        spoilt(InputReadinessState="PERHAPS"),
        spoilt(ScheduledProcedureStepPriority="STAT"),
        new_workitem() | performed(),
        new_workitem() | {"00741000": {"vr": "LO", "Value": ["SCHEDULED"]}},
        new_workitem() | {"0074100": {"vr": "CS"}},
        new_workitem() | {"00404018": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["A"]}}]}},
        new_workitem() | {"00404018": {"vr": "SQ", "Value": "many"}},
        [],
        [new_workitem(), new_workitem()],
        "text",
    ],
)
def test_what_is_no_new_workitem_is_refused(worklist: RunningWorklist, attributes: object) -> None:
    """400, and nothing is made."""
    assert worklist.client.post(f"/workitems?{UID}", json=attributes).status_code == 400
    assert worklist.client.get(f"/workitems/{UID}").status_code == 404


def test_a_workitem_is_made_once(worklist: RunningWorklist) -> None:
    """409 for the second, whatever the state of the first."""
    for number, state in enumerate(STATES):
        uid = worklist.schedule(f"1.2.{number}")
        worklist.bring_to(uid, state)
        assert worklist.client.post(f"/workitems?{uid}", json=[new_workitem()]).status_code == 409
        assert worklist.state(uid) == state


def test_the_lock_is_never_told(worklist: RunningWorklist) -> None:
    """Neither retrieval nor search nor any event says the Transaction UID."""
    worklist.schedule(UID)
    worklist.bring_to(UID, "IN PROGRESS", "1.9.8.7")
    found = worklist.client.get("/workitems?includefield=all&TransactionUID=")
    for told in (worklist.client.get(f"/workitems/{UID}"), found):
        assert "1.9.8.7" not in told.text
        assert key_of("TransactionUID") not in told.json()[0]


def test_unknown_and_deleted_workitems_are_told_apart(worklist: RunningWorklist) -> None:
    """404 for what never was, 410 for what is no more, in every transaction on a workitem."""
    worklist.schedule(UID)
    worklist.bring_to(UID, "COMPLETED")
    worklist.clock.advance(8 * 24 * 3600)
    assert worklist.operations.forget() == 1
    for uid, status in (("9.9", 404), (UID, 410)):
        answers = [
            worklist.client.get(f"/workitems/{uid}"),
            worklist.update(uid, performed(), "1.9"),
            worklist.change(uid, "IN PROGRESS", "1.9"),
            worklist.client.post(f"/workitems/{uid}/cancelrequest"),
        ]
        assert {answer.status_code for answer in answers} == {status}


def test_what_ended_stays_for_a_week_and_as_long_as_it_is_locked(worklist: RunningWorklist) -> None:
    """AIW-I asks for 24 hours; a deletion lock keeps it beyond (PS3.4 CC.2.1.3)."""
    worklist.schedule(UID)
    worklist.bring_to(UID, "COMPLETED")
    worklist.client.post(f"/workitems/{UID}/subscribers/WATCHER?deletionlock=true")
    worklist.clock.advance(24 * 3600)
    assert worklist.operations.forget() == 0
    worklist.clock.advance(30 * 24 * 3600)
    assert worklist.operations.forget() == 0
    worklist.client.post(f"/workitems/{UID}/subscribers/WATCHER?deletionlock=false")
    assert worklist.operations.forget() == 1


RIGHT, WRONG, NONE = "1.9", "1.8", ""
FITS = (200, "")
MISSING, INCORRECT = (400, "The Transaction UID is missing."), (400, "The Transaction UID is incorrect.")
CHANGES = [
    ("SCHEDULED", "IN PROGRESS", RIGHT, FITS),
    ("SCHEDULED", "IN PROGRESS", NONE, MISSING),
    ("SCHEDULED", "COMPLETED", RIGHT, (409, UNFIT)),
    ("SCHEDULED", "CANCELED", RIGHT, (409, UNFIT)),
    ("SCHEDULED", "SCHEDULED", RIGHT, (400, UNFIT)),
    ("IN PROGRESS", "IN PROGRESS", RIGHT, (409, UNFIT)),
    ("IN PROGRESS", "IN PROGRESS", WRONG, INCORRECT),
    ("IN PROGRESS", "COMPLETED", NONE, MISSING),
    ("IN PROGRESS", "COMPLETED", WRONG, INCORRECT),
    ("IN PROGRESS", "COMPLETED", RIGHT, (409, UNFIT)),  # its final state requirements are not met
    ("IN PROGRESS", "CANCELED", RIGHT, (409, UNFIT)),
    ("COMPLETED", "COMPLETED", RIGHT, (200, "The UPS is already in the requested state of COMPLETED.")),
    ("COMPLETED", "COMPLETED", WRONG, INCORRECT),
    ("COMPLETED", "CANCELED", RIGHT, (409, UNFIT)),
    ("COMPLETED", "IN PROGRESS", RIGHT, (409, UNFIT)),
    ("CANCELED", "CANCELED", RIGHT, (200, "The UPS is already in the requested state of CANCELED.")),
    ("CANCELED", "COMPLETED", RIGHT, (409, UNFIT)),
]


@pytest.mark.parametrize(("state", "wanted", "uid", "expected"), CHANGES)
def test_changes_of_state(
    worklist: RunningWorklist, state: str, wanted: str, uid: str, expected: tuple[int, str]
) -> None:
    """Status and warning of PS3.18 Table 11.7.3-1; what was refused has changed nothing."""
    worklist.schedule(UID)
    worklist.bring_to(UID, state, RIGHT)
    before = worklist.workitem(UID)
    response = worklist.change(UID, wanted, uid)
    status, words = expected
    assert (response.status_code, response.headers.get("Warning", "")) == (status, words and warning(worklist, words))
    if expected is FITS:
        assert worklist.state(UID) == wanted
    else:
        assert worklist.workitem(UID) == before


@pytest.mark.parametrize("body", [{}, state_change("PAUSED", "1.9"), "text"])
def test_a_change_of_state_must_name_one(worklist: RunningWorklist, body: object) -> None:
    """400 where the request cannot be understood."""
    worklist.schedule(UID)
    assert worklist.client.put(f"/workitems/{UID}/state", json=body).status_code == 400


UPDATES = [
    ("SCHEDULED", NONE, (200, "")),
    ("SCHEDULED", RIGHT, (409, "The target URI did not reference a claimed Workitem.")),
    ("IN PROGRESS", RIGHT, (200, "")),
    ("IN PROGRESS", NONE, (400, "The target URI did not reference a claimed Workitem.")),
    ("IN PROGRESS", WRONG, (400, "The target URI did not reference a claimed Workitem.")),
    ("COMPLETED", RIGHT, (400, "The submitted request is inconsistent with the current state of the Workitem.")),
    ("CANCELED", RIGHT, (400, "The submitted request is inconsistent with the current state of the Workitem.")),
]


@pytest.mark.parametrize(("state", "uid", "expected"), UPDATES)
def test_updates(worklist: RunningWorklist, state: str, uid: str, expected: tuple[int, str]) -> None:
    """Status and warning of PS3.18 Table 11.6.3-1; what was refused has changed nothing."""
    worklist.schedule(UID)
    worklist.bring_to(UID, state, RIGHT)
    before = worklist.workitem(UID)
    changed: Attributes = {}
    put(changed, "ProcedureStepLabel", "Count again")
    response = worklist.update(UID, changed, uid)
    status, words = expected
    assert (response.status_code, response.headers.get("Warning", "")) == (status, words and warning(worklist, words))
    label = first(worklist.workitem(UID), "ProcedureStepLabel")
    assert label == ("Count again" if status == 200 else first(before, "ProcedureStepLabel"))


def test_the_lock_may_come_within_the_data_set(worklist: RunningWorklist) -> None:
    """As dcm4chee and DIMSE have it; it is not kept among the attributes."""
    worklist.schedule(UID)
    worklist.bring_to(UID, "IN PROGRESS")
    within = performed()
    put(within, "TransactionUID", "1.9")
    assert worklist.update(UID, within).status_code == 200
    assert key_of("TransactionUID") not in worklist.workitem(UID)


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("ProcedureStepState", ["COMPLETED"]),
        ("PatientID", ["OTHER"]),
        ("SOPInstanceUID", ["1.2.4"]),
        ("ScheduledProcedureStepModificationDateTime", ["20260101"]),
        ("InputReadinessState", []),
        ("InputReadinessState", ["PERHAPS"]),
    ],
)
def test_what_may_not_be_set_is_refused(worklist: RunningWorklist, keyword: str, values: list[str]) -> None:
    """400: the state has its own transaction, whose it is stays, and Type 1 keeps a value."""
    worklist.schedule(UID)
    before = worklist.workitem(UID)
    changed: Attributes = {}
    put(changed, keyword, *values)
    assert worklist.update(UID, changed).status_code == 400
    assert worklist.workitem(UID) == before


@pytest.mark.parametrize(("state", "attributes"), [("COMPLETED", performed()), ("CANCELED", discontinued())])
def test_what_says_enough_ends(worklist: RunningWorklist, state: str, attributes: Attributes) -> None:
    """The final state requirements are met by an update before; a cancellation gets its time from the worklist."""
    worklist.schedule(UID)
    worklist.bring_to(UID, "IN PROGRESS")
    assert worklist.change(UID, state, "1.9").status_code == 409
    worklist.update(UID, attributes, "1.9")
    assert worklist.change(UID, state, "1.9").status_code == 200
    progress = items(worklist.workitem(UID), "ProcedureStepProgressInformationSequence")
    assert [bool(first(item, "ProcedureStepCancellationDateTime")) for item in progress] == [True] * (
        state == "CANCELED"
    )


def test_what_lacks_something_hears_what(worklist: RunningWorklist) -> None:
    """The performer is told which attributes are missing."""
    worklist.schedule(UID)
    worklist.bring_to(UID, "IN PROGRESS")
    lacking = performed()
    del items(lacking, "UnifiedProcedureStepPerformedProcedureSequence")[0][key_of("PerformedWorkitemCodeSequence")]
    worklist.update(UID, lacking, "1.9")
    response = worklist.change(UID, "COMPLETED", "1.9")
    assert response.status_code == 409
    assert "PerformedWorkitemCodeSequence" in response.text
    assert "PerformedStationNameCodeSequence" not in response.text


CANCEL_REQUESTS = [
    ("SCHEDULED", (202, "", "CANCELED")),
    ("IN PROGRESS", (409, UNFIT, "IN PROGRESS")),  # nobody listens who could be asked
    ("COMPLETED", (409, UNFIT, "COMPLETED")),
    ("CANCELED", (202, "The UPS is already in the requested state of CANCELED.", "CANCELED")),
]


@pytest.mark.parametrize(("state", "expected"), CANCEL_REQUESTS)
def test_requests_to_cancel(worklist: RunningWorklist, state: str, expected: tuple[int, str, str]) -> None:
    """PS3.18 Table 11.8.3-1: what nobody has claimed is cancelled, what somebody performs is not."""
    worklist.schedule(UID)
    worklist.bring_to(UID, state)
    response = worklist.client.post(f"/workitems/{UID}/cancelrequest", json=[{}])
    status, words, after = expected
    assert (response.status_code, response.headers.get("Warning", "")) == (status, words and warning(worklist, words))
    assert worklist.state(UID) == after


def test_a_cancelled_workitem_keeps_the_proposed_reason(worklist: RunningWorklist) -> None:
    """What nobody claimed is cancelled for the requestor's reason, and cannot be claimed any more."""
    worklist.schedule(UID)
    reason: Attributes = {}
    put(reason, "ReasonForCancellation", "ordered twice")
    put(reason, "ProcedureStepDiscontinuationReasonCodeSequence", code_item(COUNT))
    worklist.client.post(f"/workitems/{UID}/cancelrequest", json=[reason])
    (progress,) = items(worklist.workitem(UID), "ProcedureStepProgressInformationSequence")
    assert first(progress, "ReasonForCancellation") == "ordered twice"
    assert items(progress, "ProcedureStepDiscontinuationReasonCodeSequence") == [code_item(COUNT)]
    assert worklist.change(UID, "IN PROGRESS", "1.9").status_code == 400


def test_of_many_who_claim_at_once_one_gets_it(worklist: RunningWorklist) -> None:
    """Twenty performers race for each of five workitems: one 200, nineteen refusals, and the one's lock fits."""
    for number in range(5):
        uid = worklist.schedule(f"1.2.{number}")
        keys = [f"1.9.{performer}" for performer in range(20)]
        with ThreadPoolExecutor(20) as pool:
            statuses = list(pool.map(lambda key, uid=uid: worklist.change(uid, "IN PROGRESS", key).status_code, keys))
        assert sorted(statuses) == [200] + [400] * 19
        assert worklist.update(uid, performed(), keys[statuses.index(200)]).status_code == 200


def test_other_media_types_are_refused(worklist: RunningWorklist) -> None:
    """415 for what cannot be read, 406 where JSON is not accepted."""
    worklist.schedule(UID)
    xml = {"Content-Type": "application/dicom+xml"}
    assert worklist.client.post("/workitems", content=b"<x/>", headers=xml).status_code == 415
    assert worklist.client.get(f"/workitems/{UID}", headers={"Accept": "application/dicom+xml"}).status_code == 406


def test_a_body_has_its_limit(worklist: RunningWorklist) -> None:
    """413 beyond a megabyte; a nest of sequences without end is 400 and harms nobody."""
    assert worklist.client.post(f"/workitems?{UID}", content=b" " * 2_000_000).status_code == 413
    bomb = b'[{"00404018":{"vr":"SQ","Value":[' * 30_000
    assert worklist.client.post(f"/workitems?{UID}", content=bomb).status_code == 400
    deep = '{"00404018":{"vr":"SQ","Value":[' * 40 + "{}" + "]}}" * 40
    assert worklist.client.post(f"/workitems?{UID}", content=deep).status_code == 400


def test_a_worklist_may_ask_for_a_token(tmp_path: Path) -> None:
    """401 without it, for requests and for the event connection."""
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    made_up = "s3cret"
    with running_worklist(tmp_path, token=made_up) as worklist:
        worklist.schedule(UID)
        del worklist.client.headers["Authorization"]
        assert worklist.client.get(f"/workitems/{UID}").status_code == 401
        assert worklist.change(UID, "IN PROGRESS", "1.9").status_code == 401
        with pytest.raises(InvalidStatus), connect(f"ws://127.0.0.1:{worklist.server.port}/subscribers/ME"):
            pass
