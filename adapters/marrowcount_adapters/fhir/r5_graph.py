"""Projection ``r5-graph``: the same graph in FHIR R5 (5.0.0), with the evidence in the archive named one by one.

What both versions say alike is taken over as it is; what R5 says by other elements is said anew here. The whole is then
read by the library's own classes of R5: the only module that may know them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from fhir.resources.bundle import Bundle

from marrowcount.cytology.concepts import COUNTED_TILES, MARROW_REPORT
from marrowcount.result import CountResult
from marrowcount.review.words import shows_figures
from marrowcount.workflow.identity import ANNOTATION_SERIES, PRODUCT, REPORT_SERIES, report_uid, result_uid, slide_uuid
from marrowcount_adapters.fhir import elements
from marrowcount_adapters.fhir.ai_transparency import ai_asserted
from marrowcount_adapters.fhir.json_text import plain
from marrowcount_adapters.fhir.r4_graph import r4_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from uuid import UUID

    from marrowcount.cytology.cell_types import Code
    from marrowcount_adapters.fhir.graph import Graph

__all__ = ["r5_graph"]

Resource = dict[str, Any]
"""A resource as JSON; which elements it has is R5's business."""

ANNOTATIONS: Final = "1.2.840.10008.5.1.4.1.1.91.1"
"""Microscopy Bulk Simple Annotations Storage (PS3.4 B.5)."""


def r5_graph(graph: Graph) -> Resource:
    """The transaction of ``r4-graph`` as JSON, said in R5, with selections of the images.

    Raises:
        pydantic.ValidationError: it is no R5; a fault of this module.
    """
    bundle: Resource = plain(r4_graph(graph))
    selections = list(_selections(graph))
    named = [entry["fullUrl"] for entry in selections]
    for entry in bundle["entry"]:
        resource = entry["resource"]
        convert = CONVERSIONS.get(resource["resourceType"])
        entry["resource"] = convert(resource) if convert else resource
        if resource["resourceType"] == "Observation":
            resource["derivedFrom"] += [{"reference": url} for url in named]
    figures = next(i for i, e in enumerate(bundle["entry"]) if e["resource"]["resourceType"] == "Observation")
    bundle["entry"][figures:figures] = selections
    made: Resource = plain(Bundle.model_validate(bundle))
    return made


def _report(report: Resource) -> Resource:
    return _renamed(report, "imagingStudy", "study")


def _device(device: Resource) -> Resource:
    (name,) = device.pop("deviceName")
    names = [{"value": name["name"], "type": "registered-name"}]
    return {**device, "displayName": PRODUCT, "name": names, "type": [device["type"]]}


def _specimen(specimen: Resource) -> Resource:
    """A container is a device of its own in R5; a slide is one that nobody registers."""
    containers = [
        {"device": {"type": "Device", "identifier": each["identifier"][0], "display": each["description"]}}
        if "identifier" in each
        else {"device": {"type": "Device", "display": each["description"]}}
        for each in specimen["container"]
    ]
    return {**specimen, "container": containers}


def _study(study: Resource) -> Resource:
    """Modalities are concepts in R5."""
    series = [{**each, "modality": {"coding": [each["modality"]]}} for each in study["series"]]
    return {**study, "modality": [{"coding": [each]} for each in study["modality"]], "series": series}


def _provenance(provenance: Resource) -> Resource:
    """Why it was done is an authorization in R5."""
    reasons = provenance.pop("reason")
    return {**provenance, "authorization": [{"concept": each} for each in reasons]}


CONVERSIONS: Final[Mapping[str, Callable[[Resource], Resource]]] = MappingProxyType(
    {
        "DiagnosticReport": _report,
        "Device": _device,
        "Specimen": _specimen,
        "ImagingStudy": _study,
        "Provenance": _provenance,
    }
)


def _renamed(resource: Resource, before: str, after: str) -> Resource:
    return {after if name == before else name: value for name, value in resource.items()}


def _selections(graph: Graph) -> Iterator[Resource]:
    """What of the archive the figures rest upon; taken back where the figures are."""
    said, count = graph.said, graph.said.count
    if isinstance(count, CountResult) and shows_figures(said):
        regions = [{"uid": result_uid(count, part), "sopClass": _sop_class(ANNOTATIONS)} for part in ("cells", "tiles")]
        series = result_uid(count, ANNOTATION_SERIES.part), report_uid(said, REPORT_SERIES.part)
        yield _selection(graph, "annotations", COUNTED_TILES, series[0], regions)
        report = [{"uid": report_uid(said, "differential")}]
        yield _selection(graph, "structured-report", MARROW_REPORT, series[1], report)
    elif graph.figures.members:
        for part, code in (("annotations", COUNTED_TILES), ("structured-report", MARROW_REPORT)):
            yield _selection(graph, part, code, None, [])


def _sop_class(uid: str) -> Resource:
    return {"system": elements.URI_SYSTEM, "code": f"urn:oid:{uid}"}


def _selection(graph: Graph, part: str, code: Code, series: str | None, instances: list[Resource]) -> Resource:
    about, uuid = graph.about, slide_uuid(graph.said.context, f"selection/{part}")
    selection = {
        "resourceType": "ImagingSelection",
        "meta": plain(ai_asserted()),
        "identifier": [plain(elements.uuid_identifier(uuid))],
        "status": "available" if instances else "entered-in-error",
        "subject": plain(about.subject),
        "issued": about.issued,
        "code": plain(elements.concept(code)),
        "studyUid": graph.said.context.study_uid,
        "derivedFrom": [{"reference": elements.urn(about.study)}],
        "seriesUid": series,
        "instance": instances,
    }
    return _updated(uuid, {name: value for name, value in selection.items() if value})


def _updated(uuid: UUID, resource: Resource) -> Resource:
    query = f"identifier={elements.URI_SYSTEM}%7C{elements.urn(uuid)}"
    request = {"method": "PUT", "url": f"{resource['resourceType']}?{query}"}
    return {"fullUrl": elements.urn(uuid), "resource": resource, "request": request}
