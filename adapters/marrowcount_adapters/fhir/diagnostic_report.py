"""The report itself: what stands at the top, with its narrative and its document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from fhir.resources.R4B.narrative import Narrative

from marrowcount.cytology.concepts import MARROW_REPORT
from marrowcount.review.words import remarks, shows_figures, title
from marrowcount.workflow.identity import slide_uuid
from marrowcount_adapters.fhir import elements
from marrowcount_adapters.fhir.ai_transparency import ai_asserted
from marrowcount_adapters.fhir.narrative import xhtml_of
from marrowcount_adapters.fhir.statuses import REPORT_STATUS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from marrowcount.review import Report
    from marrowcount_adapters.fhir.context import Shared
    from marrowcount_adapters.fhir.observations import Named

__all__ = ["conclusion_of", "diagnostic_report", "report_uuid"]


def report_uuid(report: Report) -> UUID:
    """Of the slide's report, whichever version."""
    return slide_uuid(report.context, "report")


def conclusion_of(report: Report) -> str:
    """All remarks as one text."""
    return " ".join(map(elements.clean, remarks(report)))


def diagnostic_report(
    report: Report, about: Shared, results: Sequence[Named], document: bytes | None
) -> DiagnosticReport:
    """The report.

    Args:
        report: this version.
        about: what all resources repeat.
        results: observations of the first level.
        document: the same as PDF; not shown where the report may show no figures, since the document holds them.
    """
    made = DiagnosticReport(
        meta=ai_asserted(),
        text=Narrative(status="generated", div=xhtml_of(report)),
        identifier=[elements.uuid_identifier(report_uuid(report))],
        basedOn=[about.order] if about.order else None,
        status=REPORT_STATUS[report.status],
        category=[elements.term("v2-0074", "LAB", "Laboratory")],
        code=elements.concept(MARROW_REPORT),
        subject=about.subject,
        effectiveDateTime=about.effective,
        issued=about.issued,
        performer=[about.performer],
        resultsInterpreter=[about.person] if about.person else None,
        specimen=[elements.reference(about.specimen)],
        result=[elements.reference(named.uuid) for named in results],
        imagingStudy=[elements.reference(about.study)],
        conclusion=conclusion_of(report),
    )
    if document is not None and shows_figures(report):
        made.presentedForm = [elements.attachment(document, "application/pdf", title(report), about.issued)]
    return made
