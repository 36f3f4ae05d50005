"""What each projection of a report takes along, and that none of them says anything else than the others."""

from __future__ import annotations

import ast
import json
from base64 import b64decode
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fhirkit
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import marrowcount_adapters.fhir
from fhir_sites import SITE
from made_up_reports import reports
from made_up_result import CONTEXT, make_result
from marrowcount.cytology.cell_types import CODES, NDC_CLASSES, CellType
from marrowcount.cytology.differential import differential_of
from marrowcount.cytology.histogram import Histogram
from marrowcount.review import counted
from marrowcount.workflow.identity import percent_bounds, published_ratio, report_uid, result_uid
from marrowcount_adapters.fhir import Projection, encode
from marrowcount_adapters.fhir.json_text import plain, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REPORTS = reports()
PDF = b"%PDF-1.4 of the report"
R4 = tuple(projection for projection in Projection if projection is not Projection.R5_GRAPH)
PACKAGE = Path(marrowcount_adapters.fhir.__file__).parent


def bundle_of(name: str, projection: Projection, document: bytes | None = PDF) -> dict[str, Any]:
    bundle: dict[str, Any] = json.loads(encode(REPORTS[name], SITE, document, projection), parse_float=Decimal)
    return bundle


def resources(bundle: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def one(bundle: Mapping[str, Any], kind: str) -> dict[str, Any]:
    (found,) = resources(bundle, kind)
    return found


def values(bundle: Mapping[str, Any]) -> dict[str, object]:
    """Value and status of each observation by the last of its codes."""
    return {
        each["code"]["coding"][-1]["code"]: (each.get("valueQuantity"), each["status"])
        for each in resources(bundle, "Observation")
    }


def texts(resource: Mapping[str, Any]) -> list[str]:
    return [note["text"] for note in resource["note"]]


def numbers_in(element: object) -> Iterator[Decimal]:
    if isinstance(element, dict):
        for value in element.values():
            yield from numbers_in(value)
    elif isinstance(element, list):
        for item in element:
            yield from numbers_in(item)
    elif isinstance(element, Decimal):
        yield element


@pytest.mark.parametrize("projection", R4)
@pytest.mark.parametrize("name", REPORTS)
def test_an_independent_parser_accepts_every_projection(name: str, projection: Projection) -> None:
    """fhirkit, strict R4 4.0.1, finds nothing wrong."""
    assert fhirkit.validate(encode(REPORTS[name], SITE, PDF, projection)) == []


@pytest.mark.parametrize("projection", Projection)
@pytest.mark.parametrize("name", [name for name in REPORTS if name != "cancelled"])
def test_every_projection_says_the_same_figures(name: str, projection: Projection) -> None:
    """Value, unit and status of each class, total and ratio are those of the graph."""
    graph, other = values(bundle_of(name, Projection.R4_GRAPH)), values(bundle_of(name, projection))
    codes = {*(CODES[each].local.value for each in NDC_CLASSES), "38257-2", "11138-5", "BMME"}
    assert codes <= other.keys()
    assert other.items() <= graph.items()


@pytest.mark.parametrize("projection", Projection)
def test_same_report_same_text(projection: Projection) -> None:
    """No clock, no chance."""
    assert encode(REPORTS["amended"], SITE, PDF, projection) == encode(REPORTS["amended"], SITE, PDF, projection)


@settings(max_examples=100)
@given(counts=st.dictionaries(st.sampled_from(CellType), st.integers(0, 100_000), min_size=1))
def test_every_number_is_the_cores_own(counts: dict[CellType, int]) -> None:
    """No figure changes on its way: as the text has them, all decimals are those of the core, digit by digit."""
    histogram = Histogram.from_counts(counts)
    report = counted(replace(make_result({}), histogram=histogram, differential=differential_of(histogram)))
    differential = report.result.differential
    bundle = json.loads(encode(report, SITE), parse_float=Decimal, parse_int=Decimal)
    by_code = {each["code"]["coding"][-1]["code"]: each for each in resources(bundle, "Observation")}
    shown = []
    for share in differential.shares if differential.total else ():
        found = by_code[CODES[share.cell_type].local.value]
        shown.append(found["valueQuantity"]["value"])
        expected = [share.percent, Decimal(share.count), *percent_bounds(share.interval)]
        told = [shown[-1], *(each["valueQuantity"]["value"] for each in found["component"])]
        assert list(map(str, told)) == list(map(str, expected))
    assert sum(shown) == (Decimal("100.0") if differential.total else 0)
    for code, ratio in (("11138-5", differential.me_ratio), ("BMME", differential.bmme)):
        value, published = by_code[code].get("valueQuantity", {}).get("value"), published_ratio(ratio)
        assert str(value) == str(published)
    assert not [number for number in numbers_in(bundle) if len(str(number)) > 12]


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=0, max_value=10**6))
def test_a_decimal_is_written_as_it_is(value: Decimal) -> None:
    """With its own places and without an exponent."""
    assert json.loads(text_of([value]), parse_float=lambda text: text, parse_int=lambda text: text) == [f"{value:f}"]


