"""The bundle says what the result says, in FHIR R4 that an independent parser accepts, and may be sent again."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import fhirkit
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowcount.cytology.cell_types import CODES, NDC_CLASSES, CellType
from marrowcount.cytology.concepts import LOCAL_SCHEME_UID
from marrowcount.errors import DeliveryRefusedError
from marrowcount.result import RESEARCH_USE_ONLY
from marrowcount.review import Report, counted
from marrowcount_adapters.fhir import FhirSettings, encode_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from marrowcount.result import CountResult

SETTINGS = FhirSettings({"HOSP": "urn:oid:1.2.3.4"}, "Haematology laboratory", "Europe/Berlin")
LOCAL = f"urn:oid:{LOCAL_SCHEME_UID}"

# FHIR R4 reference targets of the elements used; libraries do not check them.
TARGETS: Mapping[tuple[str, str], set[str]] = {
    ("Observation", "subject"): {"Patient", "Group", "Device", "Location"},
    ("Observation", "basedOn"): {"CarePlan", "DeviceRequest", "MedicationRequest", "ServiceRequest"},
    ("Observation", "performer"): {"Practitioner", "PractitionerRole", "Organization", "CareTeam", "Patient"},
    ("Observation", "specimen"): {"Specimen"},
    ("Observation", "device"): {"Device", "DeviceMetric"},
    ("Observation", "hasMember"): {"Observation", "QuestionnaireResponse", "MolecularSequence"},
    ("Observation", "derivedFrom"): {"DocumentReference", "ImagingStudy", "Media", "Observation"},
    ("DiagnosticReport", "subject"): {"Patient", "Group", "Device", "Location"},
    ("DiagnosticReport", "basedOn"): {"CarePlan", "MedicationRequest", "ServiceRequest"},
    ("DiagnosticReport", "performer"): {"Practitioner", "PractitionerRole", "Organization", "CareTeam"},
    ("DiagnosticReport", "specimen"): {"Specimen"},
    ("DiagnosticReport", "result"): {"Observation"},
    ("DiagnosticReport", "imagingStudy"): {"ImagingStudy"},
    ("Specimen", "subject"): {"Patient", "Group", "Device", "Substance", "Location"},
    ("ImagingStudy", "subject"): {"Patient", "Device", "Group"},
    ("ImagingStudy", "basedOn"): {"CarePlan", "ServiceRequest", "Appointment", "AppointmentResponse", "Task"},
    ("ImagingStudy", "specimen"): {"Specimen"},
    ("Provenance", "target"): {"Observation", "DiagnosticReport"},
    ("Provenance", "who"): {"Practitioner", "PractitionerRole", "Patient", "Device", "Organization"},
    ("Provenance", "what"): {"ImagingStudy"},
}


def bundle_of(said: CountResult | Report, site: FhirSettings = SETTINGS) -> dict[str, Any]:
    report = said if isinstance(said, Report) else counted(said)
    bundle: dict[str, Any] = json.loads(encode_bundle(report, site), parse_float=Decimal)
    return bundle


def resources(bundle: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def observation(bundle: Mapping[str, Any], code: str) -> dict[str, Any]:
    (found,) = [o for o in resources(bundle, "Observation") if code in {c["code"] for c in o["code"]["coding"]}]
    return found


def component(resource: Mapping[str, Any], code: str) -> dict[str, Any]:
    (found,) = [c for c in resource["component"] if c["code"]["coding"][0]["code"] == code]
    return found


def references(element: object, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every reference below, with the name of the element that holds it."""
    if isinstance(element, list):
        for item in element:
            yield from references(item, name)
    elif isinstance(element, dict):
        if "reference" in element or (
            isinstance(element.get("type"), str) and element.keys() & {"identifier", "display"}
        ):
            yield name, element
        for key, value in element.items():
            yield from references(value, key)


def undefined(result_of: Callable[..., CountResult]) -> CountResult:
    result = result_of({CellType.NEUTROPHIL: 40})
    return replace(result, stopping=replace(result.stopping, distance=None))


def test_an_independent_parser_accepts_it(result_of: Callable[..., CountResult]) -> None:
    """fhirkit, strict R4 4.0.1, finds nothing wrong, with defined and with undefined ratios."""
    for result in (result_of(), undefined(result_of)):
        assert fhirkit.validate(encode_bundle(counted(result), SETTINGS)) == []


