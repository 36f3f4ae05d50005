"""The figures as observations: one for each class of the differential, total, ratios, histogram, and their panel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fhir.resources.R4B.annotation import Annotation
from fhir.resources.R4B.observation import Observation, ObservationComponent

from marrowcount.cytology.cell_types import CODES
from marrowcount.cytology.concepts import (
    AUTOMATED_IMAGE_ANALYSIS,
    BMME,
    CHI_SQUARE_DISTANCE,
    COUNT,
    DIFFERENTIAL_PANEL,
    IHCT,
    INTERVAL_HIGH,
    INTERVAL_LOW,
    ME_RATIO,
    STOPPING_REASON,
    STOPPING_REASONS,
    STOPPING_RULE,
    TILES_COUNTED,
    TILES_LOOKED_AT,
    TOTAL_COUNTED,
    machine_code,
)
from marrowcount.result import RESEARCH_USE_ONLY
from marrowcount.workflow.identity import percent_bounds, published_ratio, result_uid, slide_uuid
from marrowcount_adapters.fhir import elements

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal
    from uuid import UUID

    from fhir.resources.R4B.codeableconcept import CodeableConcept
    from fhir.resources.R4B.quantity import Quantity

    from marrowcount.cytology.cell_types import Code
    from marrowcount.cytology.differential import ClassShare
    from marrowcount.result import CountResult
    from marrowcount_adapters.fhir.context import Shared

__all__ = ["Named", "histogram", "members", "panel", "remarks"]

CAUTIONS: Final = (RESEARCH_USE_ONLY, "Preliminary: counted by software, not verified by a person.")
"""Stand in every observation, since an EHR may show it alone."""

SAMPLING_ONLY: Final = "Intervals are exact 95 % binomial intervals and cover sampling error only."
LINEAGE: Final = "The blast class is not lineage-specific; all blasts are counted as myeloid in the ratios."


@dataclass(frozen=True, slots=True)
class Named:
    """An observation and the uuid by which the bundle calls it."""

    uuid: UUID
    observation: Observation


@dataclass(frozen=True, slots=True)
class _Finding:
    """What tells one observation from another.

    Attributes:
        value: None where it has none, either as a panel or because ``absent`` says why.
    """

    part: str
    code: CodeableConcept
    value: Quantity | None = None
    absent: CodeableConcept | None = None
    components: Sequence[ObservationComponent] = ()
    notes: Sequence[str] = ()


def remarks(result: CountResult) -> Iterator[str]:
    """What a reader must know, and what the count itself warns of."""
    yield from CAUTIONS
    yield from _panel_remarks(result)


def _panel_remarks(result: CountResult) -> Iterator[str]:
    yield SAMPLING_ONLY
    yield LINEAGE
    yield from result.warnings


def members(result: CountResult, about: Shared) -> list[Named]:
    """The panel's members: the classes in the order of a laboratory report, total, M:E, BMME."""
    differential = result.differential
    findings = [
        *(_class_finding(share) for share in differential.shares),
        _Finding(
            "total",
            elements.concept(TOTAL_COUNTED, text="Nucleated cells counted"),
            elements.count_quantity(differential.total, "cells"),
        ),
        _ratio_finding("me-ratio", ME_RATIO, "M:E ratio (ICSH 2008)", published_ratio(differential.me_ratio)),
        _ratio_finding("bmme", BMME, "M:E ratio (BMME, Tayebi 2022)", published_ratio(differential.bmme)),
    ]
    return [_observation(result, about, finding) for finding in findings]


