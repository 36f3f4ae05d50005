"""What every view of a worklist promises to its performer, by UPS-RS and by DIMSE alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom.dsutils import decode

from marrowcount.ports import PerformedStep, StepProgress, WorkAnswer
from marrowcount.workitems import (
    Code,
    Discontinuation,
    InputReadiness,
    InstanceReference,
    Priority,
    ReferencedSeries,
    WorkitemState,
)
from marrowcount.workitems.codes import Reasons
from marrowcount_adapters.ups import DimseUps, Wanted, WebUps
from marrowcount_adapters.ups_worklist.json_model import first, items
from workitems import COUNT, STATION, WSM, input_item

if TYPE_CHECKING:
    from conftest import View

    from marrowcount.ports.audit import OutgoingQuery

UID, LOCK, OTHER_LOCK = "2.25.1", "2.25.91", "2.25.92"
ELSEWHERE = Code("OTHERNODE", "99TEST", "Another node")
MEASURE = Code("MEASURE", "99TEST", "Measure")
BEGAN = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
OUTPUT = ReferencedSeries(
    "1.2", "1.2.99", (InstanceReference("1.2.840.10008.5.1.4.1.1.91.1", "1.2.99.1"),), ("ARCHIVE",), ("https://a/s",)
)
PERFORMED = PerformedStep(STATION, (COUNT,), BEGAN, BEGAN + timedelta(minutes=9), (OUTPUT,))
WHY = Discontinuation(Reasons.WRONG_TYPE, "slide refused: wrong-resolution")
PERFORMED_SEQUENCE = "UnifiedProcedureStepPerformedProcedureSequence"
PROGRESS_SEQUENCE = "ProcedureStepProgressInformationSequence"


def test_what_is_scheduled_is_found_whole(view: View) -> None:
    """With all that its performer needs to know, and nothing of the patient."""
    view.server.schedule(
        UID,
        input_item("1.2.3", "1.2.3.1", "1.2.3.2"),
        input_item("1.2.3", "1.2.3.3"),
        input_item("1.2.4", "1.2.4.1", sop_class="1.2.840.10008.5.1.4.1.1.2"),
        priority="HIGH",
        starts="20260105090000+0100",
    )
    (workitem,) = view.worklist().scheduled()
    assert (workitem.uid, workitem.state) == (UID, WorkitemState.SCHEDULED)
    assert (workitem.readiness, workitem.priority) == (InputReadiness.READY, Priority.HIGH)
    assert (workitem.stations, workitem.workitem_codes, workitem.station_classes) == ((STATION,), (COUNT,), ())
    assert workitem.starts_at == datetime(2026, 1, 5, 9, 0, tzinfo=timezone(timedelta(hours=1)))
    assert workitem.expires_at is None
    slide, other = workitem.inputs
    assert slide.instances == tuple(InstanceReference(WSM, f"1.2.3.{n}") for n in (1, 2, 3))
    assert (slide.study_uid, slide.retrieve_aes) == ("1.2", ("ARCHIVE",))
    assert list(workitem.slides) == [slide]
    assert not other.holds_slide


def test_only_what_is_for_the_node_is_found(view: View) -> None:
    """By station, by what is to be done, by state and by readiness."""
    view.server.schedule("2.25.1")
    view.server.schedule("2.25.2", stations=(ELSEWHERE,))
    view.server.schedule("2.25.3", codes=(MEASURE,))
    view.server.schedule("2.25.4", readiness="INCOMPLETE")
    view.server.schedule("2.25.5", stations=())
    view.server.schedule("2.25.6", stations=(ELSEWHERE, STATION))
    view.server.bring_to(view.server.schedule("2.25.7"), "IN PROGRESS")

    def found(wanted: Wanted) -> set[str]:
        return {workitem.uid for workitem in view.worklist(wanted).scheduled()}

    assert found(Wanted(STATION, workitem_codes=(COUNT,))) == {"2.25.1", "2.25.6"}
    assert found(Wanted(STATION, workitem_codes=(COUNT, MEASURE))) == {"2.25.1", "2.25.3", "2.25.6"}
    assert found(Wanted(STATION)) == {"2.25.1", "2.25.3", "2.25.6"}
    assert found(Wanted(STATION, unassigned=True, workitem_codes=(COUNT,))) == {"2.25.1", "2.25.5", "2.25.6"}
    assert found(Wanted(ELSEWHERE, workitem_codes=(COUNT,))) == {"2.25.2", "2.25.6"}


def test_a_long_list_is_found_whole(view: View) -> None:
    """Page by page."""
    for number in range(105):
        view.server.schedule(f"2.25.{number}")
    assert len(view.worklist().scheduled()) == 105


def test_a_claim_is_granted_once(view: View) -> None:
    """Again under the same lock it is ours already; under another it is another's."""
    view.server.schedule(UID)
    worklist = view.worklist()
    assert worklist.claim(UID, LOCK) is WorkAnswer.DONE
    assert view.server.state(UID) == "IN PROGRESS"
    assert worklist.claim(UID, LOCK) is WorkAnswer.ALREADY
    assert worklist.claim(UID, OTHER_LOCK) is WorkAnswer.TAKEN
    assert worklist.report(UID, LOCK, StepProgress(1, "still mine")) is WorkAnswer.DONE


