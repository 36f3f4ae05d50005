"""What is found out about a slide, one finding for each observation: classes, total, ratios, histogram, panel.

A finding without a value says why it has none. Which findings there are depends on nothing: a report that takes its
figures back must name every one that an earlier version may have put into a record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fhir.resources.R4B.annotation import Annotation
from fhir.resources.R4B.observation import ObservationComponent

from marrowcount.cytology.cell_types import CODES, NDC_CLASSES, CellType
from marrowcount.cytology.concepts import (
    BMME,
    CHI_SQUARE_DISTANCE,
    CONVERGENCE,
    COUNT,
    DIFFERENTIAL_PANEL,
    IHCT,
    INTERVAL_HIGH,
    INTERVAL_LOW,
    MACHINE_COUNT,
    ME_RATIO,
    STOPPING_REASON,
    STOPPING_REASONS,
    STOPPING_RULE,
    TILES_COUNTED,
    TILES_LOOKED_AT,
    TOTAL_COUNTED,
)
from marrowcount.cytology.convergence import StoppingReason
from marrowcount.cytology.loinc import loinc_code
from marrowcount.result import CountResult
from marrowcount.review import RELEASED, Act, ReportStatus
from marrowcount.review.words import (
    LINEAGE,
    SAMPLING_ONLY,
    UNDEFINED_RATIO,
    change_of,
    particulars,
    shows_figures,
)
from marrowcount.workflow.identity import percent_bounds, published_ratio
from marrowcount_adapters.fhir import elements

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from fhir.resources.R4B.codeableconcept import CodeableConcept
    from fhir.resources.R4B.quantity import Quantity

    from marrowcount.cytology.cell_types import Code
    from marrowcount.cytology.differential import ClassShare, Differential
    from marrowcount.cytology.loinc import CodePolicy
    from marrowcount.review import Report, Signature

__all__ = ["PANEL", "TOTAL", "Finding", "histogram", "members", "panel"]

PANEL: Final = "panel"
TOTAL: Final = "total"
"""Parts of the slide's report, by which observations have their identifiers."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What tells one observation from another.

    Attributes:
        part: of the slide's report; its identifier is made of it.
        value: None where it has none, either as a panel or because ``absent`` says why.
    """

    part: str
    code: CodeableConcept
    value: Quantity | None = None
    absent: CodeableConcept | None = None
    components: Sequence[ObservationComponent] = ()
    notes: Sequence[Annotation] = ()


def members(report: Report, policy: CodePolicy) -> list[Finding]:
    """The panel's members: the classes in the order of a laboratory report, total, M:E, BMME."""
    codes = dict(_codes(report, policy))
    if report.differential is None or not shows_figures(report):
        return [Finding(part, code, absent=_no_figures(report)) for part, code in codes.items()]
    return list(_figures(report, report.differential, codes))


def _codes(report: Report, policy: CodePolicy) -> Iterator[tuple[str, CodeableConcept]]:
    released = report.status in RELEASED
    for cell_type in NDC_CLASSES:
        loinc, local = loinc_code(cell_type, policy, released=released), CODES[cell_type].local
        text = f"{cell_type.label}, share of nucleated differential count"
        yield _part_of(cell_type), elements.concept(*((loinc, local) if loinc else (local,)), text=text)
    yield TOTAL, elements.concept(TOTAL_COUNTED, text="Nucleated cells counted")
    yield "me-ratio", elements.concept(ME_RATIO, text="M:E ratio (ICSH 2008)")
    yield "bmme", elements.concept(BMME, text="M:E ratio (BMME, Tayebi 2022)")


def _part_of(cell_type: CellType) -> str:
    return f"ndc/{cell_type.label}"


def _no_figures(report: Report) -> CodeableConcept:
    """Withdrawn: by an error of somebody's work; not counted: never measured."""
    if report.status is ReportStatus.ENTERED_IN_ERROR:
        return elements.absent("error", "Error")
    return elements.absent("not-performed", "Not Performed")


