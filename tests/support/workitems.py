"""Workitems as their requestors write them, and a worklist to write them to, for the tests."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from marrowcount.testing import HeldClock
from marrowcount.workitems import Code
from marrowcount_adapters.ups_worklist import WorklistOperations, WorklistServer, open_store, worklist_app
from marrowcount_adapters.ups_worklist.events import EventHub
from marrowcount_adapters.ups_worklist.json_model import Attributes, put, put_items

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COUNT = Code("COUNT", "99TEST", "Count a bone marrow smear")
STATION = Code("MARROWCOUNT", "99TEST", "The counter of bone marrow")
WSM = "1.2.840.10008.5.1.4.1.1.77.1.6"


def code_item(code: Code) -> Attributes:
    item: Attributes = {}
    put(item, "CodeValue" if len(code.value) <= 16 else "LongCodeValue", code.value)
    put(item, "CodingSchemeDesignator", code.scheme)
    put(item, "CodeMeaning", code.meaning)
    return item


def input_item(series_uid: str, *instance_uids: str, study_uid: str = "1.2", sop_class: str = WSM) -> Attributes:
    """An item of Input Information Sequence (PS3.3 Table 10-3b)."""
    references: list[Attributes] = []
    for uid in instance_uids:
        reference: Attributes = {}
        put(reference, "ReferencedSOPClassUID", sop_class)
        put(reference, "ReferencedSOPInstanceUID", uid)
        references.append(reference)
    retrieval: Attributes = {}
    put(retrieval, "RetrieveAETitle", "ARCHIVE")
    item: Attributes = {}
    put(item, "TypeOfInstances", "DICOM")
    put(item, "StudyInstanceUID", study_uid)
    put(item, "SeriesInstanceUID", series_uid)
    put_items(item, "ReferencedSOPSequence", *references)
    put_items(item, "DICOMRetrievalSequence", retrieval)
    return item


def new_workitem(
    *inputs: Attributes,
    readiness: str = "READY",
    priority: str = "MEDIUM",
    starts: str = "20260105070000+0000",
    codes: tuple[Code, ...] = (COUNT,),
    stations: tuple[Code, ...] = (STATION,),
) -> Attributes:
    """All that PS3.4 Table CC.2.5-3 asks for at creation."""
    made: Attributes = {}
    for keyword in EMPTY:
        put(made, keyword)
    put(made, "ScheduledProcedureStepPriority", priority)
    put(made, "ProcedureStepLabel", "Count")
    put(made, "WorklistLabel", "HAEMATOLOGY")
    put(made, "ScheduledProcedureStepStartDateTime", starts)
    put(made, "InputReadinessState", readiness)
    put(made, "ProcedureStepState", "SCHEDULED")
    put(made, "PatientName", {"Alphabetic": "Made^Up"})
    put(made, "PatientID", "MADE-UP-7")
    put_items(made, "ScheduledWorkitemCodeSequence", *map(code_item, codes))
    put_items(made, "ScheduledStationNameCodeSequence", *map(code_item, stations))
    put_items(made, "InputInformationSequence", *inputs)
    return made


EMPTY = (
    "TransactionUID",
    "ScheduledProcessingParametersSequence",
    "ScheduledStationClassCodeSequence",
    "ScheduledStationGeographicLocationCodeSequence",
    "CommentsOnTheScheduledProcedureStep",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "AdmissionID",
    "IssuerOfAdmissionIDSequence",
    "AdmittingDiagnosesDescription",
    "AdmittingDiagnosesCodeSequence",
    "ReferencedRequestSequence",
    "ProcedureStepProgressInformationSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
)


def performed() -> Attributes:
    """What is needed to complete."""
    procedure: Attributes = {}
    put_items(procedure, "PerformedStationNameCodeSequence", code_item(STATION))
    put(procedure, "PerformedProcedureStepStartDateTime", "20260105080000+0000")
    put(procedure, "PerformedProcedureStepEndDateTime", "20260105081000+0000")
    put_items(procedure, "PerformedWorkitemCodeSequence", code_item(COUNT))
    put(procedure, "OutputInformationSequence")
    update: Attributes = {}
    put_items(update, "UnifiedProcedureStepPerformedProcedureSequence", procedure)
    return update


def discontinued() -> Attributes:
    """What is needed to cancel."""
    progress: Attributes = {}
    put_items(progress, "ProcedureStepDiscontinuationReasonCodeSequence", code_item(Code("110501", "DCM", "Failure")))
    update: Attributes = {}
    put_items(update, "ProcedureStepProgressInformationSequence", progress)
    return update


def state_change(state: str, transaction_uid: str = "") -> Attributes:
    change: Attributes = {}
    put(change, "ProcedureStepState", state)
    if transaction_uid:
        put(change, "TransactionUID", transaction_uid)
    return change


@dataclass
class RunningWorklist:
    """A worklist behind a socket, and somebody who schedules work there."""

    server: WorklistServer
    operations: WorklistOperations
    clock: HeldClock
    client: httpx.Client
    made: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.server.url

    def schedule(self, uid: str, *inputs: Attributes, **how: Any) -> str:  # noqa: ANN401 - as new_workitem
        response = self.client.post(f"/workitems?{uid}", json=[new_workitem(*inputs, **how)])
        assert response.status_code == 201, response.text
        return uid

    def change(self, uid: str, state: str, transaction_uid: str = "") -> httpx.Response:
        return self.client.put(f"/workitems/{uid}/state", json=[state_change(state, transaction_uid)])

    def update(self, uid: str, attributes: Attributes, transaction_uid: str = "") -> httpx.Response:
        query = f"?{transaction_uid}" if transaction_uid else ""
        return self.client.post(f"/workitems/{uid}{query}", json=[attributes])

    def workitem(self, uid: str) -> Attributes:
        response = self.client.get(f"/workitems/{uid}")
        assert response.status_code == 200, response.text
        attributes: Attributes = response.json()[0]
        return attributes

    def state(self, uid: str) -> str:
        return str(self.workitem(uid)["00741000"]["Value"][0])

    def bring_to(self, uid: str, state: str, transaction_uid: str = "1.9") -> None:
        """To a state by the way that leads there."""
        if state != "SCHEDULED":
            assert self.change(uid, "IN PROGRESS", transaction_uid).status_code == 200
        if state in {"COMPLETED", "CANCELED"}:
            ending = performed() if state == "COMPLETED" else discontinued()
            assert self.update(uid, ending, transaction_uid).status_code == 200
            assert self.change(uid, state, transaction_uid).status_code == 200


@contextmanager
def running_worklist(folder: Path, *, token: str = "", port: int = 0) -> Iterator[RunningWorklist]:
    store, clock = open_store(folder / "worklist.sqlite"), HeldClock()
    operations = WorklistOperations(store, clock, EventHub())
    server = WorklistServer(worklist_app(operations, token), port=port)
    server.start()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as client:
        try:
            yield RunningWorklist(server, operations, clock, client)
        finally:
            server.stop()
            store.close()