@pytest.mark.parametrize("state", ["COMPLETED", "CANCELED"])
def test_what_ended_is_not_claimed(view: View, state: str) -> None:
    """Whoever asks."""
    view.server.bring_to(view.server.schedule(UID), state, LOCK)
    assert view.worklist().claim(UID, OTHER_LOCK) in {WorkAnswer.ENDED, WorkAnswer.TAKEN}
    assert view.worklist().claim(UID, LOCK) is WorkAnswer.ENDED


def test_progress_is_told(view: View) -> None:
    """Percentage and words, in the sequence for it."""
    view.server.schedule(UID)
    worklist = view.worklist()
    worklist.claim(UID, LOCK)
    assert worklist.report(UID, LOCK, StepProgress(40, "counting: 320 tiles")) is WorkAnswer.DONE
    (progress,) = items(view.server.workitem(UID), PROGRESS_SEQUENCE)
    assert float(first(progress, "ProcedureStepProgress")) == 40
    assert first(progress, "ProcedureStepProgressDescription") == "counting: 320 tiles"
    assert worklist.report(UID, OTHER_LOCK, StepProgress(41, "not mine")) is WorkAnswer.TAKEN


def test_a_completed_workitem_says_what_was_done(view: View) -> None:
    """All that PS3.4 Table CC.2.5-3 asks for, with references to the results and where they can be had."""
    view.server.schedule(UID)
    worklist = view.worklist()
    worklist.claim(UID, LOCK)
    assert worklist.complete(UID, LOCK, PERFORMED) is WorkAnswer.DONE
    told = view.server.workitem(UID)
    assert first(told, "ProcedureStepState") == "COMPLETED"
    (step,) = items(told, PERFORMED_SEQUENCE)
    assert first(items(step, "PerformedStationNameCodeSequence")[0], "CodeValue") == STATION.value
    assert first(items(step, "PerformedWorkitemCodeSequence")[0], "CodeValue") == COUNT.value
    assert first(step, "PerformedProcedureStepStartDateTime") == "20260105080000.000000+0000"
    assert first(step, "PerformedProcedureStepEndDateTime") == "20260105080900.000000+0000"
    (output,) = items(step, "OutputInformationSequence")
    assert [first(output, k) for k in ("TypeOfInstances", "StudyInstanceUID", "SeriesInstanceUID")] == [
        "DICOM",
        "1.2",
        "1.2.99",
    ]
    (reference,) = items(output, "ReferencedSOPSequence")
    assert first(reference, "ReferencedSOPInstanceUID") == "1.2.99.1"
    assert first(items(output, "DICOMRetrievalSequence")[0], "RetrieveAETitle") == "ARCHIVE"
    assert first(items(output, "WADORSRetrievalSequence")[0], "RetrieveURL") == "https://a/s"
    assert float(first(items(told, PROGRESS_SEQUENCE)[0], "ProcedureStepProgress")) == 100


def test_an_end_may_be_asked_for_again(view: View) -> None:
    """After a crash nobody knows how far the last attempt got; it is answered as done before."""
    view.server.schedule("2.25.1")
    view.server.schedule("2.25.2")
    worklist = view.worklist()
    worklist.claim("2.25.1", LOCK)
    worklist.claim("2.25.2", LOCK)
    assert [worklist.complete("2.25.1", LOCK, PERFORMED) for _ in range(2)] == [WorkAnswer.DONE, WorkAnswer.ALREADY]
    assert [worklist.cancel("2.25.2", LOCK, WHY) for _ in range(2)] == [WorkAnswer.DONE, WorkAnswer.ALREADY]
    assert worklist.complete("2.25.2", LOCK, PERFORMED) is WorkAnswer.ENDED
    assert worklist.cancel("2.25.1", LOCK, WHY) is WorkAnswer.ENDED


def test_without_results_and_without_a_code_a_workitem_can_be_completed(view: View) -> None:
    """What was performed is named all the same, as the standard demands."""
    view.server.schedule(UID, codes=())
    worklist = view.worklist(Wanted(STATION))
    worklist.claim(UID, LOCK)
    assert worklist.complete(UID, LOCK, PerformedStep(STATION, (), BEGAN, BEGAN, ())) is WorkAnswer.DONE


