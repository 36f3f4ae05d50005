"""Resources that are FHIR and yet not what the profiles of ``conformance/fhir`` promise: each rule broken once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fhir_faults import blasts, entry, named, panel, provenance, report, specimen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Json = dict[str, Any]

INTERPRETER: Final = {"type": "Practitioner", "display": "Somebody"}
TERM: Final = "http://terminology.hl7.org/CodeSystem/"


def changed(of: Callable[[Json], Json], **elements: Any) -> Callable[[Json], Json]:  # noqa: ANN401 - any element
    """A resource of the bundle with other elements; None takes one away."""

    def fault(bundle: Json) -> Json:
        resource = of(bundle)
        resource.update(elements)
        for name in [name for name, value in elements.items() if value is None]:
            del resource[name]
        return resource

    return fault


def total(bundle: Json) -> Json:
    return named(bundle, "38257-2")


def ratio(bundle: Json) -> Json:
    return named(bundle, "11138-5")


def histogram(bundle: Json) -> Json:
    return named(bundle, "IHCT")


def device(bundle: Json) -> Json:
    found: Json = entry(bundle, "Device")["resource"]
    return found


def concept(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}


def quantity(value: float, code: str) -> Json:
    return {"value": value, "system": "http://unitsofmeasure.org", "code": code}


def without_component(place: int, of: Callable[[Json], Json]) -> Callable[[Json], Json]:
    def fault(bundle: Json) -> Json:
        resource = of(bundle)
        del resource["component"][place]
        return resource

    return fault


def with_component_twice(bundle: Json) -> Json:
    resource = blasts(bundle)
    resource["component"].append(resource["component"][0])
    return resource


def with_component_in_percent(bundle: Json) -> Json:
    resource = blasts(bundle)
    resource["component"][0]["valueQuantity"] = quantity(27, "%")
    return resource


def with_convergence_in_words(bundle: Json) -> Json:
    resource = histogram(bundle)
    component = next(each for each in resource["component"] if "valueBoolean" in each)
    component["valueString"] = str(component.pop("valueBoolean"))
    return resource


def with_one_member_less(bundle: Json) -> Json:
    resource = panel(bundle)
    resource["hasMember"].pop()
    return resource


def by_another_author(bundle: Json) -> Json:
    resource = provenance(bundle)
    resource["agent"][0]["type"] = concept(f"{TERM}provenance-participant-type", "verifier")
    return resource


def with_attachment_of_unknown_size(bundle: Json) -> Json:
    resource = report(bundle)
    del resource["presentedForm"][0]["size"]
    return resource


PROFILE_FAULTS: Final[Mapping[str, Callable[[Json], Json]]] = {
    "not for research use only": changed(blasts, note=[{"text": "Fine."}]),
    "not labelled as AI": changed(blasts, meta={"security": [{"system": f"{TERM}v3-Confidentiality", "code": "N"}]}),
    "no label at all": changed(panel, meta=None),
    "status of no report": changed(blasts, status="registered"),
    "withdrawn with a number": changed(blasts, status="entered-in-error"),
    "of imaging": changed(blasts, category=[concept(f"{TERM}observation-category", "imaging")]),
    "of two categories": changed(
        blasts, category=[concept(f"{TERM}observation-category", each) for each in ("laboratory", "imaging")]
    ),
    "of nobody": changed(blasts, subject=None),
    "without release": changed(total, issued=None),
    "without laboratory": changed(ratio, performer=None),
    "of another method": changed(blasts, method={"text": "By eye."}),
    "of unknown specimen": changed(blasts, specimen=None),
    "by unknown software": changed(blasts, device=None),
    "of unknown images": changed(blasts, derivedFrom=None),
    "share in cells": changed(blasts, valueQuantity=quantity(27, "{cells}")),
    "share over one hundred": changed(blasts, valueQuantity=quantity(101, "%")),
    "share in words": changed(blasts, valueQuantity=None, valueString="few"),
    "share without count": without_component(0, blasts),
    "share without bound": without_component(2, blasts),
    "count twice": with_component_twice,
    "count in percent": with_component_in_percent,
    "class by LOINC only": changed(blasts, code=concept("http://loinc.org", "11150-0")),
    "neither value nor reason": changed(ratio, valueQuantity=None),
    "ratio in percent": changed(ratio, valueQuantity=quantity(259, "%")),
    "unknown ratio": changed(ratio, code=concept("http://loinc.org", "38257-2")),
    "another total": changed(total, code=concept("http://loinc.org", "11138-5")),
    "histogram lacks a class": without_component(4, histogram),
    "histogram with a value": changed(histogram, valueQuantity=quantity(1, "1")),
    "convergence in words": with_convergence_in_words,
    "panel lacks a member": with_one_member_less,
    "panel with a value": changed(panel, valueQuantity=quantity(1, "1")),
    "report of another kind": changed(report, code=concept("http://loinc.org", "33721-2")),
    "report without conclusion": changed(report, conclusion=None),
    "report without results": changed(report, result=None),
    "report without narrative": changed(report, text=None),
    "preliminary, and somebody answers": changed(report, resultsInterpreter=[INTERPRETER]),
    "final, and nobody answers": changed(report, status="final"),
    "withdrawn with its document": changed(report, status="entered-in-error", resultsInterpreter=[INTERPRETER]),
    "document of unknown size": with_attachment_of_unknown_size,
    "specimen of another kind": changed(specimen, type=concept("http://snomed.info/sct", "119297000")),
    "specimen without name": changed(specimen, identifier=None),
    "software of one version": changed(device, version=[{"value": "1"}]),
    "software not for research only": changed(device, note=[{"text": "Fine."}]),
    "provenance by another author": by_another_author,
    "provenance without source": changed(provenance, entity=None),
}
"""What is broken, and the resource of a preliminary bundle of R4 in which it is."""
