"""Workitems as data sets and back, whatever their times, codes and input look like."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import DataElement, Dataset, config
from pydicom.datadict import dictionary_VR

from marrowcount.workitems import Code, InputReadiness, Priority, WorkitemState
from marrowcount_adapters.ups.encoding import MalformedWorkitemError, decode_workitem
from marrowcount_adapters.ups_worklist.json_model import Attributes, put
from workitems import COUNT, STATION, input_item, new_workitem

BERLIN = ZoneInfo("Europe/Berlin")


def dataset(**changes: object) -> Dataset:
    attributes: Attributes = new_workitem(input_item("1.2.3", "1.2.3.1"))
    put(attributes, "SOPInstanceUID", "2.25.1")
    for keyword, value in changes.items():
        put(attributes, keyword, *([] if value is None else [value]))
    return Dataset.from_json(attributes)


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        ("20260105093000.25+0100", None, datetime(2026, 1, 5, 8, 30, 0, 250_000, UTC)),
        ("20260105093000-0530", None, datetime(2026, 1, 5, 15, 0, tzinfo=UTC)),
        ("20260105093000", None, datetime(2026, 1, 5, 8, 30, tzinfo=UTC)),  # the laboratory's own zone, in winter
        ("20260705093000", None, datetime(2026, 7, 5, 7, 30, tzinfo=UTC)),  # and in summer
        ("20260105093000", "+0000", datetime(2026, 1, 5, 9, 30, tzinfo=UTC)),  # Timezone Offset From UTC
        ("202601", None, datetime(2026, 1, 1, 0, 0, tzinfo=BERLIN)),
        (None, None, None),
    ],
)
def test_times_are_instants(text: str | None, offset: str | None, expected: datetime | None) -> None:
    """With their own zone, the data set's, or the laboratory's."""
    changes: dict[str, object] = {"ScheduledProcedureStepStartDateTime": text}
    if offset:
        changes["TimezoneOffsetFromUTC"] = offset
    assert decode_workitem(dataset(**changes), BERLIN).starts_at == expected


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)),  # noqa: DTZ001 - given a zone here
    st.integers(-12 * 60, 14 * 60),
)
def test_any_time_with_a_zone_is_read(local: datetime, minutes: int) -> None:
    """To the microsecond."""
    zone = timezone(timedelta(minutes=minutes))
    sign, at = ("-" if minutes < 0 else "+"), local.replace(tzinfo=zone)
    text = f"{local:%Y%m%d%H%M%S.%f}{sign}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
    assert decode_workitem(dataset(ScheduledProcedureStepStartDateTime=text), UTC).starts_at == at


@pytest.mark.parametrize(
    "changes",
    [
        {"ProcedureStepState": None},
        {"ProcedureStepState": "PAUSED"},
        {"InputReadinessState": "PERHAPS"},
        {"ScheduledProcedureStepPriority": "STAT"},
        {"ScheduledProcedureStepStartDateTime": "soon"},
        {"ScheduledProcedureStepStartDateTime": "20261301"},
    ],
)
def test_what_is_no_workitem_is_said_to_be_none(changes: dict[str, object]) -> None:
    """It is passed over, and does not end the search; the message quotes nothing."""
    said = dataset()
    for keyword, value in changes.items():
        said.add(DataElement(keyword, dictionary_VR(keyword), value, validation_mode=config.IGNORE))
    with pytest.raises(MalformedWorkitemError) as raised:
        decode_workitem(said, UTC)
    assert "MADE-UP" not in str(raised.value)


def test_what_is_not_said_is_taken_carefully() -> None:
    """Without a readiness it is not ready; without a priority it is like most."""
    workitem = decode_workitem(dataset(InputReadinessState=None, ScheduledProcedureStepPriority=None), UTC)
    assert (workitem.readiness, workitem.priority) == (InputReadiness.INCOMPLETE, Priority.MEDIUM)
    assert workitem.state is WorkitemState.SCHEDULED


def test_codes_of_every_length_are_read() -> None:
    """Code Value, Long Code Value and URN Code Value."""
    said = dataset()
    (item,) = said.ScheduledWorkitemCodeSequence
    assert decode_workitem(said, UTC).workitem_codes == (COUNT,)
    del item.CodeValue
    item.LongCodeValue = "A-CODE-OF-MORE-THAN-SIXTEEN"
    assert decode_workitem(said, UTC).workitem_codes[0].value == "A-CODE-OF-MORE-THAN-SIXTEEN"
    del item.LongCodeValue
    item.URNCodeValue = "urn:oid:2.999.1"
    assert decode_workitem(said, UTC).workitem_codes == (Code("urn:oid:2.999.1", COUNT.scheme, COUNT.meaning),)


def test_input_that_is_no_series_is_passed_over() -> None:
    """A document of another kind than DICOM, for example."""
    said = dataset()
    document = Dataset()
    document.TypeOfInstances = "CDA"
    said.InputInformationSequence.append(document)
    assert [series.series_uid for series in decode_workitem(said, UTC).inputs] == ["1.2.3"]
    assert decode_workitem(said, UTC).stations == (STATION,)
