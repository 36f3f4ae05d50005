"""The resources of a report and how they refer to each other; each projection takes what its reader can use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from marrowcount_adapters.fhir import context
from marrowcount_adapters.fhir.diagnostic_report import diagnostic_report, report_uuid
from marrowcount_adapters.fhir.observations import Figures, figures
from marrowcount_adapters.fhir.provenance import provenance, provenance_uuid

if TYPE_CHECKING:
    from uuid import UUID

    from fhir.resources.R4B.device import Device
    from fhir.resources.R4B.diagnosticreport import DiagnosticReport
    from fhir.resources.R4B.documentreference import DocumentReference
    from fhir.resources.R4B.imagingstudy import ImagingStudy
    from fhir.resources.R4B.provenance import Provenance
    from fhir.resources.R4B.specimen import Specimen

    from marrowcount.cytology.loinc import CodePolicy
    from marrowcount.review import Report
    from marrowcount_adapters.fhir.context import Shared
    from marrowcount_adapters.fhir.settings import FhirSettings

__all__ = ["Graph", "graph_of"]


@dataclass(frozen=True, slots=True)
class Graph:
    """The resources of one version of a report.

    Attributes:
        said: the version.
        policy: of the site, for codes.
        about: what all resources repeat, with the names by which they call each other.
        cards: of the models, each by its name.
    """

    said: Report
    policy: CodePolicy
    about: Shared
    specimen: Specimen
    study: ImagingStudy
    cards: tuple[tuple[UUID, DocumentReference], ...]
    device: Device
    figures: Figures
    report: DiagnosticReport
    provenance: Provenance

    @property
    def report_uuid(self) -> UUID:
        """By which the bundle calls the report."""
        return report_uuid(self.said)

    @property
    def provenance_uuid(self) -> UUID:
        """By which the bundle calls the provenance."""
        return provenance_uuid(self.said)


def graph_of(report: Report, settings: FhirSettings, document: bytes | None) -> Graph:
    """All resources of a version of a report.

    Raises:
        DeliveryRefusedError: ``missing-patient-id`` or ``unmapped-patient-issuer``.
    """
    about = context.shared(report, settings)
    said = figures(report, about, settings.code_policy)
    targets = [report_uuid(report), *(figure.uuid for figure in said.all)]
    return Graph(
        said=report,
        policy=settings.code_policy,
        about=about,
        specimen=context.specimen(report, about, settings),
        study=context.imaging_study(report, about),
        cards=tuple((card.uuid, context.card_document(card)) for card in about.cards),
        device=context.device(report, about),
        figures=said,
        report=diagnostic_report(report, about, said.results, document),
        provenance=provenance(report, about, targets),
    )