@pytest.mark.parametrize("value", ["12.50", "12.5", "0.30000000000000004", "1E-9", "0.10"])
def test_floats_do_not_touch_decimals(value: str) -> None:
    """What the library's own writing would round or shorten stays."""
    from fhir.resources.R4B.quantity import Quantity

    assert text_of(plain(Quantity(value=Decimal(value)))) == f'{{"value":{Decimal(value):f}}}'


@pytest.mark.parametrize("name", REPORTS)
def test_the_text_is_the_librarys_but_for_decimals(name: str) -> None:
    """Our own writing loses, adds and moves nothing."""
    from fhir.resources.R4B.bundle import Bundle

    text = encode(REPORTS[name], SITE, PDF)
    ours, theirs = json.loads(text), json.loads(Bundle.model_validate_json(text).model_dump_json())
    assert json.dumps(ours) == json.dumps(theirs)


def test_a_part_of_another_version_is_not_written() -> None:
    """The library lets R5 pass within R4B; the encoder does not."""
    from fhir.resources.coding import Coding as R5Coding
    from fhir.resources.R4B.codeableconcept import CodeableConcept

    mixed = CodeableConcept.model_construct(coding=[R5Coding(code="x")])
    with pytest.raises(TypeError, match="within a resource of"):
        plain(mixed)


@pytest.mark.parametrize("module", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.stem)
def test_versions_of_fhir_are_not_mixed(module: Path) -> None:
    """R5's classes are known to one module only, and that one knows none of R4's."""
    imported = {
        node.module
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("fhir.")
    }
    of_r4 = {name for name in imported if name.startswith("fhir.resources.R4B.")}
    assert of_r4 == (set() if module.stem == "r5_graph" else imported)


def test_flat_observations_hold_what_such_records_take() -> None:
    """No panel, component, specimen, method, device, order or member; nothing refers to another entry."""
    bundle = bundle_of("final-changed", Projection.R4_FLAT)
    assert {entry["resource"]["resourceType"] for entry in bundle["entry"]} == {"Observation", "DocumentReference"}
    for found in resources(bundle, "Observation"):
        assert set(found) <= {
            "resourceType", "meta", "identifier", "status", "category", "code", "subject", "effectiveDateTime",
            "issued", "performer", "valueQuantity", "dataAbsentReason", "note",
        }  # fmt: skip
    assert "urn:uuid:" not in json.dumps([e["resource"] | {"identifier": ""} for e in bundle["entry"]], default=str)


