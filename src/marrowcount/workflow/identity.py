"""Who made a result and what it is called: UIDs and uuids, series, equipment, figures as they are published.

All identifiers are name-based (RFC 9562, uuid5): the same result gets the same ones wherever and however often it is
encoded, so that a repeated delivery is recognised as such. DICOM UIDs belong to one count, since an instance never
changes; FHIR identifiers belong to the slide, so that a newer count updates the older one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

from marrowcount import __version__
from marrowcount.review.people import Act

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from marrowcount.cytology.differential import Interval
    from marrowcount.result import CountResult, ModelIdentity, SlideContext
    from marrowcount.review import Report

__all__ = [
    "ANNOTATION_SERIES",
    "DOCUMENT_SERIES",
    "HEAT_MAP_SERIES",
    "INSTANCES",
    "MANUFACTURER",
    "NAMESPACE",
    "PRODUCT",
    "REGION_SERIES",
    "REJECTION_SERIES",
    "REPORT_SERIES",
    "ResultSeries",
    "device_uid",
    "device_uuid",
    "percent_bounds",
    "published_ratio",
    "report_uid",
    "result_uid",
    "series_description",
    "slide_uuid",
    "software_versions",
    "uid_of",
    "withdrawal_uid",
]

NAMESPACE: Final = UUID("dabe2e83-58c8-4d39-9abc-f9a2b77acf82")
"""Namespace of all name-based identifiers; changing it makes every result a new one."""

PRODUCT: Final = "marrowcount"
MANUFACTURER: Final = "marrowcount project"


@dataclass(frozen=True, slots=True)
class ResultSeries:
    """A series of results: its number within the study and what a work list shows of it."""

    part: str
    number: int
    description: str


ANNOTATION_SERIES: Final = ResultSeries(
    "annotation-series", 9901, "AI marrow cells and tiles, preliminary, research use only"
)
HEAT_MAP_SERIES: Final = ResultSeries(
    "heat-map-series", 9904, "AI marrow tile probabilities, preliminary, research use only"
)
REGION_SERIES: Final = ResultSeries("region-series", 9905, "AI marrow regions counted, preliminary, research use only")
REJECTION_SERIES: Final = ResultSeries("rejection-series", 9906, "AI marrow results taken back, research use only")
REPORT_SERIES: Final = ResultSeries("report-series", 9902, "AI marrow differential, preliminary, research use only")
DOCUMENT_SERIES: Final = ResultSeries("document-series", 9903, "AI marrow report (PDF), preliminary, research use only")

INSTANCES: Final = ("cells", "tiles", "heat-map", "differential", "regions", "document")
"""The parts of a count that are instances of their own, each known by :func:`result_uid`."""


def result_uid(result: CountResult, part: str) -> str:
    """The DICOM UID of a part of this count, in the 2.25 form (PS3.5 B.2).

    A count is known by its slide, its models with their thresholds, its stopping rule and what it found; the time
    does not enter, so that a repeated count that finds the same is the same, unless it was taken back meanwhile.

    Args:
        result: the count.
        part: what is named, such as ``"cells"`` or ``"cells/blast"``.
    """
    return uid_of(uuid5(NAMESPACE, "|".join((*_run(result), part))))


def report_uid(report: Report, part: str) -> str:
    """The DICOM UID of a part of this version of a report on a count.

    A machine's is that of its count; what a person signed is an instance of its own, since those never change.

    Args:
        report: on a count.
        part: what is named, such as ``"differential"``.

    Raises:
        ValueError: nothing was counted.
    """
    acts = [each for each in report.signatures if each.act is not Act.KEPT]  # which makes no new instance
    signed = [f"{each.act}|{each.by.system}|{each.by.number}|{each.at.isoformat()}" for each in acts]
    return result_uid(report.result, "|".join((part, *signed)))


def series_description(series: ResultSeries, report: Report) -> str:
    """What a work list shows of a series that holds a version of a report."""
    return series.description.replace("preliminary", str(report.status).replace("-", " "))


def _run(result: CountResult) -> tuple[str, ...]:
    models = (f"{model.task}:{model.sha256}:{model.threshold!r}" for model in result.models)
    again = (f"issue {result.issue}",) if result.issue else ()
    return result.context.series_uid, *models, result.stopping.rule, result.digest, *again


def withdrawal_uid(uids: Iterable[str], destination: str, part: str) -> str:
    """The DICOM UID of a part of the note that takes instances back at a destination.

    Args:
        uids: of all that it takes back: a note that takes back something else is another one.
        destination: its name in the settings.
        part: what is named, such as ``"rejection"``.
    """
    return uid_of(uuid5(NAMESPACE, "|".join(("withdrawal", *sorted(uids), destination, part))))


def slide_uuid(context: SlideContext, part: str) -> UUID:
    """The uuid of a part of whatever is known of a slide, whichever models counted it.

    Args:
        context: the slide.
        part: what is named, such as ``"ndc/blast"``.
    """
    specimen = context.specimen
    name = (specimen.container_issuer, specimen.container_identifier, context.series_uid, part)
    return uuid5(NAMESPACE, "|".join(name))


def device_uuid(models: Sequence[ModelIdentity]) -> UUID:
    """The uuid of this software with these models."""
    return uuid5(NAMESPACE, "|".join(("device", *software_versions(models), *(model.sha256 for model in models))))


def device_uid(models: Sequence[ModelIdentity]) -> str:
    """The same as a DICOM UID."""
    return uid_of(device_uuid(models))


def uid_of(uuid: UUID) -> str:
    """A uuid as a DICOM UID (PS3.5 B.2)."""
    return f"2.25.{uuid.int}"


def software_versions(models: Sequence[ModelIdentity]) -> tuple[str, ...]:
    """The software and its models, each with its version."""
    return f"{PRODUCT} {__version__}", *(f"{model.name} {model.version}" for model in models)


def percent_bounds(interval: Interval) -> tuple[Decimal, Decimal]:
    """Both bounds with one decimal, rounded outward: what is published covers at least what it says."""
    tenth = Decimal("0.1")
    low = Decimal(interval.low).quantize(tenth, ROUND_FLOOR)
    return low, Decimal(interval.high).quantize(tenth, ROUND_CEILING)


def published_ratio(ratio: float | None) -> Decimal | None:
    """A ratio with two decimals; None where it is undefined."""
    if ratio is None or not math.isfinite(ratio):
        return None
    return Decimal(ratio).quantize(Decimal("0.01"))
