"""Workitems, progress, results and events as data sets (PS3.3 C.30), and back."""

from __future__ import annotations

import re
import struct
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.sequence import Sequence as DicomSequence

from marrowcount.ports import WorkitemEvent, WorkitemEventKind
from marrowcount.workitems import (
    Code,
    InputReadiness,
    InstanceReference,
    Priority,
    ReferencedSeries,
    Workitem,
    WorkitemState,
)
from marrowcount.zones import zone_of_offset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

    from marrowcount.ports import PerformedStep, StepProgress
    from marrowcount.workitems import Discontinuation

__all__ = [
    "DECODED",
    "MalformedWorkitemError",
    "data_set_of",
    "decode_event",
    "decode_workitem",
    "encode_discontinuation",
    "encode_performed",
    "encode_progress",
    "encode_state_change",
    "keyword_of_value",
    "state_of",
]

DT_FORMAT: Final = "%Y%m%d%H%M%S.%f+0000"
DT: Final = re.compile(r"(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:\.(\d{1,6}))?([+-]\d{4})?")

DECODED: Final = (
    "SpecificCharacterSet",
    "TimezoneOffsetFromUTC",
    "SOPInstanceUID",
    "ScheduledProcedureStepPriority",
    "ScheduledStationNameCodeSequence",
    "ScheduledStationClassCodeSequence",
    "ScheduledWorkitemCodeSequence",
    "ScheduledProcedureStepStartDateTime",
    "ScheduledProcedureStepExpirationDateTime",
    "InputReadinessState",
    "InputInformationSequence",
    "ProcedureStepState",
)
"""What is read of a workitem; nothing else is asked for or looked at."""

UNNAMED_WORK: Final = Code("110004", "DCM", "Computer Aided Detection")
"""What was performed, where the requestor did not say what was to be (PS3.16 CID 9231); a value is needed to end."""


UNSOUND: Final = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
"""What pydicom raises when it comes to values that are none: it decodes them when they are asked for."""


class MalformedWorkitemError(Exception):
    """The worklist's data set is none; the message quotes no value."""


def encode_state_change(transaction_uid: str, state: WorkitemState) -> Dataset:
    """Action Information of Change UPS State (PS3.4 Table CC.2.1-1)."""
    change = Dataset()
    change.TransactionUID = transaction_uid
    change.ProcedureStepState = state.value
    return change


def encode_progress(progress: StepProgress) -> Dataset:
    """Procedure Step Progress Information (PS3.3 C.30.1)."""
    item = Dataset()
    item.ProcedureStepProgress = str(progress.percent)
    item.ProcedureStepProgressDescription = progress.words
    update = Dataset()
    update.ProcedureStepProgressInformationSequence = DicomSequence([item])
    return update


def encode_performed(performed: PerformedStep) -> Dataset:
    """What PS3.4 Table CC.2.5-3 asks for before a workitem may be COMPLETED; the times in UTC."""
    step = Dataset()
    step.PerformedStationNameCodeSequence = _codes((performed.station,))
    step.PerformedProcedureStepStartDateTime = _dt(performed.started_at)
    step.PerformedProcedureStepEndDateTime = _dt(performed.ended_at)
    step.PerformedWorkitemCodeSequence = _codes(performed.workitem_codes or (UNNAMED_WORK,))
    step.OutputInformationSequence = DicomSequence([_series_item(output) for output in performed.outputs])
    update = Dataset()
    update.UnifiedProcedureStepPerformedProcedureSequence = DicomSequence([step])
    return update


def encode_discontinuation(why: Discontinuation, at: datetime) -> Dataset:
    """What PS3.4 Table CC.2.5-3 asks for before a workitem may be CANCELED."""
    item = Dataset()
    item.ProcedureStepCancellationDateTime = _dt(at)
    item.ReasonForCancellation = why.words
    item.ProcedureStepDiscontinuationReasonCodeSequence = _codes((why.reason,))
    update = Dataset()
    update.ProcedureStepProgressInformationSequence = DicomSequence([item])
    return update


def _codes(codes: Sequence[Code]) -> DicomSequence:
    return DicomSequence([_code_item(code) for code in codes])


def _code_item(code: Code) -> Dataset:
    item = Dataset()
    setattr(item, keyword_of_value(code.value), code.value)
    item.CodingSchemeDesignator = code.scheme
    item.CodeMeaning = code.meaning
    return item


LONGEST_CODE_VALUE: Final = 16
"""Code Value (0008,0100) is SH; longer ones go into Long Code Value (0008,0119)."""


def keyword_of_value(value: str) -> str:
    """Where a code's value goes (PS3.3 Table 8.8-1)."""
    return "LongCodeValue" if len(value) > LONGEST_CODE_VALUE else "CodeValue"


def _series_item(series: ReferencedSeries) -> Dataset:
    """An item of the Referenced Instances and Access Macro (PS3.3 Table 10-3b)."""
    item = Dataset()
    item.TypeOfInstances = "DICOM"
    item.StudyInstanceUID = series.study_uid
    item.SeriesInstanceUID = series.series_uid
    item.ReferencedSOPSequence = DicomSequence([_reference(one) for one in series.instances])
    if series.retrieve_aes:
        item.DICOMRetrievalSequence = DicomSequence([_place("RetrieveAETitle", ae) for ae in series.retrieve_aes])
    if series.retrieve_urls:
        item.WADORSRetrievalSequence = DicomSequence([_place("RetrieveURL", url) for url in series.retrieve_urls])
    return item


def _reference(instance: InstanceReference) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = instance.sop_class_uid
    item.ReferencedSOPInstanceUID = instance.sop_instance_uid
    return item