def test_a_cancelled_workitem_says_why(view: View) -> None:
    """A coded reason, words, and when."""
    view.server.schedule(UID)
    worklist = view.worklist()
    worklist.claim(UID, LOCK)
    assert worklist.cancel(UID, LOCK, WHY) is WorkAnswer.DONE
    told = view.server.workitem(UID)
    assert first(told, "ProcedureStepState") == "CANCELED"
    (progress,) = items(told, PROGRESS_SEQUENCE)
    (reason,) = items(progress, "ProcedureStepDiscontinuationReasonCodeSequence")
    assert [first(reason, k) for k in ("CodeValue", "CodingSchemeDesignator")] == ["110522", "DCM"]
    assert first(progress, "ReasonForCancellation") == WHY.words
    assert first(progress, "ProcedureStepCancellationDateTime")


def test_another_performers_workitem_is_left_alone(view: View) -> None:
    """Neither ended nor changed by whoever has the wrong lock."""
    view.server.bring_to(view.server.schedule(UID), "IN PROGRESS", OTHER_LOCK)
    before = view.server.workitem(UID)
    worklist = view.worklist()
    assert worklist.complete(UID, LOCK, PERFORMED) is WorkAnswer.TAKEN
    assert worklist.cancel(UID, LOCK, WHY) is WorkAnswer.TAKEN
    assert view.server.workitem(UID) == before


def test_what_is_not_there_is_gone(view: View) -> None:
    """Never known, or deleted."""
    view.server.bring_to(view.server.schedule("2.25.2"), "COMPLETED", LOCK)
    view.server.clock.advance(30 * 24 * 3600)
    view.server.operations.forget()
    worklist = view.worklist()
    for uid in ("2.25.404", "2.25.2"):
        answers = {
            worklist.claim(uid, LOCK),
            worklist.report(uid, LOCK, StepProgress(1, "")),
            worklist.complete(uid, LOCK, PERFORMED),
            worklist.cancel(uid, LOCK, WHY),
        }
        assert answers == {WorkAnswer.GONE}


def test_what_nobody_claimed_is_not_ended(view: View) -> None:
    """It is lost to the node; ending it would need a claim first."""
    view.server.schedule(UID)
    assert view.worklist().complete(UID, LOCK, PERFORMED) is WorkAnswer.TAKEN
    assert view.server.state(UID) == "SCHEDULED"


def test_it_can_be_asked_whether_it_answers(view: View) -> None:
    """For ``marrowcount check``."""
    assert view.worklist().check()


def test_a_long_code_is_asked_for_and_told_as_such(view: View) -> None:
    """Code Value holds 16 characters; what is longer goes into Long Code Value."""
    long = Code("COUNT-BONE-MARROW-SMEAR", "99TEST", "Count")
    view.server.schedule("2.25.2")
    view.server.schedule(UID, codes=(long,))
    worklist = view.worklist(Wanted(STATION, workitem_codes=(long,)))
    assert [workitem.uid for workitem in worklist.scheduled()] == [UID]
    worklist.claim(UID, LOCK)
    assert worklist.complete(UID, LOCK, PerformedStep(STATION, (long,), BEGAN, BEGAN, ())) is WorkAnswer.DONE
    (step,) = items(view.server.workitem(UID), PERFORMED_SEQUENCE)
    (code,) = items(step, "PerformedWorkitemCodeSequence")
    assert (first(code, "CodeValue"), first(code, "LongCodeValue")) == ("", long.value)


def test_every_search_is_told_once_as_it_goes_out(view: View) -> None:
    """Its later pages are the same search; what it tells is what went over the wire, and names no patient."""
    for number in range(105):
        view.server.schedule(f"2.25.{number + 1}", input_item("1.2.3", f"1.2.3.{number + 1}"))
    told: list[OutgoingQuery] = []
    assert isinstance(view.service, WebUps | DimseUps)
    view.service = replace(view.service, on_query=told.append)
    assert len(view.worklist().scheduled()) == 105
    (query,) = told
    if isinstance(view.service, WebUps):
        assert query.query.startswith(b"/")
        assert b"/workitems?ProcedureStepState=SCHEDULED" in query.query
    else:
        assert query.sop_class_uid == "1.2.840.10008.5.1.4.34.6.3"
        read = decode(BytesIO(query.query), query.transfer_syntax_uid == ImplicitVRLittleEndian, True)  # noqa: FBT003
        assert read.ProcedureStepState == "SCHEDULED"