def test_flat_observations_say_the_rest_in_words() -> None:
    """Count, interval, machine's count, slide and software stand beside each figure; the whole beside the total."""
    bundle = bundle_of("final-changed", Projection.R4_FLAT)
    by_code = {each["code"]["coding"][-1]["code"]: each for each in resources(bundle, "Observation")}
    blasts, total = texts(by_code["BLAST"]), texts(by_code["38257-2"])
    assert "Number of occurrences: 40 cells" in blasts
    assert "Lower bound of 95 % interval, sampling only: 1.5 %" in blasts
    assert "Count by the machine, before a person changed it: 27 cells" in blasts
    origin = [words for words in blasts if words.startswith("Slide B26-1234-A1, specimen B26-1234-A. ")]
    assert "yolo-cells 2.1.0" in origin[0]
    assert "Blasts with Auer rods." in total
    assert [words for words in total if words.startswith("Counts changed by a person")]


def test_a_flat_report_is_a_document() -> None:
    """The PDF with its digest, who answers for it and its status; taken back with the figures."""
    document = one(bundle_of("corrected", Projection.R4_FLAT), "DocumentReference")
    assert b64decode(document["content"][0]["attachment"]["data"]) == PDF
    assert (document["status"], document["docStatus"]) == ("current", "amended")
    assert document["authenticator"]["display"] == "Emmy Noether"
    for name in ("entered-in-error", "cancelled-after-count"):
        gone = one(bundle_of(name, Projection.R4_FLAT, None), "DocumentReference")
        assert (gone["status"], gone["docStatus"]) == ("entered-in-error", "entered-in-error")
        assert gone["identifier"] == document["identifier"]
        assert set(gone["content"][0]["attachment"]) == {"contentType", "title"}
    assert resources(bundle_of("final", Projection.R4_FLAT, None), "DocumentReference") == []


def test_a_refused_slide_is_one_flat_observation() -> None:
    """The total, not performed, with the reason; a later count takes its place by the same identifier."""
    bundle = bundle_of("cancelled", Projection.R4_FLAT)
    (entry,) = bundle["entry"]
    assert entry["resource"]["code"]["coding"][0]["code"] == "38257-2"
    assert entry["resource"]["status"] == "cancelled"
    assert [words for words in texts(entry["resource"]) if words.startswith("Reason: Only 3 tiles")]
    later = bundle_of("preliminary", Projection.R4_FLAT)
    assert entry["fullUrl"] in {each["fullUrl"] for each in later["entry"]}


@pytest.mark.parametrize("name", REPORTS)
def test_a_document_is_headed_by_its_composition(name: str) -> None:
    """One composition and one report that share identifier, type, category and subject and point at each other."""
    bundle = bundle_of(name, Projection.EU_LAB_DOCUMENT)
    composition, report = one(bundle, "Composition"), one(bundle, "DiagnosticReport")
    assert bundle["entry"][0]["resource"] == composition
    assert [composition["identifier"]] == report["identifier"]
    assert composition["type"] == report["code"]
    assert (composition["category"], composition["subject"]) == (report["category"], report["subject"])
    assert report["extension"][0]["valueReference"]["reference"] == bundle["entry"][0]["fullUrl"]
    assert "imagingStudy" not in report
    assert all("request" not in entry for entry in bundle["entry"])


@pytest.mark.parametrize(
    ("name", "status", "author"),
    [
        ("preliminary", "preliminary", "Haematology laboratory"),
        ("final", "final", "Marie Curie"),
        ("corrected", "amended", "Emmy Noether"),
        ("amended", "amended", "Emmy Noether"),
        ("entered-in-error", "entered-in-error", "Marie Curie"),
        ("cancelled", "final", "Haematology laboratory"),
    ],
)
def test_a_document_says_who_answers_for_it(name: str, status: str, author: str) -> None:
    """Status after the guide's own map; the person is author and attester where there is one, the software always."""
    composition = one(bundle_of(name, Projection.EU_LAB_DOCUMENT), "Composition")
    assert (composition["status"], composition["author"][0]["display"]) == (status, author)
    assert "reference" in composition["author"][1]
    attesters = [each["party"]["display"] for each in composition.get("attester", [])]
    assert attesters == ([author] if author != "Haematology laboratory" else [])