def test_references_resolve_to_what_they_may_point_at(result: CountResult) -> None:
    """Every reference is an entry of the bundle or a logical one, of a type that R4 allows at its place."""
    bundle = bundle_of(result)
    types = {entry["fullUrl"]: entry["resource"]["resourceType"] for entry in bundle["entry"]}
    assert len(types) == len(bundle["entry"])
    seen = set()
    for entry in bundle["entry"]:
        kind = entry["resource"]["resourceType"]
        for name, found in references(entry["resource"]):
            target = types[found["reference"]] if "reference" in found else found["type"]
            assert target in TARGETS[kind, name], (kind, name, target)
            seen.add((kind, name))
    assert seen == set(TARGETS)


def test_everything_is_preliminary_and_asserted_by_ai(result: CountResult) -> None:
    """No status but preliminary; the security label AIAST on figures, report and provenance; for research use."""
    bundle = bundle_of(result)
    figures = [*resources(bundle, "Observation"), *resources(bundle, "DiagnosticReport")]
    assert len(figures) == 12 + 3 + 2 + 1
    assert {figure["status"] for figure in figures} == {"preliminary"}
    for labelled in (*figures, *resources(bundle, "Provenance")):
        assert [label["code"] for label in labelled["meta"]["security"]] == ["AIAST"]
    for figure in resources(bundle, "Observation"):
        assert RESEARCH_USE_ONLY in [note["text"] for note in figure["note"]]
    (report,) = resources(bundle, "DiagnosticReport")
    assert RESEARCH_USE_ONLY in report["conclusion"]


def test_classes_say_what_was_counted(result: CountResult) -> None:
    """Percentage as value; raw count and interval as components; panel in the order of a laboratory report."""
    bundle = bundle_of(result)
    for share in result.differential.shares:
        found = observation(bundle, CODES[share.cell_type].local.value)
        assert found["valueQuantity"]["value"] == share.percent
        assert found["valueQuantity"]["code"] == "%"
        assert component(found, "246432004")["valueQuantity"]["value"] == share.count
        low, high = (component(found, code)["valueQuantity"]["value"] for code in ("CI95_LOW", "CI95_HIGH"))
        assert low <= share.percent <= high
    panel = observation(bundle, "47286-0")
    names = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}
    members = [names[member["reference"]]["code"]["coding"][-1]["code"] for member in panel["hasMember"]]
    assert members == [
        *(CODES[cell_type].local.value for cell_type in NDC_CLASSES), "38257-2", "11138-5", "BMME",
    ]  # fmt: skip
    assert not [key for key in panel if key.startswith("value")]


def test_totals_and_histogram_say_what_was_counted(result: CountResult) -> None:
    """Total, ratios, and the IHCT with all 19 raw counts, tiles, distance and why the count ended."""
    bundle = bundle_of(result)
    assert observation(bundle, "38257-2")["valueQuantity"]["value"] == result.differential.total
    assert observation(bundle, "11138-5")["valueQuantity"]["value"] == Decimal("2.59")
    assert observation(bundle, "BMME")["valueQuantity"]["value"] == Decimal("2.47")
    ihct = observation(bundle, "IHCT")
    for cell_type, count in result.histogram:
        assert component(ihct, CODES[cell_type].local.value)["valueQuantity"]["value"] == count
    assert component(ihct, "TILES_COUNTED")["valueQuantity"]["value"] == 80
    assert component(ihct, "TILES_LOOKED_AT")["valueQuantity"]["value"] == 120
    assert component(ihct, "CHI_SQUARE")["valueQuantity"]["value"] == Decimal("0.000043217")
    assert component(ihct, "STOP_REASON")["valueCodeableConcept"]["coding"][0]["code"] == "CONVERGED"


def test_undefined_figures_have_a_reason_and_no_value(result_of: Callable[..., CountResult]) -> None:
    """Without erythroblasts the ratios are absent with a reason, never zero, never left out."""
    bundle = bundle_of(undefined(result_of))
    for absent in (
        observation(bundle, "11138-5"),
        observation(bundle, "BMME"),
        component(observation(bundle, "IHCT"), "CHI_SQUARE"),
    ):
        assert "valueQuantity" not in absent
        assert absent["dataAbsentReason"]["coding"][0]["code"] == "not-a-number"