def _class_finding(share: ClassShare) -> _Finding:
    low, high = percent_bounds(share.interval)
    loinc, local = machine_code(share.cell_type), CODES[share.cell_type].local
    codes = (loinc, local) if loinc else (local,)
    return _Finding(
        f"ndc/{share.cell_type.label}",
        elements.concept(*codes, text=f"{share.cell_type.label}, share of nucleated differential count"),
        elements.percent_quantity(share.percent),
        components=[
            _component(COUNT, elements.count_quantity(share.count, "cells")),
            _component(INTERVAL_LOW, elements.percent_quantity(low)),
            _component(INTERVAL_HIGH, elements.percent_quantity(high)),
        ],
        notes=[SAMPLING_ONLY],
    )


def _ratio_finding(part: str, code: Code, text: str, ratio: Decimal | None) -> _Finding:
    return _Finding(
        part,
        elements.concept(code, text=text),
        elements.ratio_quantity(ratio) if ratio is not None else None,
        _undefined() if ratio is None else None,
        notes=[LINEAGE],
    )


def _undefined() -> CodeableConcept:
    """No erythroblast was counted: a division by zero."""
    return elements.term("data-absent-reason", "not-a-number", "Not a Number (NaN)")


def histogram(result: CountResult, about: Shared) -> Named:
    """The IHCT: the raw counts of all 19 classes, and how the count ended."""
    stopping = result.stopping
    components = [
        *(
            _component(CODES[cell_type].local, elements.count_quantity(count, "objects"))
            for cell_type, count in result.histogram
        ),
        _component(TILES_COUNTED, elements.count_quantity(result.tiles_counted, "tiles")),
        _component(TILES_LOOKED_AT, elements.count_quantity(result.tiles_looked_at, "tiles")),
        _component(
            CHI_SQUARE_DISTANCE, elements.number_quantity(stopping.distance) if stopping.distance is not None else None
        ),
        ObservationComponent(
            code=elements.concept(STOPPING_REASON),
            valueCodeableConcept=elements.concept(STOPPING_REASONS[stopping.reason]),
        ),
        ObservationComponent(code=elements.concept(STOPPING_RULE), valueString=stopping.rule),
    ]
    return _observation(result, about, _Finding("ihct", elements.concept(IHCT), components=components))


def _component(code: Code, value: Quantity | None) -> ObservationComponent:
    if value is None:
        return ObservationComponent(code=elements.concept(code), dataAbsentReason=_undefined())
    return ObservationComponent(code=elements.concept(code), valueQuantity=value)


def panel(result: CountResult, about: Shared, member_list: Sequence[Named], ihct: Named) -> Named:
    """The differential as a whole: no value of its own, but members; known to the archive by its report's UID."""
    finding = _Finding("panel", elements.concept(DIFFERENTIAL_PANEL), notes=list(_panel_remarks(result)))
    named = _observation(result, about, finding)
    grouping = named.observation
    grouping.hasMember = [elements.reference(member.uuid) for member in member_list]
    grouping.derivedFrom = [elements.reference(about.study), elements.reference(ihct.uuid)]
    report = elements.uid_identifier(result_uid(result, "differential"))
    grouping.identifier = [elements.uuid_identifier(named.uuid), report]
    return named


def _observation(result: CountResult, about: Shared, finding: _Finding) -> Named:
    uuid = slide_uuid(result.context, finding.part)
    observation = Observation(
        meta=elements.ai_asserted(),
        identifier=[elements.uuid_identifier(uuid)],
        basedOn=[about.order] if about.order else None,
        status="preliminary",
        category=[elements.term("observation-category", "laboratory", "Laboratory")],
        code=finding.code,
        subject=about.subject,
        effectiveDateTime=about.effective,
        issued=about.issued,
        performer=[about.performer],
        valueQuantity=finding.value,
        dataAbsentReason=finding.absent,
        note=[Annotation(text=words) for words in (*CAUTIONS, *finding.notes)],
        method=elements.concept(AUTOMATED_IMAGE_ANALYSIS),
        specimen=elements.reference(about.specimen),
        device=elements.reference(about.device),
        derivedFrom=[elements.reference(about.study)],
        component=list(finding.components) or None,
    )
    return Named(uuid, observation)
