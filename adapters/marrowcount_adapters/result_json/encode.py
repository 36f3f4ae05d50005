"""Result or refusal to JSON text. Both have the same keys; what a refusal cannot know is null or empty."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from marrowcount import __version__
from marrowcount.cytology.convergence import StoppingReason
from marrowcount.result import RESEARCH_USE_ONLY
from marrowcount.review import ReportStatus
from marrowcount.review.words import comments, status_sentence
from marrowcount.workflow.identity import percent_bounds, published_ratio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from marrowcount.cytology.convergence import Stopping
    from marrowcount.cytology.differential import ClassShare
    from marrowcount.errors import SlideError
    from marrowcount.result import ModelIdentity
    from marrowcount.review import Report

__all__ = ["encode_refusal", "encode_result"]

ENDINGS: Final[Mapping[StoppingReason, str]] = {
    StoppingReason.CONVERGED: "the histogram of cell types stood still",
    StoppingReason.PRECISE_ENOUGH: "the interval of the watched class was precise enough",
    StoppingReason.CAP: "the most tiles allowed were read; the rule was not met",
    StoppingReason.SLIDE_EXHAUSTED: "no suitable tile was left; the rule was not met",
}


def encode_result(report: Report) -> str:
    """A counted slide as JSON text, with counts, percentages and bounds as they are published everywhere."""
    result = report.result
    differential = report.differential or result.differential
    return _json(
        {
            "state": "counted",
            "reason": result.stopping.reason.value,
            "message": _message(report),
            "series_uid": result.context.series_uid,
            "counted_at": result.counted_at.isoformat(),
            "tiles_looked_at": result.tiles_looked_at,
            "tiles_counted": result.tiles_counted,
            "stopping": _stopping(result.stopping),
            "counts": {cell_type.label: count for cell_type, count in result.histogram},
            "ndc": {share.cell_type.label: _share(share) for share in differential.shares},
            "ndc_total": differential.total,
            "me_ratio": _number(published_ratio(differential.me_ratio)),
            "bmme": _number(published_ratio(differential.bmme)),
            "warnings": list(result.warnings),
            **_about(result.models),
            "status": report.status.value,
            "version": report.version,
            "standing": status_sentence(report),
            "changed_by_a_person": _changed(report),
            "remarks": list(comments(report)),
        }
    )


def _changed(report: Report) -> dict[str, object]:
    return {
        cell_type.label: {"software": machine, "person": person}
        for cell_type, (machine, person) in report.changed.items()
    }


def encode_refusal(
    error: SlideError,
    *,
    series_uid: str | None,
    models: Sequence[ModelIdentity],
    tiles_looked_at: int = 0,
    version: int = 1,
) -> str:
    """A slide that could not be counted as JSON text.

    Args:
        error: why; its message holds no patient data.
        series_uid: the slide's series, None where not even that could be read.
        models: the models that would have counted.
        tiles_looked_at: tiles judged before it was given up.
        version: of the slide's report.
    """
    return _json(
        {
            "state": "refused",
            "reason": error.refusal.value,
            "message": error.message,
            "series_uid": series_uid,
            "counted_at": None,
            "tiles_looked_at": tiles_looked_at,
            "tiles_counted": 0,
            "stopping": None,
            "counts": {},
            "ndc": {},
            "ndc_total": 0,
            "me_ratio": None,
            "bmme": None,
            "warnings": [],
            **_about(models),
            "status": ReportStatus.CANCELLED.value,
            "version": version,
            "standing": "Cancelled: the slide was looked at by software and not counted.",
            "changed_by_a_person": {},
            "remarks": [],
        }
    )


def _json(content: Mapping[str, object]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _about(models: Sequence[ModelIdentity]) -> dict[str, object]:
    return {
        "models": [_model(model) for model in models],
        "marrowcount_version": __version__,
        "intervals": "95 %, exact binomial, sampling error only",
        "research_use_only": RESEARCH_USE_ONLY,
    }


def _message(report: Report) -> str:
    result, counted = report.result, "The software counted" if report.changed else "Counted"
    return (
        f"{counted} {result.differential.total} cells of the differential on {result.tiles_counted} of "
        f"{result.tiles_looked_at} tiles looked at; ended because {ENDINGS[result.stopping.reason]}."
    )


def _stopping(stopping: Stopping) -> dict[str, object]:
    curve = [None if distance is None else float(f"{distance:.3g}") for distance in stopping.distances]
    return {
        "rule": stopping.rule,
        "distance": stopping.distance,
        "reason": stopping.reason.value,
        "distances": curve,
    }


def _share(share: ClassShare) -> dict[str, object]:
    low, high = percent_bounds(share.interval)
    return {"count": share.count, "percent": float(share.percent), "low": float(low), "high": float(high)}


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _model(model: ModelIdentity) -> dict[str, object]:
    return {
        "task": model.task.value,
        "name": model.name,
        "version": model.version,
        "sha256": model.sha256,
        "threshold": model.threshold,
        "training_data": model.training_data,
    }
