"""A report as a transaction bundle that may be sent any number of times (projection ``r4-graph``).

Context is created where it is missing (conditional create); observations and report are put in the place of an earlier
version (conditional update); their identifiers do not depend on the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir.resources.R4B.bundle import Bundle, BundleEntry, BundleEntryRequest

from marrowcount_adapters.fhir import context, elements
from marrowcount_adapters.fhir.diagnostic_report import diagnostic_report, report_uuid
from marrowcount_adapters.fhir.observations import figures
from marrowcount_adapters.fhir.provenance import provenance, provenance_uuid

if TYPE_CHECKING:
    from uuid import UUID

    from fhir.resources.R4B.resource import Resource

    from marrowcount.review import Report
    from marrowcount_adapters.fhir.settings import FhirSettings

__all__ = ["encode_bundle"]


def encode_bundle(report: Report, settings: FhirSettings, document: bytes | None = None) -> str:
    """A version of a report as JSON text of a FHIR R4 transaction.

    Args:
        report: the version.
        settings: of the site.
        document: the report as PDF, which the diagnostic report then presents; None where none was made.

    Raises:
        DeliveryRefusedError: ``missing-patient-id`` or ``unmapped-patient-issuer``: hold the delivery, a person must
            look.
    """
    about = context.shared(report, settings)
    said = figures(report, about, settings.code_policy)
    top = diagnostic_report(report, about, said.results, document)
    targets = [report_uuid(report), *(figure.uuid for figure in said.all)]
    entries = [
        _created(about.specimen, context.specimen(report, about, settings)),
        _created(about.study, context.imaging_study(report, about), _uid_query(report.context.study_uid)),
        *(_created(card.uuid, context.card_document(card)) for card in about.cards),
        _created(about.device, context.device(report, about)),
        *(_updated(figure.uuid, figure.observation) for figure in said.all),
        _updated(report_uuid(report), top),
        _posted(provenance_uuid(report), provenance(report, about, targets)),
    ]
    return Bundle(type="transaction", entry=entries).model_dump_json()


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