def _place(keyword: str, place: str) -> Dataset:
    item = Dataset()
    setattr(item, keyword, place)
    return item


def _dt(at: datetime) -> str:
    return at.astimezone(UTC).strftime(DT_FORMAT)


def data_set_of(elements: Mapping[str, object]) -> Dataset:
    """The data set of a DICOM JSON object from a peer.

    Raises:
        MalformedWorkitemError: it is none.
    """
    try:
        return Dataset.from_json(dict(elements))
    except UNSOUND as error:
        raise MalformedWorkitemError(type(error).__name__) from error


def decode_workitem(dataset: Dataset, zone: tzinfo, uid: str = "") -> Workitem:
    """A workitem as its performer needs it.

    Args:
        dataset: of a search or a retrieval.
        zone: of times that name none.
        uid: where the data set may leave it out.

    Raises:
        MalformedWorkitemError: it has no UID or no state, or a value is none of those that there are.
    """
    try:
        return Workitem(
            uid or str(dataset.SOPInstanceUID),
            WorkitemState(str(dataset.ProcedureStepState)),
            InputReadiness(str(dataset.get("InputReadinessState") or InputReadiness.INCOMPLETE)),
            Priority(str(dataset.get("ScheduledProcedureStepPriority") or Priority.MEDIUM)),
            _decoded_codes(dataset, "ScheduledWorkitemCodeSequence"),
            _decoded_codes(dataset, "ScheduledStationNameCodeSequence"),
            _decoded_codes(dataset, "ScheduledStationClassCodeSequence"),
            _decoded_dt(dataset, "ScheduledProcedureStepStartDateTime", zone),
            _decoded_dt(dataset, "ScheduledProcedureStepExpirationDateTime", zone),
            tuple(_decoded_series(dataset)),
        )
    except UNSOUND as error:
        raise MalformedWorkitemError(type(error).__name__) from error


def state_of(dataset: Dataset) -> WorkitemState:
    """Its state alone.

    Raises:
        MalformedWorkitemError: it has none.
    """
    try:
        return WorkitemState(str(dataset.ProcedureStepState))
    except UNSOUND as error:
        raise MalformedWorkitemError(type(error).__name__) from error


def _items(dataset: Dataset, keyword: str) -> Sequence[Dataset]:
    return list(dataset.get(keyword) or ())


def _decoded_codes(dataset: Dataset, keyword: str) -> tuple[Code, ...]:
    return tuple(_decoded_code(item) for item in _items(dataset, keyword))


def _decoded_code(item: Dataset) -> Code:
    value = item.get("CodeValue") or item.get("LongCodeValue") or item.get("URNCodeValue") or ""
    return Code(str(value), str(item.get("CodingSchemeDesignator") or ""), str(item.get("CodeMeaning") or ""))


def _decoded_series(dataset: Dataset) -> list[ReferencedSeries]:
    """The input by series; several items of one series, as for several frames, become one."""
    found: dict[tuple[str, str], ReferencedSeries] = {}
    for item in _items(dataset, "InputInformationSequence"):
        key = str(item.get("StudyInstanceUID") or ""), str(item.get("SeriesInstanceUID") or "")
        if not all(key):
            continue  # a CDA document, or something else that is no series
        before = found.get(key, ReferencedSeries(*key, ()))
        found[key] = ReferencedSeries(
            *key,
            _union(before.instances, [_decoded_reference(one) for one in _items(item, "ReferencedSOPSequence")]),
            _union(before.retrieve_aes, _places(item, "DICOMRetrievalSequence", "RetrieveAETitle")),
            _union(before.retrieve_urls, _places(item, "WADORSRetrievalSequence", "RetrieveURL")),
        )
    return list(found.values())


def _decoded_reference(item: Dataset) -> InstanceReference:
    return InstanceReference(str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID))


def _places(item: Dataset, sequence: str, keyword: str) -> list[str]:
    return [str(place.get(keyword)) for place in _items(item, sequence) if place.get(keyword)]


def _union(before: tuple[Any, ...], more: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys((*before, *more)))


def _decoded_dt(dataset: Dataset, keyword: str, zone: tzinfo) -> datetime | None:
    text = str(dataset.get(keyword) or "").strip()
    if not text:
        return None
    found = DT.fullmatch(text)
    if found is None:
        raise ValueError(keyword)
    *parts, fraction, offset = found.groups()
    year, month, day, hour, minute, second = (int(part) if part else None for part in parts)
    microsecond = int((fraction or "").ljust(6, "0"))
    said = offset or str(dataset.get("TimezoneOffsetFromUTC") or "").strip()
    named = zone_of_offset(said) if said else zone
    if named is None:
        raise ValueError(keyword)
    at = datetime(year or 1, month or 1, day or 1, hour or 0, minute or 0, second or 0, microsecond)  # noqa: DTZ001
    return at.replace(tzinfo=named)


def decode_event(kind: int, uid: str, information: Dataset) -> WorkitemEvent:
    """An event report (PS3.4 Table CC.2.4-1).

    Raises:
        MalformedWorkitemError: there is no such event, or it lacks what it should say.
    """
    try:
        state = information.get("ProcedureStepState")
        reasons = _decoded_codes(information, "ProcedureStepDiscontinuationReasonCodeSequence")
        return WorkitemEvent(
            WorkitemEventKind(kind),
            uid,
            WorkitemState(str(state)) if state else None,
            str(information.get("RequestingAE") or ""),
            reasons[0] if reasons else None,
        )
    except UNSOUND as error:
        raise MalformedWorkitemError(type(error).__name__) from error