def _figures(report: Report, differential: Differential, codes: dict[str, CodeableConcept]) -> Iterator[Finding]:
    for share in differential.shares:
        part = _part_of(share.cell_type)
        yield _class_finding(report, share, codes[part], whole=differential.total > 0)
    total = elements.count_quantity(differential.total, "cells")
    yield Finding(TOTAL, codes[TOTAL], total)
    yield _ratio_finding("me-ratio", codes, published_ratio(differential.me_ratio))
    yield _ratio_finding("bmme", codes, published_ratio(differential.bmme))


def _class_finding(report: Report, share: ClassShare, code: CodeableConcept, *, whole: bool) -> Finding:
    count = _component(COUNT, elements.count_quantity(share.count, "cells"))
    changed = report.changed.get(share.cell_type)
    machine = [_component(MACHINE_COUNT, elements.count_quantity(changed[0], "cells"))] if changed else []
    words = change_of(report, share.cell_type)
    notes = [elements.note(each) for each in (SAMPLING_ONLY, words) if each]
    if not whole:
        return Finding(_part_of(share.cell_type), code, absent=_undefined(), components=[count, *machine], notes=notes)
    low, high = percent_bounds(share.interval)
    bounds = [
        _component(INTERVAL_LOW, elements.percent_quantity(low)),
        _component(INTERVAL_HIGH, elements.percent_quantity(high)),
    ]
    value = elements.percent_quantity(share.percent)
    return Finding(_part_of(share.cell_type), code, value, components=[count, *bounds, *machine], notes=notes)


def _ratio_finding(part: str, codes: dict[str, CodeableConcept], ratio: Decimal | None) -> Finding:
    if ratio is None:
        notes = [elements.note(LINEAGE), elements.note(UNDEFINED_RATIO)]
        return Finding(part, codes[part], absent=_undefined(), notes=notes)
    return Finding(part, codes[part], elements.ratio_quantity(ratio), notes=[elements.note(LINEAGE)])


def _undefined() -> CodeableConcept:
    """A division by zero."""
    return elements.absent("not-a-number", "Not a Number (NaN)")


def histogram(report: Report) -> Finding:
    """The IHCT: the machine's raw counts of all 19 classes, and how the count ended; no person changes it."""
    if not isinstance(report.count, CountResult) or not shows_figures(report):
        return Finding("ihct", elements.concept(IHCT), absent=_no_figures(report))
    return Finding("ihct", elements.concept(IHCT), components=list(_histogram_components(report.count)))


def _histogram_components(result: CountResult) -> Iterator[ObservationComponent]:
    stopping = result.stopping
    for cell_type, count in result.histogram:
        yield _component(CODES[cell_type].local, elements.count_quantity(count, "objects"))
    yield _component(TILES_COUNTED, elements.count_quantity(result.tiles_counted, "tiles"))
    yield _component(TILES_LOOKED_AT, elements.count_quantity(result.tiles_looked_at, "tiles"))
    distance = None if stopping.distance is None else elements.number_quantity(stopping.distance)
    yield _component(CHI_SQUARE_DISTANCE, distance)
    reason = elements.concept(STOPPING_REASONS[stopping.reason])
    yield ObservationComponent(code=elements.concept(STOPPING_REASON), valueCodeableConcept=reason)
    converged = stopping.reason is StoppingReason.CONVERGED
    yield ObservationComponent(code=elements.concept(CONVERGENCE), valueBoolean=converged)
    yield ObservationComponent(code=elements.concept(STOPPING_RULE), valueString=stopping.rule)


def _component(code: Code, value: Quantity | None) -> ObservationComponent:
    if value is None:
        return ObservationComponent(code=elements.concept(code), dataAbsentReason=_undefined())
    return ObservationComponent(code=elements.concept(code), valueQuantity=value)


def panel(report: Report) -> Finding:
    """The differential as a whole: no value of its own, but what a reader must know and what persons wrote."""
    notes = [*map(elements.note, particulars(report)), *map(_signed, _with_words(report))]
    absent = None if shows_figures(report) else _no_figures(report)
    return Finding(PANEL, elements.concept(DIFFERENTIAL_PANEL), absent=absent, notes=notes)


def _with_words(report: Report) -> Iterator[Signature]:
    return (each for each in report.signatures if each.comment and each.act is not Act.KEPT)


def _signed(signature: Signature) -> Annotation:
    return Annotation(authorString=signature.by.name, time=signature.at, text=elements.clean(signature.comment))
