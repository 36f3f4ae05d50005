"""The forms in which a report goes to a record, and which module makes each."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from marrowcount.errors import DeliveryRefusedError
from marrowcount_adapters.fhir.checking import faults_of
from marrowcount_adapters.fhir.eu_lab_document import eu_lab_document
from marrowcount_adapters.fhir.graph import graph_of
from marrowcount_adapters.fhir.json_text import plain, text_of
from marrowcount_adapters.fhir.r4_flat import r4_flat
from marrowcount_adapters.fhir.r4_graph import r4_graph
from marrowcount_adapters.fhir.rules import R4, R5

if TYPE_CHECKING:
    from marrowcount.review import Report
    from marrowcount_adapters.fhir.graph import Graph
    from marrowcount_adapters.fhir.json_text import Json
    from marrowcount_adapters.fhir.settings import FhirSettings

__all__ = ["Projection", "encode", "encode_bundle"]


class Projection(StrEnum):
    """Which resources a record takes."""

    R4_GRAPH = "r4-graph"
    """All of them, as one R4 transaction with conditional creates and updates."""
    R4_FLAT = "r4-flat"
    """Single laboratory observations, and the PDF as a document."""
    EU_LAB_DOCUMENT = "eu-lab-document"
    """A document after the guide of HL7 Europe."""
    R5_GRAPH = "r5-graph"
    """All of them, as one R5 transaction."""


def encode(
    report: Report,
    settings: FhirSettings,
    document: bytes | None = None,
    projection: Projection = Projection.R4_GRAPH,
) -> str:
    """A version of a report as JSON text of a FHIR bundle; the same report gives the same text.

    Args:
        report: the version.
        settings: of the site.
        document: the report as PDF; None where none was made.
        projection: what the record takes.

    Raises:
        DeliveryRefusedError: ``missing-patient-id`` or ``unmapped-patient-issuer``: hold the delivery, a person must
            look. ``unsound-bundle``: what was made breaks a rule of FHIR, and must not reach a record.
    """
    bundle = _bundle(graph_of(report, settings, document), document, projection)
    if faults := faults_of(bundle, R5 if projection is Projection.R5_GRAPH else R4):
        raise DeliveryRefusedError("unsound-bundle", f"{projection}: {'; '.join(faults[:5])}; report this")
    return text_of(bundle)


def encode_bundle(report: Report, settings: FhirSettings, document: bytes | None = None) -> str:
    """The same in the projection ``r4-graph``."""
    return encode(report, settings, document)


def _bundle(graph: Graph, document: bytes | None, projection: Projection) -> dict[str, Json]:
    match projection:
        case Projection.R4_GRAPH:
            return plain(r4_graph(graph))
        case Projection.R4_FLAT:
            return plain(r4_flat(graph, document))
        case Projection.EU_LAB_DOCUMENT:
            return plain(eu_lab_document(graph))
        case Projection.R5_GRAPH:
            from marrowcount_adapters.fhir.r5_graph import r5_graph  # noqa: PLC0415 - R5's classes take their time

            return r5_graph(graph)
