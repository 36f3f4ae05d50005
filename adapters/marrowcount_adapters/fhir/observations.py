"""Findings as observations, each complete by itself, since a health record may show one alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fhir.resources.R4B.observation import Observation

from marrowcount.cytology.concepts import AUTOMATED_IMAGE_ANALYSIS
from marrowcount.result import CountResult
from marrowcount.review.words import cautions, shows_figures
from marrowcount.workflow.identity import report_uid, slide_uuid
from marrowcount_adapters.fhir import elements, findings
from marrowcount_adapters.fhir.ai_transparency import ai_asserted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from marrowcount.cytology.loinc import CodePolicy
    from marrowcount.review import Report
    from marrowcount_adapters.fhir.context import Shared
    from marrowcount_adapters.fhir.findings import Finding

__all__ = ["Figures", "Named", "figures", "observation"]


@dataclass(frozen=True, slots=True)
class Named:
    """An observation and the uuid by which the bundle calls it."""

    uuid: UUID
    observation: Observation


@dataclass(frozen=True, slots=True)
class Figures:
    """The observations of a report.

    Attributes:
        members: of the panel; empty where nothing was ever counted.
        ihct: the histogram; None likewise.
        panel: the differential as a whole.
    """

    members: tuple[Named, ...]
    ihct: Named | None
    panel: Named

    @property
    def results(self) -> list[Named]:
        """What the report shows at its first level."""
        return [self.panel, *([self.ihct] if self.ihct else [])]

    @property
    def all(self) -> list[Named]:
        """Each after those that it refers to."""
        return [*self.members, *([self.ihct] if self.ihct else []), self.panel]


def figures(report: Report, about: Shared, policy: CodePolicy) -> Figures:
    """All observations of a report.

    A slide that was refused when first looked at has the panel only, which says so. Where figures had been given out
    before, each of them is taken back by name.
    """
    if not shows_figures(report) and not isinstance(report.count, CountResult) and report.version == 1:
        return Figures((), None, _panel(report, about, (), None))
    members = tuple(observation(report, about, each) for each in findings.members(report, policy))
    ihct = observation(report, about, findings.histogram(report))
    return Figures(members, ihct, _panel(report, about, members, ihct))


def _panel(report: Report, about: Shared, members: Sequence[Named], ihct: Named | None) -> Named:
    named = observation(report, about, findings.panel(report))
    grouping = named.observation
    if members:
        grouping.hasMember = [elements.reference(member.uuid) for member in members]
    if ihct is not None:
        grouping.derivedFrom = [elements.reference(about.study), elements.reference(ihct.uuid)]
    if shows_figures(report):  # the archive knows them by their structured report
        evidence = elements.uid_identifier(report_uid(report, "differential"))
        grouping.identifier = [elements.uuid_identifier(named.uuid), evidence]
    return named


def observation(report: Report, about: Shared, finding: Finding) -> Named:
    """A finding with all that tells whose it is, when, how and by whom."""
    uuid = slide_uuid(report.context, finding.part)
    notes = [*map(elements.note, cautions(report)), *finding.notes]
    made = Observation(
        meta=ai_asserted(),
        identifier=[elements.uuid_identifier(uuid)],
        basedOn=[about.order] if about.order else None,
        status=str(report.status),
        category=[elements.term("observation-category", "laboratory", "Laboratory")],
        code=finding.code,
        subject=about.subject,
        effectiveDateTime=about.effective,
        issued=about.issued,
        performer=about.performers,
        valueQuantity=finding.value,
        dataAbsentReason=finding.absent,
        note=notes,
        method=elements.concept(AUTOMATED_IMAGE_ANALYSIS),
        specimen=elements.reference(about.specimen),
        device=elements.reference(about.device),
        derivedFrom=[elements.reference(about.study)],
        component=list(finding.components) or None,
    )
    return Named(uuid, made)
