"""Projection ``r4-flat``: single laboratory observations and the report as a document, for records that take no more.

Such a record knows neither panel nor component, specimen, method or device. What they say stands in words beside each
figure; what is said of the whole report stands beside the total, which also tells of a slide that was not counted.
Each entry is whole by itself and may be sent as a search and a write of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir.resources.R4B.attachment import Attachment
from fhir.resources.R4B.documentreference import DocumentReference, DocumentReferenceContent
from fhir.resources.R4B.observation import Observation

from marrowcount.cytology.concepts import MARROW_REPORT
from marrowcount.review.words import shows_figures, title
from marrowcount.workflow.identity import slide_uuid, software_versions
from marrowcount_adapters.fhir import elements, findings
from marrowcount_adapters.fhir.ai_transparency import ai_asserted
from marrowcount_adapters.fhir.observations import Named, observation
from marrowcount_adapters.fhir.statuses import DOCUMENT_STATUS
from marrowcount_adapters.fhir.transactions import transaction, updated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhir.resources.R4B.annotation import Annotation
    from fhir.resources.R4B.bundle import Bundle, BundleEntry

    from marrowcount_adapters.fhir.graph import Graph

__all__ = ["r4_flat"]


def r4_flat(graph: Graph, document: bytes | None) -> Bundle:
    """The observations, and the PDF where there is one; a document that no longer holds is taken back without it."""
    return transaction([*_figures(graph), *_document(graph, document)])


def _figures(graph: Graph) -> Iterator[BundleEntry]:
    total = slide_uuid(graph.said.context, findings.TOTAL)
    origin = elements.note(_origin(graph))
    for named in graph.figures.members or _total_alone(graph):
        whole = findings.panel(graph.said).notes if named.uuid == total else ()
        yield updated(named.uuid, _flat(named.observation, [origin, *whole]))


def _total_alone(graph: Graph) -> tuple[Named, ...]:
    """Of a slide that was refused when first looked at: no percentages, but a total that was not performed."""
    said = findings.members(graph.said, graph.policy)
    return tuple(observation(graph.said, graph.about, each) for each in said if each.part == findings.TOTAL)


def _origin(graph: Graph) -> str:
    """Which slide, and counted by what."""
    own = graph.said.context.specimen
    named = {"Slide": own.container_identifier, "specimen": own.specimen_identifier}
    of_what = ", ".join(f"{what} {value}" for what, value in named.items() if value)
    by_what = ", ".join(software_versions(graph.said.models))
    return f"{of_what or 'Slide'}. Automated image analysis by {by_what}."


def _flat(source: Observation, notes: Iterable[Annotation]) -> Observation:
    components = [elements.note(words) for words in _in_words(source)]
    return Observation(
        meta=source.meta,
        identifier=source.identifier,
        status=source.status,
        category=source.category,
        code=source.code,
        subject=source.subject,
        effectiveDateTime=source.effectiveDateTime,
        issued=source.issued,
        performer=source.performer,
        valueQuantity=source.valueQuantity,
        dataAbsentReason=source.dataAbsentReason,
        note=[*(source.note or ()), *components, *notes],
    )


def _in_words(source: Observation) -> Iterator[str]:
    for component in source.component or ():
        if (quantity := component.valueQuantity) is not None:
            yield f"{component.code.text}: {quantity.value} {quantity.unit}"


def _document(graph: Graph, document: bytes | None) -> Iterator[BundleEntry]:
    shown = shows_figures(graph.said)
    if shown and document is not None:
        attachment = elements.attachment(document, "application/pdf", title(graph.said), graph.about.issued)
        yield _reference_to(graph, attachment)
    elif not shown and graph.said.version > 1:
        yield _reference_to(graph, Attachment(contentType="application/pdf", title=title(graph.said)))


def _reference_to(graph: Graph, attachment: Attachment) -> BundleEntry:
    about, uuid, shown = graph.about, slide_uuid(graph.said.context, "document"), shows_figures(graph.said)
    reference = DocumentReference(
        meta=ai_asserted(),
        identifier=[elements.uuid_identifier(uuid)],
        status="current" if shown else "entered-in-error",
        docStatus=DOCUMENT_STATUS[graph.said.status] if shown else "entered-in-error",
        type=elements.concept(MARROW_REPORT),
        category=[elements.term("v2-0074", "LAB", "Laboratory")],
        subject=about.subject,
        date=about.issued,
        author=[about.performer],
        authenticator=about.person,
        description=title(graph.said),
        content=[DocumentReferenceContent(attachment=attachment)],
    )
    return updated(uuid, reference)
