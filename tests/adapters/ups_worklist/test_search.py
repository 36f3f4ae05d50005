"""Searching the worklist: PS3.18 11.9 with the matching of PS3.4 C.2.2.2."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.workitems import Code
from marrowcount_adapters.ups_worklist.json_model import Attributes, MalformedError, put
from marrowcount_adapters.ups_worklist.matching import MatchingKey, matches, parse_filter
from workitems import COUNT, input_item

if TYPE_CHECKING:
    from workitems import RunningWorklist

OTHER = Code("MEASURE", "99TEST", "Measure something else")


@pytest.fixture
def three(worklist: RunningWorklist) -> RunningWorklist:
    """Two counts, one of them claimed, and another task of a morning later."""
    worklist.schedule("1.2.1", input_item("1.5.1", "1.5.1.1"), priority="HIGH")
    worklist.schedule("1.2.2", codes=(OTHER,), starts="20260106093000+0100")
    worklist.schedule("1.2.3", readiness="INCOMPLETE")
    worklist.bring_to("1.2.3", "IN PROGRESS")
    return worklist


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"1.2.1", "1.2.2", "1.2.3"}),
        ("ProcedureStepState=SCHEDULED", {"1.2.1", "1.2.2"}),
        ("00741000=IN PROGRESS", {"1.2.3"}),
        ("ProcedureStepState=SCHEDULED&InputReadinessState=READY", {"1.2.1", "1.2.2"}),
        ("ScheduledProcedureStepPriority=HIGH", {"1.2.1"}),
        ("ScheduledWorkitemCodeSequence.CodeValue=COUNT", {"1.2.1", "1.2.3"}),
        ("00404018.00080100=COUNT&00404018.00080102=99TEST", {"1.2.1", "1.2.3"}),
        ("00404018.00080100=COUNT&00404018.00080102=DCM", set()),
        ("InputInformationSequence.SeriesInstanceUID=1.5.1", {"1.2.1"}),
        ("InputInformationSequence.ReferencedSOPSequence.ReferencedSOPInstanceUID=1.5.1.1", {"1.2.1"}),
        ("SOPInstanceUID=1.2.1,1.2.3", {"1.2.1", "1.2.3"}),
        ("WorklistLabel=HAEM*", {"1.2.1", "1.2.2", "1.2.3"}),
        ("WorklistLabel=HAEMATOLOG?", {"1.2.1", "1.2.2", "1.2.3"}),
        ("WorklistLabel=H[A]*", set()),
        ("WorklistLabel=HAEM", set()),
        ("PatientName=made^*", {"1.2.1", "1.2.2", "1.2.3"}),
        ("PatientBirthDate=", {"1.2.1", "1.2.2", "1.2.3"}),
        ("PatientBirthDate=19700101", set()),
        ("ScheduledProcedureStepStartDateTime=20260105", {"1.2.1", "1.2.3"}),
        ("ScheduledProcedureStepStartDateTime=20260106-", {"1.2.2"}),
        ("ScheduledProcedureStepStartDateTime=-20260105235959", {"1.2.1", "1.2.3"}),
        ("ScheduledProcedureStepStartDateTime=202601060830", {"1.2.2"}),
        ("ScheduledProcedureStepStartDateTime=20260106-20260107", {"1.2.2"}),
        ("limit=2", {"1.2.1", "1.2.2"}),
        ("limit=1&offset=1", {"1.2.2"}),
        ("fuzzymatching=true&offset=3", set()),
    ],
)
def test_what_matches_is_found(three: RunningWorklist, query: str, found: set[str]) -> None:
    """200 or 206 with what was found, 204 with nothing where nothing was."""
    response = three.client.get(f"/workitems?{query.replace('+', '%2B')}")
    if not found:
        assert (response.status_code, response.content) == (204, b"")
        return
    assert {item["00080018"]["Value"][0] for item in response.json()} == found
    assert response.status_code == (206 if "limit" in query else 200)
    assert response.headers["Content-Type"] == "application/dicom+json"


@pytest.mark.parametrize("query", ["Nonsense=1", "limit=many", "0074100=1", "ScheduledProcedureStepStartDateTime=soon"])
def test_what_is_no_search_is_refused(three: RunningWorklist, query: str) -> None:
    """400: a key that is none must not be taken for one that matches all."""
    assert three.client.get(f"/workitems?{query}").status_code == 400


def test_results_tell_what_is_asked_for(three: RunningWorklist) -> None:
    """The attributes of Return Key Type 1 and 2, those matched and those included; all of them only where asked."""
    (plain,) = three.client.get("/workitems?SOPInstanceUID=1.2.1").json()
    assert "00741000" in plain
    assert "00404021" in plain
    assert "00081080" not in plain
    (with_field,) = three.client.get("/workitems?SOPInstanceUID=1.2.1&includefield=00081080").json()
    assert with_field.keys() - plain.keys() == {"00081080"}
    (everything,) = three.client.get("/workitems?SOPInstanceUID=1.2.1&includefield=all").json()
    assert everything == three.workitem("1.2.1")


INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1))  # noqa: DTZ001 - given a zone below
ZONES = st.integers(-12 * 4, 14 * 4).map(lambda quarters: timedelta(minutes=15 * quarters))


def written(instant: datetime, zone: timedelta) -> str:
    minutes = int(zone.total_seconds() // 60)
    sign, shifted = ("-" if minutes < 0 else "+"), instant + zone
    return f"{shifted:%Y%m%d%H%M%S.%f}{sign}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"


@given(st.lists(INSTANTS, min_size=3, max_size=3), st.lists(ZONES, min_size=3, max_size=3))
def test_ranges_of_time_do_not_depend_on_zones(instants: list[datetime], zones: list[timedelta]) -> None:
    """Two ends and a value, each written in a zone of its own, match as the instants they mean."""
    value, begin, end = instants
    texts = [written(instant, zone) for instant, zone in zip(instants, zones, strict=True)]
    attributes: Attributes = {}
    put(attributes, "ScheduledProcedureStepStartDateTime", texts[0])

    def found(wanted: str) -> bool:
        return matches(attributes, [MatchingKey(("00404005",), wanted)])

    assert found(f"{texts[1]}-{texts[2]}") == (begin <= value <= end)
    assert found(f"{texts[1]}-") == (begin <= value)
    assert found(f"-{texts[2]}") == (value <= end)
    assert found(texts[1]) == (value == begin)


@given(INSTANTS, st.sampled_from([4, 6, 8, 10, 12, 14]))
def test_a_time_matches_whatever_is_less_exact(instant: datetime, length: int) -> None:
    """A day matches each of its seconds, a year each of its days."""
    attributes: Attributes = {}
    put(attributes, "ScheduledProcedureStepStartDateTime", written(instant, timedelta()))
    text = f"{instant.replace(tzinfo=UTC):%Y%m%d%H%M%S}"[:length]
    assert matches(attributes, [MatchingKey(("00404005",), text)])


def test_keys_within_a_sequence_are_met_by_one_item() -> None:
    """A code of one item and the scheme of another are no match."""
    attributes: Attributes = {}
    items: list[Attributes] = []
    for value, scheme in (("A", "X"), ("B", "Y")):
        item: Attributes = {}
        put(item, "CodeValue", value)
        put(item, "CodingSchemeDesignator", scheme)
        items.append(item)
    put(attributes, "ScheduledWorkitemCodeSequence", *items)
    both = "ScheduledWorkitemCodeSequence.CodeValue={},ScheduledWorkitemCodeSequence.CodingSchemeDesignator={}"
    assert matches(attributes, parse_filter(both.format("B", "Y")))
    assert not matches(attributes, parse_filter(both.format("A", "Y")))


@pytest.mark.parametrize("text", ["", "CodeValue", "=1", "Nonsense=1"])
def test_what_is_no_filter_is_refused(text: str) -> None:
    """A subscription to everything must be asked for as such."""
    with pytest.raises(MalformedError):
        parse_filter(text)


def test_the_code_of_the_tests_is_one() -> None:
    """Concepts are the same where value and scheme agree."""
    assert COUNT.same_as(Code("COUNT", "99TEST", "other words"))
    assert not COUNT.same_as(OTHER)