@settings(max_examples=25, deadline=None)
@given(counts=st.dictionaries(st.sampled_from(NDC_CLASSES), st.integers(1, 3000), min_size=1))
def test_percentages_sum_to_one_hundred(counts: dict[CellType, int], result_of: Callable[..., CountResult]) -> None:
    """The twelve percentages sum to exactly 100.0 as they stand in the text, whatever was found."""
    bundle = bundle_of(replace(result_of(counts), detections=()))
    percentages = [observation(bundle, CODES[c].local.value)["valueQuantity"]["value"] for c in NDC_CLASSES]
    assert sum(map(Decimal, percentages)) == 100


def test_no_manual_count_is_claimed(result: CountResult) -> None:
    """Strict codes: LOINC only where method-less, and the local code on every class."""
    bundle = bundle_of(result)
    loinc = {
        coding["code"]
        for o in resources(bundle, "Observation")
        for coding in o["code"]["coding"]
        if coding["system"] == "http://loinc.org"
    }
    assert loinc == {"11150-0", "11152-6", "38257-2", "11138-5", "47286-0"}
    assert "Manual" not in json.dumps(bundle, default=str)
    for cell_type in NDC_CLASSES:
        codings = observation(bundle, CODES[cell_type].local.value)["code"]["coding"]
        assert codings[-1]["system"] == LOCAL


def test_identifiers_stay_when_the_slide_is_counted_anew(result: CountResult) -> None:
    """Another model gives another device, but updates the same observations and report."""
    other = replace(result, models=tuple(replace(model, sha256="c" * 64) for model in result.models))
    before, after = bundle_of(result), bundle_of(counted(other, [counted(result).status]))
    for one, two in zip(before["entry"], after["entry"], strict=True):
        kind = one["resource"]["resourceType"]
        assert (one["fullUrl"] == two["fullUrl"]) == (kind not in {"Device", "Provenance"})


def test_requests_may_be_repeated(result: CountResult) -> None:
    """Context is created where missing, figures are updated by identifier: each condition names its own resource."""
    for entry in bundle_of(result)["entry"]:
        resource, request = entry["resource"], entry["request"]
        kind, _, query = request["url"].partition("?")
        assert kind == resource["resourceType"]
        if kind == "Provenance":
            continue
        assert request["method"] == ("PUT" if kind in {"Observation", "DiagnosticReport"} else "POST")
        assert "|" not in request["url"] + request.get("ifNoneExist", "")
        (token,) = parse_qs(query or request["ifNoneExist"], strict_parsing=True)["identifier"]
        system, _, value = token.partition("|")
        assert {"system": system, "value": value} in [
            {"system": i.get("system"), "value": i["value"]} for i in resource["identifier"]
        ]


def test_same_result_same_text(result: CountResult) -> None:
    """No clock, no chance."""
    assert encode_bundle(counted(result), SETTINGS) == encode_bundle(counted(result), SETTINGS)


def test_patient_is_named_by_the_site_s_system(result: CountResult) -> None:
    """The issuer's text is mapped to a URI; the node refers to the patient and never creates one."""
    bundle = bundle_of(result)
    assert not resources(bundle, "Patient")
    identifier = resources(bundle, "DiagnosticReport")[0]["subject"]["identifier"]
    assert (identifier["system"], identifier["value"]) == ("urn:oid:1.2.3.4", "MRN00017")


def test_universal_issuer_needs_no_mapping(result: CountResult) -> None:
    """A universal entity id in the header goes before the site's mapping."""
    own = replace(result, context=replace(result.context, patient_id_system="urn:oid:9.9"))
    bundle = bundle_of(own, FhirSettings({}, "Laboratory"))
    assert resources(bundle, "Specimen")[0]["subject"]["identifier"]["system"] == "urn:oid:9.9"


@pytest.mark.parametrize(
    ("context", "code"),
    [
        ({"patient_id_issuer": "ELSEWHERE"}, "unmapped-patient-issuer"),
        ({"patient_id_issuer": ""}, "unmapped-patient-issuer"),
        ({"patient_id": ""}, "missing-patient-id"),
    ],
)
def test_a_patient_is_never_guessed(context: dict[str, str], code: str, result: CountResult) -> None:
    """Without a known system for the number the delivery is held, and the message holds no patient data."""
    unknown = replace(result, context=replace(result.context, **context))
    with pytest.raises(DeliveryRefusedError) as refused:
        encode_bundle(counted(unknown), SETTINGS)
    assert refused.value.code == code
    assert not refused.value.retryable
    assert "MRN00017" not in str(refused.value)


