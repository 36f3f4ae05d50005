"""Who made this version of a report, from what, and why."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from fhir.resources.R4B.codeableconcept import CodeableConcept
from fhir.resources.R4B.provenance import Provenance, ProvenanceAgent, ProvenanceEntity
from fhir.resources.R4B.reference import Reference

from marrowcount.review import Act, ReportStatus
from marrowcount.workflow.identity import slide_uuid
from marrowcount_adapters.fhir import elements
from marrowcount_adapters.fhir.ai_transparency import AI_DEVICE, ai_asserted, asserted
from marrowcount_adapters.fhir.context import person

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from uuid import UUID

    from marrowcount.review import Report, Signature
    from marrowcount_adapters.fhir.context import Shared

__all__ = ["provenance", "provenance_uuid"]

ROLES: Final[Mapping[Act, str]] = MappingProxyType(
    {
        Act.VERIFIED: "verifier",
        Act.CORRECTED: "author",
        Act.AMENDED: "author",
        Act.WITHDRAWN: "author",
    }
)
"""What a person was to a version; whoever gave figures or words of their own is an author of it."""

ACTIVITIES: Final[Mapping[ReportStatus, tuple[str, str]]] = MappingProxyType(
    {
        ReportStatus.AMENDED: ("APPEND", "append"),
        ReportStatus.ENTERED_IN_ERROR: ("NULLIFY", "nullify"),
    }
)


def provenance_uuid(report: Report) -> UUID:
    """One for each version of the report."""
    return slide_uuid(report.context, f"provenance/{report.version}")


def provenance(report: Report, about: Shared, targets: Sequence[UUID]) -> Provenance:
    """The machine as author of every version, since its count is under all of them, and each person who acted."""
    return Provenance(
        meta=ai_asserted(),
        target=[elements.reference(target) for target in targets],
        recorded=about.issued,
        reason=[asserted(), *_words(report)],
        activity=_activity(report),
        agent=[_machine(about), *_persons(report)],
        entity=[ProvenanceEntity(role="source", what=elements.reference(about.study))],
    )


def _activity(report: Report) -> CodeableConcept:
    code, display = ACTIVITIES.get(report.status, ("CREATE", "create") if report.version == 1 else ("UPDATE", "revise"))
    return elements.term("v3-DataOperation", code, display)


def _words(report: Report) -> Iterator[CodeableConcept]:
    """Why the last person acted, in their words."""
    acts = _acts(report)
    if acts and acts[-1].comment:
        yield CodeableConcept(text=elements.clean(acts[-1].comment))


def _acts(report: Report) -> list[Signature]:
    return [each for each in report.signatures if each.act is not Act.KEPT]


def _machine(about: Shared) -> ProvenanceAgent:
    return ProvenanceAgent(type=_part("author"), role=[AI_DEVICE], who=elements.reference(about.device))


def _persons(report: Report) -> Iterator[ProvenanceAgent]:
    """Every person in the order of their acts, once for each part that they had."""
    seen: set[tuple[str, str, str]] = set()
    for signature in _acts(report):
        for part in _parts(report, signature):
            key = (part, signature.by.system, signature.by.number)
            if key not in seen:
                seen.add(key)
                yield _person(signature, part)


def _parts(report: Report, signature: Signature) -> tuple[str, ...]:
    own_figures = report.changed and all(each.act is not Act.CORRECTED for each in report.signatures)
    if signature.act is Act.VERIFIED and own_figures:
        return "author", "verifier"
    return (ROLES[signature.act],)


def _person(signature: Signature, part: str) -> ProvenanceAgent:
    house = signature.by.organisation
    behalf = Reference(type="Organization", display=house) if house else None
    return ProvenanceAgent(type=_part(part), who=person(signature.by), onBehalfOf=behalf)


def _part(code: str) -> CodeableConcept:
    return elements.term("provenance-participant-type", code, code.capitalize())