def test_each_version_is_a_document_that_replaces_the_one_before() -> None:
    """Identifiers of documents tell versions apart; that of the report does not."""
    first, second = (bundle_of(name, Projection.EU_LAB_DOCUMENT) for name in ("preliminary", "final"))
    assert first["identifier"] != second["identifier"]
    assert one(first, "Composition")["identifier"] == one(second, "Composition")["identifier"]
    assert "relatesTo" not in one(first, "Composition")
    (replaced,) = one(second, "Composition")["relatesTo"]
    assert replaced == {"code": "replaces", "targetIdentifier": first["identifier"]}


def test_r5_names_the_images_that_were_counted() -> None:
    """Annotations and structured report by study, series and instance; every figure is derived from them."""
    bundle, count = bundle_of("final", Projection.R5_GRAPH), REPORTS["final"].result
    annotations, report = resources(bundle, "ImagingSelection")
    assert {annotations["studyUid"], report["studyUid"]} == {CONTEXT.study_uid}
    assert annotations["seriesUid"] == result_uid(count, "annotation-series")
    assert [each["uid"] for each in annotations["instance"]] == [result_uid(count, part) for part in ("cells", "tiles")]
    assert [each["uid"] for each in report["instance"]] == [report_uid(REPORTS["final"], "differential")]
    assert report["seriesUid"] == report_uid(REPORTS["final"], "report-series")
    kinds = {entry["fullUrl"]: entry["resource"]["resourceType"] for entry in bundle["entry"]}
    for found in resources(bundle, "Observation"):
        targets = [kinds[each["reference"]] for each in found["derivedFrom"]]
        assert targets.count("ImagingSelection") == 2


def test_r5_takes_selections_back_with_the_figures() -> None:
    """A selection that no figure rests upon any more is entered in error, under the same identifier."""
    before = resources(bundle_of("preliminary", Projection.R5_GRAPH), "ImagingSelection")
    for name in ("entered-in-error", "cancelled-after-count"):
        after = resources(bundle_of(name, Projection.R5_GRAPH), "ImagingSelection")
        assert [each["identifier"] for each in after] == [each["identifier"] for each in before]
        assert {each["status"] for each in after} == {"entered-in-error"}
    assert resources(bundle_of("cancelled", Projection.R5_GRAPH), "ImagingSelection") == []


def test_r5_says_by_its_own_elements_what_r4_says_by_others() -> None:
    """Study, names and types of the device, container, modality and reason have moved; nothing is lost on the way."""
    bundle = bundle_of("final", Projection.R5_GRAPH)
    report, device, study = (one(bundle, kind) for kind in ("DiagnosticReport", "Device", "ImagingStudy"))
    assert len(report["study"]) == 1
    assert (device["displayName"], device["type"][0]["coding"][0]["code"]) == ("marrowcount", "Artificial-Intelligence")
    assert study["series"][0]["modality"]["coding"][0]["code"] == "SM"
    assert one(bundle, "Specimen")["container"][0]["device"]["identifier"]["value"] == "B26-1234-A1"
    assert one(bundle, "Provenance")["authorization"][0]["concept"]["coding"][0]["code"] == "AIAST"
    assert report["presentedForm"][0]["size"] == str(len(PDF)), "an integer64 is a string in JSON"
    assert not {"imagingStudy", "deviceName", "reason"} & {key for each in (report, device) for key in each}


def test_r5_of_a_slide_without_a_container_number() -> None:
    """The container is a slide of which nobody says more."""
    bare = replace(CONTEXT, specimen=replace(CONTEXT.specimen, container_identifier=""))
    bundle = json.loads(encode(counted(make_result(context=bare)), SITE, projection=Projection.R5_GRAPH))
    assert one(bundle, "Specimen")["container"] == [{"device": {"type": "Device", "display": "Microscope slide"}}]
