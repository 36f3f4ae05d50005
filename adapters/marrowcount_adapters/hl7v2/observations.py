"""What a message says, figure by figure: each becomes an OBX segment whose number within the report never changes.

A message always holds all figures that its site asked for (a snapshot): where there is no figure, as of a slide that
was not counted or a report that was withdrawn, the segment stands without a value, so that a receiver takes back what
it was told before.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from marrowcount.cytology.cell_types import CODES, LOCAL_SCHEME, NDC_CLASSES, CellType, Code, Grade
from marrowcount.cytology.concepts import (
    AUTOMATED_IMAGE_ANALYSIS,
    BMME,
    CHI_SQUARE_DISTANCE,
    MARROW_REPORT,
    ME_RATIO,
    STOPPING_REASON,
    STOPPING_REASONS,
    STOPPING_RULE,
    TILES_COUNTED,
    TILES_LOOKED_AT,
    TOTAL_COUNTED,
)
from marrowcount.cytology.loinc import loinc_code
from marrowcount.result import CountResult
from marrowcount.review import RELEASED
from marrowcount.review.words import UNDEFINED_RATIO, change_of, shows_figures
from marrowcount.workflow.identity import percent_bounds, published_ratio
from marrowcount_adapters.hl7v2.datatypes import coded, number, ratio
from marrowcount_adapters.hl7v2.er7 import components, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marrowcount.cytology.differential import ClassShare, Differential
    from marrowcount.review import Report
    from marrowcount_adapters.hl7v2.settings import Hl7Settings

__all__ = ["REVISED", "Observation", "ValueType", "observations_of"]

REVISED: Final = Code(
    "REVISED_BY_PERSON", LOCAL_SCHEME, "Automated image analysis, counts revised by a person", Grade.LOCAL
)
"""Method of a figure into which a person's counts went."""

UNDEFINED_DISTANCE: Final = "No erythroblast had been counted before the last tile: the distance is undefined."

DISTANCE_PLACES: Final = Decimal("1E-9")


class ValueType(StrEnum):
    """Data type of a value (HL7 table 0125)."""

    NUMBER = "NM"
    RATIO = "SN"
    CODED = "CE"
    TEXT = "ST"
    DOCUMENT = "ED"


@dataclass(frozen=True, slots=True)
class Observation:
    """One figure.

    Attributes:
        sub_id: OBX-4; with its code it is the figure's name within the report, in every message about it.
        codes: in one or two systems; the first one never changes.
        value: as the text of a field; empty where there is none.
        unit: in UCUM; empty for what has none.
        notes: what must be known of this figure alone.
    """

    sub_id: str
    codes: tuple[Code, ...]
    kind: ValueType
    value: str
    unit: str = ""
    method: Code = AUTOMATED_IMAGE_ANALYSIS
    notes: tuple[str, ...] = ()


def observations_of(report: Report, settings: Hl7Settings, document: bytes | None) -> Iterator[Observation]:
    """All figures of a report, in the order of a laboratory report.

    Args:
        report: what is said.
        settings: what of it the site wants.
        document: the report as PDF; None where there is none.
    """
    has_figures = shows_figures(report)
    differential = report.differential if has_figures else None
    method = REVISED if report.changed else AUTOMATED_IMAGE_ANALYSIS
    for place, cell_type in enumerate(NDC_CLASSES, start=1):
        yield _percentage(f"{place}", cell_type, report, method, settings)
        if settings.with_details:
            yield from _details(f"{place}", cell_type, differential, method)
    yield from _totals(differential, method, settings)
    if settings.with_document:
        value = _document(document) if document is not None and has_figures else ""
        yield Observation("16", (MARROW_REPORT,), ValueType.DOCUMENT, value)
    if settings.with_details:
        yield from _histogram(report.count if has_figures and isinstance(report.count, CountResult) else None)


def _share(differential: Differential | None, cell_type: CellType) -> ClassShare | None:
    """None where there is no percentage: of no cell at all there is none either."""
    return differential.share(cell_type) if differential is not None and differential.total else None


def _percentage(sub_id: str, cell_type: CellType, report: Report, method: Code, settings: Hl7Settings) -> Observation:
    share = _share(report.differential if shows_figures(report) else None, cell_type)
    change = change_of(report, cell_type) if share else ""
    return Observation(
        sub_id,
        _codes(cell_type, report, settings),
        ValueType.NUMBER,
        number(share.percent) if share else "",
        "%",
        method,
        (change,) if change else (),
    )


