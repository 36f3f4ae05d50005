"""Result to a transaction bundle that may be sent any number of times.

Context is created where it is missing (conditional create); observations and report are put in the place of an earlier
count of the same slide (conditional update); their identifiers do not depend on the run.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from fhir.resources.R4B.bundle import Bundle, BundleEntry, BundleEntryRequest
from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from fhir.resources.R4B.narrative import Narrative
from fhir.resources.R4B.provenance import Provenance, ProvenanceAgent, ProvenanceEntity

from marrowcount.cytology.concepts import MARROW_REPORT
from marrowcount.workflow.identity import (
    DOCUMENT_TITLE,
    NAMESPACE,
    percent_bounds,
    published_ratio,
    result_uid,
    slide_uuid,
)
from marrowcount_adapters.fhir import context, elements, observations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir.resources.R4B.resource import Resource

    from marrowcount.cytology.differential import ClassShare
    from marrowcount.result import CountResult
    from marrowcount_adapters.fhir.context import Shared
    from marrowcount_adapters.fhir.settings import FhirSettings

__all__ = ["encode_bundle"]


def encode_bundle(result: CountResult, settings: FhirSettings, document: bytes | None = None) -> str:
    """The result as JSON text of a FHIR R4 transaction; everything in it is preliminary.

    Args:
        result: the count.
        settings: of the site.
        document: the report as PDF, which the diagnostic report then presents; None where none was made.

    Raises:
        DeliveryRefusedError: ``missing-patient-id`` or ``unmapped-patient-issuer``: hold the delivery, a person must
            look.
    """
    about = context.shared(result, settings)
    members = observations.members(result, about)
    ihct = observations.histogram(result, about)
    panel = observations.panel(result, about, members, ihct)
    figures = [*members, ihct, panel]
    report_uuid = slide_uuid(result.context, "report")
    report = _report(result, about, report_uuid, [panel, ihct])
    if document is not None:
        report.presentedForm = [elements.pdf_attachment(document, DOCUMENT_TITLE, about.issued)]
    targets = [report_uuid, *(figure.uuid for figure in figures)]
    entries = [
        _created(about.specimen, context.specimen(result, about, settings)),
        _created(about.study, context.imaging_study(result, about), _uid_query(result.context.study_uid)),
        _created(about.device, context.device(result, about)),
        *(_updated(figure.uuid, figure.observation) for figure in figures),
        _updated(report_uuid, report),
        _posted(uuid5(NAMESPACE, result_uid(result, "provenance")), _provenance(about, targets)),
    ]
    return Bundle(type="transaction", entry=entries).model_dump_json()


def _report(result: CountResult, about: Shared, uuid: UUID, results: Sequence[observations.Named]) -> DiagnosticReport:
    return DiagnosticReport(
        meta=elements.ai_asserted(),
        text=_narrative(result),
        identifier=[elements.uuid_identifier(uuid)],
        basedOn=[about.order] if about.order else None,
        status="preliminary",
        category=[elements.term("v2-0074", "LAB", "Laboratory")],
        code=elements.concept(MARROW_REPORT),
        subject=about.subject,
        effectiveDateTime=about.effective,
        issued=about.issued,
        performer=[about.performer],
        specimen=[elements.reference(about.specimen)],
        result=[elements.reference(named.uuid) for named in results],
        imagingStudy=[elements.reference(about.study)],
        conclusion=" ".join(observations.remarks(result)),
    )


def _narrative(result: CountResult) -> Narrative:
    """The differential as a table for readers that show nothing else."""
    differential = result.differential
    rows = "".join(_row(share) for share in differential.shares)
    ratio = published_ratio(differential.me_ratio)
    words = "".join(f"<p>{escape(remark)}</p>" for remark in observations.remarks(result))
    return Narrative(
        status="generated",
        div=(
            '<div xmlns="http://www.w3.org/1999/xhtml">'
            f"<p>Nucleated differential count of {differential.total} cells, "
            f"M:E ratio {'undefined' if ratio is None else ratio}</p>"
            f"<table><tr><th>class</th><th>count</th><th>%</th><th>95 % interval</th></tr>{rows}</table>{words}</div>"
        ),
    )


def _row(share: ClassShare) -> str:
    low, high = percent_bounds(share.interval)
    cells = (share.cell_type.label, share.count, share.percent, f"{low} to {high}")
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _provenance(about: Shared, targets: Sequence[UUID]) -> Provenance:
    author = ProvenanceAgent(
        type=elements.term("provenance-participant-type", "author", "Author"),
        who=elements.reference(about.device),
    )
    return Provenance(
        meta=elements.ai_asserted(),
        target=[elements.reference(target) for target in targets],
        recorded=about.issued,
        reason=[elements.term("v3-ObservationValue", "AIAST", "Artificial Intelligence asserted")],
        agent=[author],
        entity=[ProvenanceEntity(role="source", what=elements.reference(about.study))],
    )


def _uuid_query(uuid: UUID) -> str:
    """Search by our own identifier; the bar is percent-encoded, since the text becomes part of a URL."""
    return f"identifier=urn:ietf:rfc:3986%7C{elements.urn(uuid)}"


def _uid_query(uid: str) -> str:
    return f"identifier={elements.DICOM_UID_SYSTEM}%7Curn:oid:{uid}"


def _created(uuid: UUID, resource: Resource, query: str | None = None) -> BundleEntry:
    """Create unless one with the identifier is there (conditional create, FHIR R4 3.1.0.8.1)."""
    request = BundleEntryRequest(
        method="POST", url=resource.get_resource_type(), ifNoneExist=query or _uuid_query(uuid)
    )
    return BundleEntry(fullUrl=elements.urn(uuid), resource=resource, request=request)


def _updated(uuid: UUID, resource: Resource) -> BundleEntry:
    """Create, or put in the place of the one with the identifier (conditional update, FHIR R4 3.1.0.4.3)."""
    request = BundleEntryRequest(method="PUT", url=f"{resource.get_resource_type()}?{_uuid_query(uuid)}")
    return BundleEntry(fullUrl=elements.urn(uuid), resource=resource, request=request)


def _posted(uuid: UUID, resource: Resource) -> BundleEntry:
    """Create: a provenance has no identifier to search by."""
    request = BundleEntryRequest(method="POST", url=resource.get_resource_type())
    return BundleEntry(fullUrl=elements.urn(uuid), resource=resource, request=request)
