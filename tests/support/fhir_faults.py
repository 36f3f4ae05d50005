"""Faults planted into a bundle that has none: each is one that an encoder might make one day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FAULTS", "R5_FAULTS", "blasts", "entry", "named", "panel", "provenance", "report", "specimen"]

Json = dict[str, Any]
NOWHERE: Final = "urn:uuid:00000000-0000-5000-8000-000000000000"
UCUM: Final = "http://unitsofmeasure.org"


def entry(bundle: Json, kind: str) -> Json:
    """The first entry of a type."""
    found: Json = next(each for each in bundle["entry"] if each["resource"]["resourceType"] == kind)
    return found


def named(bundle: Json, code: str) -> Json:
    """The observation of a code."""
    observations = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Observation"]
    found: Json = next(each for each in observations if code in {c["code"] for c in each["code"]["coding"]})
    return found


def blasts(bundle: Json) -> Json:
    """The observation of one class."""
    return named(bundle, "BLAST")


def report(bundle: Json) -> Json:
    """The diagnostic report."""
    found: Json = entry(bundle, "DiagnosticReport")["resource"]
    return found


def pointing_at(bundle: Json, kind: str) -> Json:
    """A reference to an entry of a type."""
    return {"reference": entry(bundle, kind)["fullUrl"]}


def put(*path: str | int, value: Any, of: Callable[[Json], Json] = blasts) -> Callable[[Json], None]:  # noqa: ANN401 - any JSON
    """A fault that puts a value in a place of a resource."""

    def fault(bundle: Json) -> None:
        place: Any = of(bundle)
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return fault


def drop(name: str, of: Callable[[Json], Json] = blasts) -> Callable[[Json], None]:
    """A fault that takes an element away."""

    def fault(bundle: Json) -> None:
        del of(bundle)[name]

    return fault


def point(name: str, kind: str, *, many: bool = False, of: Callable[[Json], Json] = blasts) -> Callable[[Json], None]:
    """A fault that lets an element point at an entry of another type."""

    def fault(bundle: Json) -> None:
        reference = pointing_at(bundle, kind)
        of(bundle)[name] = [reference] if many else reference

    return fault


def specimen(bundle: Json) -> Json:
    found: Json = entry(bundle, "Specimen")["resource"]
    return found


def study(bundle: Json) -> Json:
    found: Json = entry(bundle, "ImagingStudy")["resource"]
    return found


def provenance(bundle: Json) -> Json:
    found: Json = entry(bundle, "Provenance")["resource"]
    return found


def panel(bundle: Json) -> Json:
    return named(bundle, "47286-0")


def first(bundle: Json) -> Json:
    found: Json = bundle["entry"][0]
    return found


def same_name_twice(bundle: Json) -> None:
    bundle["entry"][1]["fullUrl"] = bundle["entry"][0]["fullUrl"]


def value_beside_components_of_same_code(bundle: Json) -> None:
    blasts(bundle)["component"][0]["code"] = blasts(bundle)["code"]


def with_script(bundle: Json) -> None:
    narrative = report(bundle)["text"]
    narrative["div"] = narrative["div"].replace("</div>", "<script>alert(1)</script></div>")


def markup_not_escaped(bundle: Json) -> None:
    narrative = report(bundle)["text"]
    narrative["div"] = narrative["div"].replace("<table>", "<p>120 cells < 300</p><table>")


REASON: Final = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "not-performed"}]
}
LABORATORY: Final = {"code": "laboratory", "display": "Laboratory"}

FAULTS: Final[Mapping[str, Callable[[dict[str, Any]], None]]] = {
    "status that there is not": put("status", value="verified"),
    "status missing": drop("status"),
    "code missing": drop("code"),
    "code of a component missing": put("component", 0, value={"valueInteger": 1}),
    "provenance without agent": drop("agent", provenance),
    "unknown element": put("confidence", value=0.9),
    "element of R5 in R4": put("triggeredBy", value=[{"observation": {"display": "x"}, "type": "re-run"}]),
    "unknown type of resource": put("resourceType", value="CellCount"),
    "one where many stand": put("category", value=LABORATORY),
    "many where one stands": put("code", value=[LABORATORY]),
    "empty object": put("method", value={}),
    "empty array": put("note", value=[]),
    "empty text": put("conclusion", value="", of=report),
    "null": put("conclusion", value=None, of=report),
    "decimal comma": put("valueQuantity", "value", value="1,5"),
    "number as text": put("valueQuantity", "value", value="1.5"),
    "size below nothing": put("presentedForm", 0, "size", value=-1, of=report),
    "date as people write it": put("effectiveDateTime", value="30.09.2026"),
    "day that there is not": put("effectiveDateTime", value="2026-02-30T09:00:00+02:00"),
    "time of release without zone": put("issued", value="2026-10-01T09:59:30"),
    "id too long": put("id", value="x" * 65),
    "control character": put("note", 0, "text", value="bell \u0007"),
    "value and reason for none": put("dataAbsentReason", value=REASON),
    "two values": put("valueString", value="1.5 %"),
    "value beside a component of the same code": value_beside_components_of_same_code,
    "unit without system": put("valueQuantity", value={"value": 1.5, "code": "%"}),
    "unit that UCUM has not": put("valueQuantity", "code", value="percent"),
    "unit of another system": put("valueQuantity", "system", value="http://snomed.info/sct"),
    "wrong check digit of LOINC": put("code", "coding", 0, "code", value="11150-1"),
    "wrong check digit of SNOMED CT": put("type", "coding", 0, "code", value="396997003", of=specimen),
    "code system that there is not": put("category", 0, "coding", 0, "system", value="http://loinc.com"),
    "code of another system": put("category", 0, "coding", 0, "code", value="LAB"),
    "display of another code": put("category", 0, "coding", 0, "display", value="Imaging"),
    "local code that there is not": put("code", "coding", -1, "code", value="BLASTS"),
    "security label misspelt": put("meta", "security", 0, "code", value="AI-AST"),
    "identifier system that is no URI": put("identifier", 0, "system", value="HOSP"),
    "uuid misspelt": put("identifier", 0, "value", value="urn:uuid:80B23C09-475e"),
    "OID misspelt": put("identifier", 0, "value", value="urn:oid:1.02.3", of=study),
    "specimen that is a device": point("specimen", "Device"),
    "performer that is a device": point("performer", "Device", many=True),
    "performer that says it is a device": put("performer", 0, value={"type": "Device", "display": "marrowcount"}),
    "hasMember to a report": point("hasMember", "DiagnosticReport", many=True, of=panel),
    "result that is a study": point("result", "ImagingStudy", many=True, of=report),
    "reference to nothing": put("hasMember", 0, "reference", value=NOWHERE, of=panel),
    "reference that says another type": put("specimen", "type", value="Device"),
    "two entries of one name": same_name_twice,
    "entry without request": drop("request", first),
    "method of HTTP that there is not": put("request", "method", value="UPSERT", of=first),
    "attachment of unknown type": drop("contentType", lambda bundle: report(bundle)["presentedForm"][0]),
    "narrative with a script": with_script,
    "narrative with markup not escaped": markup_not_escaped,
}
"""What is wrong, and how a bundle of R4 is made so."""


def selection(bundle: Json) -> Json:
    found: Json = entry(bundle, "ImagingSelection")["resource"]
    return found


R5_FAULTS: Final[Mapping[str, Callable[[dict[str, Any]], None]]] = {
    **{name: fault for name, fault in FAULTS.items() if name != "element of R5 in R4"},
    "element of R4 in R5": put("imagingStudy", value=[{"type": "ImagingStudy", "display": "x"}], of=report),
    "size as a number": put("presentedForm", 0, "size", value=20, of=report),
    "selection without status": drop("status", selection),
    "selection of a status that there is not": put("status", value="preliminary", of=selection),
    "derived from a device": point("derivedFrom", "Device", many=True),
    "instance without UID": put("instance", value=[{"number": 1}], of=selection),
}
"""The same for a bundle of R5, with what R5 has otherwise."""
