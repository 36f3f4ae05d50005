"""Measurement groups (PS3.16 TID 1501): one for the count as a whole, one for each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highdicom.sr import (
    CodedConcept,
    FindingSite,
    Measurement,
    MeasurementsAndQualitativeEvaluations,
    TrackingIdentifier,
)

from marrowcount.cytology.cell_types import CODES, NDC_CLASSES, CellType
from marrowcount.cytology.concepts import (
    AUTOMATED_IMAGE_ANALYSIS,
    BMME,
    BONE_MARROW,
    CERTAINTY,
    CHI_SQUARE_DISTANCE,
    COUNT,
    IHCT,
    INTERVAL_HIGH,
    INTERVAL_LOW,
    MACHINE_COUNT,
    ME_RATIO,
    NDC_PERCENT,
    NO_UNITS,
    STOPPING_REASON,
    STOPPING_REASONS,
    STOPPING_RULE,
    TILES_COUNTED,
    TILES_LOOKED_AT,
    TOTAL_COUNTED,
)
from marrowcount.result import ModelTask
from marrowcount.review.words import remarks
from marrowcount.workflow.identity import percent_bounds, published_ratio, result_uid
from marrowcount_adapters.structured_report import items

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from decimal import Decimal

    from pydicom.dataset import Dataset

    from marrowcount.cytology.cell_types import Code
    from marrowcount.cytology.differential import ClassShare, Differential
    from marrowcount.result import CountResult
    from marrowcount.review import Report

__all__ = ["measurement_groups"]


def measurement_groups(report: Report, annotations: Sequence[Dataset]) -> list[MeasurementsAndQualitativeEvaluations]:
    """The summary, the classes of the differential in its order, then the other classes.

    Args:
        report: on a count.
        annotations: the cells' annotation instance first, then that of the tiles.
    """
    result, cells = report.result, annotations[0]
    shares = differential_in(report).shares
    others = [cell_type for cell_type in CellType if cell_type not in NDC_CLASSES]
    return [
        _summary(report, annotations),
        *(_class_group(result, share.cell_type, cells, _share(report, share)) for share in shares),
        *(_class_group(result, each, cells, [_count(result.histogram[each])]) for each in others),
    ]


def differential_in(report: Report) -> Differential:
    """The one that holds.

    Raises:
        ValueError: nothing was counted.
    """
    return report.differential or report.result.differential


def _summary(report: Report, annotations: Sequence[Dataset]) -> MeasurementsAndQualitativeEvaluations:
    result = report.result
    group = _group(result, "summary", "Whole count", IHCT, _figures(report))
    content = group[0].ContentSequence
    content.extend(items.evaluation(STOPPING_REASON, STOPPING_REASONS[result.stopping.reason]))
    content.append(items.text(STOPPING_RULE, result.stopping.rule))
    content.extend(items.comment(words) for words in remarks(report))
    content.extend(items.annotation_reference(annotation) for annotation in annotations)
    return group


def _figures(report: Report) -> list[Measurement]:
    result, differential = report.result, differential_in(report)
    roi_model = items.algorithm(result.model(ModelTask.ROI))
    return [
        items.count(TOTAL_COUNTED, differential.total, "cells"),
        items.ratio(ME_RATIO, _as_float(published_ratio(differential.me_ratio))),
        items.ratio(BMME, _as_float(published_ratio(differential.bmme))),
        items.count(TILES_COUNTED, result.tiles_counted, "tiles"),
        items.count(TILES_LOOKED_AT, result.tiles_looked_at, "tiles", roi_model),
        items.number(CHI_SQUARE_DISTANCE, result.stopping.distance),
    ]


def _as_float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _count(count: int) -> Measurement:
    return items.count(COUNT, count, "objects")


def _share(report: Report, share: ClassShare) -> Iterator[Measurement]:
    """Of a class; where a person changed its count, the software's as well."""
    low, high = percent_bounds(share.interval)
    yield _count(share.count)
    if share.cell_type in report.changed:
        yield items.count(MACHINE_COUNT, report.changed[share.cell_type][0], "objects")
    yield from (
        items.percent(NDC_PERCENT, float(share.percent)),
        items.percent(INTERVAL_LOW, float(low)),
        items.percent(INTERVAL_HIGH, float(high)),
    )


def _class_group(
    result: CountResult, cell_type: CellType, cells: Dataset, counts: Iterable[Measurement]
) -> MeasurementsAndQualitativeEvaluations:
    figures = [*counts, *_certainty(result, cell_type)]
    group = _group(result, f"class/{cell_type.label}", cell_type.label, _finding(cell_type), figures)
    group[0].ContentSequence.append(items.annotation_reference(cells))
    return group


def _finding(cell_type: CellType) -> Code:
    """A finding has no modifier here, so a class that needs one is told by its local code."""
    codes = CODES[cell_type]
    return codes.primary if codes.modifier is None else codes.local


def _certainty(result: CountResult, cell_type: CellType) -> Iterator[Measurement]:
    probabilities = [found.probability for found in result.detections if found.cell_type is cell_type]
    if probabilities:
        yield Measurement(
            items.coded(CERTAINTY),
            round(float(sum(probabilities)) / len(probabilities), 4),
            items.coded(NO_UNITS),
            derivation=CodedConcept(*items.MEAN),
        )


def _group(
    result: CountResult, part: str, label: str, finding: Code, figures: Sequence[Measurement]
) -> MeasurementsAndQualitativeEvaluations:
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(result_uid(result, f"report/{part}"), label),
        finding_type=items.coded(finding),
        finding_sites=[FindingSite(items.coded(BONE_MARROW))],
        algorithm_id=items.algorithm(result.model(ModelTask.CELLS)),
        measurements=figures,
    )
    group[0].ContentSequence.append(items.method(AUTOMATED_IMAGE_ANALYSIS))
    return group