def test_times_have_a_zone(result: CountResult) -> None:
    """A header without zone is read in the site's; release is the time of the count, never of the scan."""
    naive = replace(result, context=replace(result.context, acquired=datetime(2026, 1, 15, 8, 0)))  # noqa: DTZ001
    (report,) = resources(bundle_of(naive), "DiagnosticReport")
    assert report["effectiveDateTime"] == "2026-01-15T08:00:00+01:00"
    assert report["issued"].startswith("2026-10-01T09:59:30.25")


def test_what_the_header_does_not_say_is_left_out(result: CountResult) -> None:
    """No order, no times, no specimen identifiers are made up."""
    bare = replace(
        result,
        context=replace(
            result.context,
            accession_number="",
            acquired=None,
            specimen=replace(result.context.specimen, container_identifier="", specimen_identifier="", specimen_uid=""),
        ),
    )
    text = encode_bundle(counted(bare), SETTINGS)
    assert fhirkit.validate(text) == []
    assert "basedOn" not in text
    assert "effectiveDateTime" not in text
    (specimen,) = resources(json.loads(text), "Specimen")
    assert len(specimen["identifier"]) == 1


def test_two_slides_of_a_study_share_the_study_only(result: CountResult) -> None:
    """Another slide of the same study has figures and specimen of its own."""
    other = replace(
        result,
        context=replace(
            result.context,
            series_uid="2.25.777",
            specimen=replace(result.context.specimen, container_identifier="B26-1234-A2"),
        ),
    )
    one, two = ({entry["fullUrl"] for entry in bundle_of(r)["entry"]} for r in (result, other))
    shared = {e["resource"]["resourceType"] for e in bundle_of(result)["entry"] if e["fullUrl"] in one & two}
    assert shared == {"ImagingStudy", "Device"}


def test_a_rescan_is_the_same_specimen(result: CountResult) -> None:
    """A slide scanned twice has two sets of figures but is one specimen."""
    rescan = replace(result, context=replace(result.context, series_uid="2.25.778"))
    assert bundle_of(result)["entry"][0]["fullUrl"] == bundle_of(rescan)["entry"][0]["fullUrl"]


def test_warnings_reach_the_reader(result: CountResult) -> None:
    """What the count warns of stands in panel, conclusion and narrative, escaped."""
    warned = replace(result, warnings=("few-cells: 120 cells < 300",))
    bundle = bundle_of(warned)
    (report,) = resources(bundle, "DiagnosticReport")
    assert "few-cells: 120 cells < 300" in report["conclusion"]
    assert "120 cells &lt; 300" in report["text"]["div"]
    assert "few-cells: 120 cells < 300" in [note["text"] for note in observation(bundle, "47286-0")["note"]]


def test_the_device_names_its_models(result: CountResult) -> None:
    """Software version and the digests of both models' weights."""
    (device,) = resources(bundle_of(result), "Device")
    values = [version["value"] for version in device["version"]]
    assert [model.sha256 for model in result.models] == values[1:]


def test_the_report_presents_its_document(result: CountResult) -> None:
    """The PDF itself, with size and SHA-1 as R4 has them and the time of the count; accepted by the parser."""
    pdf = b"%PDF-1.4 of the report"
    text = encode_bundle(counted(result), SETTINGS, pdf)
    assert fhirkit.validate(text) == []
    (report,) = resources(json.loads(text), "DiagnosticReport")
    (form,) = report["presentedForm"]
    assert b64decode(form["data"]) == pdf
    assert form["contentType"] == "application/pdf"
    assert form["size"] == len(pdf)
    assert b64decode(form["hash"]) == hashlib.sha1(pdf, usedforsecurity=False).digest()
    assert datetime.fromisoformat(form["creation"]) == result.counted_at
    assert "preliminary" in form["title"]


def test_without_a_document_nothing_is_presented(result: CountResult) -> None:
    """No empty attachment."""
    (report,) = resources(bundle_of(result), "DiagnosticReport")
    assert "presentedForm" not in report