def _codes(cell_type: CellType, report: Report, settings: Hl7Settings) -> tuple[Code, ...]:
    """The first one never changes over a report's versions: receivers know a figure by it.

    So a term that comes only once a person answers for the count stands behind the local code.
    """
    local, always = CODES[cell_type].local, loinc_code(cell_type)
    if always is not None:
        return always, local
    later = loinc_code(cell_type, settings.code_policy, released=report.status in RELEASED)
    return (local, later) if later else (local,)


def _details(
    sub_id: str, cell_type: CellType, differential: Differential | None, method: Code
) -> Iterator[Observation]:
    share, local = _share(differential, cell_type), CODES[cell_type].local
    low, high = map(number, percent_bounds(share.interval)) if share else ("", "")
    parts = (
        ("COUNT", "cells counted", number(share.count) if share else "", "{cells}"),
        ("LOW", "lower bound of 95 % interval, sampling only", low, "%"),
        ("HIGH", "upper bound of 95 % interval, sampling only", high, "%"),
    )
    for part, (suffix, meaning, value, unit) in enumerate(parts, start=1):
        code = _derived(local, suffix, meaning)
        yield Observation(f"{sub_id}.{part}", (code,), ValueType.NUMBER, value, unit, method)


def _derived(local: Code, suffix: str, meaning: str) -> Code:
    """Of its own: a receiver that knows figures by their code alone must not take a count for a percentage."""
    return Code(f"{local.value}_{suffix}", LOCAL_SCHEME, f"{local.meaning}: {meaning}", Grade.LOCAL)


def _totals(differential: Differential | None, method: Code, settings: Hl7Settings) -> Iterator[Observation]:
    total = number(differential.total) if differential else ""
    yield Observation("13", (TOTAL_COUNTED,), ValueType.NUMBER, total, "{cells}", method)
    for sub_id, code, value in (
        ("14", ME_RATIO, differential.me_ratio if differential else None),
        ("15", BMME, differential.bmme if differential else None),
    ):
        published = published_ratio(value)
        notes = (UNDEFINED_RATIO,) if differential and published is None else ()
        kind = ValueType.NUMBER if settings.ratio_as_number else ValueType.RATIO
        written = "" if published is None else number(published) if settings.ratio_as_number else ratio(published)
        yield Observation(sub_id, (code,), kind, written, "{ratio}", method, notes)


def _document(pdf: bytes) -> str:
    """ED (2.A.24): subtype by its media type's own name, since table 0291 has none for PDF."""
    return components("", "application", "pdf", "Base64", b64encode(pdf).decode("ascii"))


def _histogram(result: CountResult | None) -> Iterator[Observation]:
    """The IHCT as the machine counted it, and how the count ended; nobody changes it afterwards."""
    for part, cell_type in enumerate(CellType, start=1):
        local = CODES[cell_type].local
        code = Code(f"IHCT_{local.value}", LOCAL_SCHEME, f"Histogram: {local.meaning}", Grade.LOCAL)
        count = number(result.histogram[cell_type]) if result else ""
        yield Observation(f"17.{part}", (code,), ValueType.NUMBER, count, "{objects}")
    counted, looked_at = (result.tiles_counted, result.tiles_looked_at) if result else (None, None)
    yield _tiles("18", TILES_COUNTED, counted)
    yield _tiles("19", TILES_LOOKED_AT, looked_at)
    yield _distance(result)
    reason = coded(STOPPING_REASONS[result.stopping.reason]) if result else ""
    yield Observation("21", (STOPPING_REASON,), ValueType.CODED, reason)
    yield Observation("22", (STOPPING_RULE,), ValueType.TEXT, text(result.stopping.rule) if result else "")


def _tiles(sub_id: str, code: Code, count: int | None) -> Observation:
    return Observation(sub_id, (code,), ValueType.NUMBER, "" if count is None else number(count), "{tiles}")


def _distance(result: CountResult | None) -> Observation:
    distance = result.stopping.distance if result else None
    value = "" if distance is None else number(Decimal(distance).quantize(DISTANCE_PLACES))
    notes = (UNDEFINED_DISTANCE,) if result and distance is None else ()
    return Observation("20", (CHI_SQUARE_DISTANCE,), ValueType.NUMBER, value, "1", notes=notes)
