"""Projection ``eu-lab-document``: the report as a document of its own (HL7 Europe Laboratory Report 2.0.0).

A document is a snapshot: it holds everything that it refers to, one Composition and one DiagnosticReport that share
identifier, type, category and subject. Every version of a report is another document, which says which one it replaces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fhir.resources.R4B.bundle import Bundle, BundleEntry
from fhir.resources.R4B.composition import (
    Composition,
    CompositionAttester,
    CompositionRelatesTo,
    CompositionSection,
)
from fhir.resources.R4B.extension import Extension
from fhir.resources.R4B.narrative import Narrative

from marrowcount.cytology.cell_types import Code, Grade
from marrowcount.review.words import title
from marrowcount.workflow.identity import slide_uuid
from marrowcount_adapters.fhir import elements
from marrowcount_adapters.fhir.ai_transparency import ai_asserted
from marrowcount_adapters.fhir.narrative import xhtml_of
from marrowcount_adapters.fhir.statuses import COMPOSITION_STATUS

if TYPE_CHECKING:
    from uuid import UUID

    from fhir.resources.R4B.diagnosticreport import DiagnosticReport
    from fhir.resources.R4B.resource import Resource

    from marrowcount.review import Report
    from marrowcount_adapters.fhir.graph import Graph

__all__ = ["eu_lab_document"]

COMPOSITION_OF_REPORT: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-DiagnosticReport.composition"
"""What R5 says by an element of its own."""
VERSION_NUMBER: Final = "http://hl7.org/fhir/StructureDefinition/composition-clinicaldocument-versionNumber"
HEMATOLOGY: Final = Code("18723-7", "LN", "Hematology studies (set)", Grade.A)
"""Of the guide's value set of study types."""


def eu_lab_document(graph: Graph) -> Bundle:
    """Composition first, then the report and all that both refer to."""
    about = graph.about
    resources: list[tuple[UUID, Resource]] = [
        (_composition_uuid(graph.said), _composition(graph)),
        (graph.report_uuid, _report(graph)),
        *((figure.uuid, figure.observation) for figure in reversed(graph.figures.all)),
        (about.specimen, graph.specimen),
        (about.study, graph.study),
        (about.device, graph.device),
        *graph.cards,
        (graph.provenance_uuid, graph.provenance),
    ]
    return Bundle(
        identifier=elements.uuid_identifier(_document_uuid(graph.said, graph.said.version)),
        type="document",
        timestamp=about.issued,
        entry=[BundleEntry(fullUrl=elements.urn(uuid), resource=resource) for uuid, resource in resources],
    )


def _document_uuid(report: Report, version: int) -> UUID:
    return slide_uuid(report.context, f"document/{version}")


def _composition_uuid(report: Report) -> UUID:
    return slide_uuid(report.context, "composition")


def _report(graph: Graph) -> DiagnosticReport:
    """With the composition, without the imaging study, which the guide forbids; the observations name that."""
    link = Extension(url=COMPOSITION_OF_REPORT, valueReference=elements.reference(_composition_uuid(graph.said)))
    changes = {"imagingStudy": None, "extension": [link]}
    report: DiagnosticReport = graph.report.model_copy(update=changes)
    return report


def _composition(graph: Graph) -> Composition:
    about, report = graph.about, graph.report
    return Composition(
        meta=ai_asserted(),
        extension=[Extension(url=VERSION_NUMBER, valueString=str(graph.said.version))],
        text=report.text,
        identifier=elements.uuid_identifier(graph.report_uuid),
        status=COMPOSITION_STATUS[graph.said.status],
        type=report.code,
        category=report.category,
        subject=about.subject,
        date=about.issued,
        author=[about.person or about.performer, elements.reference(about.device)],
        title=title(graph.said),
        attester=_attesters(graph),
        custodian=about.performer,
        relatesTo=_replaced(graph.said),
        section=[_section(graph)],
    )


def _attesters(graph: Graph) -> list[CompositionAttester] | None:
    verifier = graph.said.verifier
    if verifier is None:
        return None
    return [CompositionAttester(mode="professional", time=verifier.at, party=graph.about.person)]


def _replaced(report: Report) -> list[CompositionRelatesTo] | None:
    if report.version == 1:
        return None
    before = elements.uuid_identifier(_document_uuid(report, report.version - 1))
    return [CompositionRelatesTo(code="replaces", targetIdentifier=before)]


def _section(graph: Graph) -> CompositionSection:
    return CompositionSection(
        title="Bone marrow differential",
        code=elements.concept(HEMATOLOGY),
        text=Narrative(status="generated", div=xhtml_of(graph.said)),
        entry=[elements.reference(named.uuid) for named in graph.figures.results],
    )
