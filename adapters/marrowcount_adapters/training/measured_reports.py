"""What ``marrowcount evaluate`` and the benchmark reported of a model, read for its manifest and card."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from marrowcount.errors import ModelError, SettingsError
from marrowcount.slides.measurements import Figure, Measurement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from marrowcount.slides.manifest import ModelManifest

__all__ = ["read_measurement"]

MEASURES: Final = ("average_precision", "precision", "recall", "f1", "log_average_miss_rate", "mean_overlap")


class _Part(BaseModel):
    """A part of a report; what else is in it is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Estimate(_Part):
    value: float | None
    low: float | None = None
    high: float | None = None


class _Model(_Part):
    sha256: str


class _Data(_Part):
    name: str
    split: str
    pictures: int
    patients: int
    groups: int
    incomplete: int


class _Report(_Part):
    models: tuple[_Model, ...]
    settings: dict[str, str]


class _Counts(_Part):
    counts: tuple[tuple[int, ...], ...]


class _Roi(_Report):
    kind: Literal["roi"]
    data: _Data
    threshold: float
    figures: dict[str, _Estimate]
    confusion: _Counts


class _Classification(_Part):
    macro_f1: _Estimate
    accuracy: _Estimate


class _Class(_Part):
    average_precision: _Estimate


class _Cells(_Report):
    kind: Literal["cells"]
    data: _Data
    threshold: float
    mean: dict[str, _Estimate]
    classes: dict[str, _Class]
    nucleated: dict[str, object]
    cohen_kappa: _Estimate
    classification: _Classification


class _Coverage(_Part):
    inside: int
    percentages: int
    share: float | None
    low: float | None
    high: float | None


class _Slide(_Part):
    profile: str
    tiles_counted: int
    reason: str


class _Slides(_Report):
    kind: Literal["slides"]
    coverage: _Coverage
    coverage_of_sampled: _Coverage
    figures: dict[str, _Estimate]
    slides: tuple[_Slide, ...]


class _Benchmark(_Report):
    kind: Literal["benchmark"]
    about: str
    figures: dict[str, _Estimate]


_ANY: Final[TypeAdapter[_Roi | _Cells | _Slides | _Benchmark]] = TypeAdapter(
    Annotated[_Roi | _Cells | _Slides | _Benchmark, Field(discriminator="kind")]
)


def read_measurement(title: str, path: Path, manifest: ModelManifest) -> Measurement:
    """The figures of a report that belong on a card.

    Args:
        title: of the measurement.
        path: ``report.json`` of ``marrowcount evaluate``, or what ``bench_models.py --out`` wrote.
        manifest: of the model that it must be of, by the hash of the file that ran.

    Raises:
        ModelError: ``report-differs``: another model was measured.
        SettingsError: ``wrong-report``: it is no such file.
    """
    try:
        report = _ANY.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise SettingsError("wrong-report", f"{path} is no report of marrowcount: {str(error)[:300]}") from error
    if not {model.sha256 for model in report.models} & set(manifest.files.values()):
        raise ModelError("report-differs", f"{path} is of another model than {manifest.name} {manifest.version}")
    return Measurement(title, _about(report), dict(_figures(report)))


def _about(report: _Roi | _Cells | _Slides | _Benchmark) -> str:
    if isinstance(report, _Benchmark):
        return report.about
    intervals = f"Intervals: {report.settings.get('intervals', 'none')}."
    if isinstance(report, _Slides):
        return f"On {len(report.slides)} counted slides. {intervals}"
    data = report.data
    return (
        f"On {data.name}, split {data.split}: {data.pictures} pictures, {data.patients} patients or slides, "
        f"{data.groups} groups without a patient; threshold {report.threshold:g}. {intervals}"
    )


def _figures(report: _Roi | _Cells | _Slides | _Benchmark) -> Iterator[tuple[str, Figure]]:
    if isinstance(report, _Slides):
        yield from _of_slides(report)
        return
    if isinstance(report, _Cells):
        yield from _existing(dict(_of_cells(report)))
        return
    yield from _existing(report.figures)
    if isinstance(report, _Roi):
        (_, accepted_unfit), (refused_fit, accepted_fit) = report.confusion.counts
        yield "tiles accepted", Figure(accepted_unfit + accepted_fit)
        yield "of these truly unfit (false accepts)", Figure(accepted_unfit)
        yield "truly fit tiles refused", Figure(refused_fit)


def _of_cells(report: _Cells) -> Iterator[tuple[str, _Estimate]]:
    """Means and classes are left out where kinds were not drawn: false finds of those pass, which flatters."""
    if not report.data.incomplete:
        yield from ((f"mean {name}", report.mean[name]) for name in MEASURES)
        yield from ((f"average precision, {label}", one.average_precision) for label, one in report.classes.items())
    for name in MEASURES[:3]:
        yield f"nucleated cell of any class: {name}", _Estimate.model_validate(report.nucleated[name])
    yield "cells whose places are known: macro F1", report.classification.macro_f1
    yield "cells whose places are known: accuracy", report.classification.accuracy
    yield "cohen kappa", report.cohen_kappa


def _of_slides(report: _Slides) -> Iterator[tuple[str, Figure]]:
    """Coverage, errors, and how many tiles were read until a count converged."""
    for name, one in (
        ("true percentages inside their 95 % interval, all slides", report.coverage),
        ("the same where less than half of the fit tiles were counted", report.coverage_of_sampled),
    ):
        if one.share is not None:
            yield f"{name} ({one.inside} of {one.percentages})", Figure(one.share, one.low, one.high)
    means = ("mean_absolute_error", "me_ratio_error", "me_ratio_relative_error")
    yield from _existing({name: report.figures[name] for name in means})
    for profile in dict.fromkeys(slide.profile for slide in report.slides):
        tiles = [s.tiles_counted for s in report.slides if s.profile == profile and s.reason == "converged"]
        if tiles:
            yield f"tiles to convergence, {profile} (median of {len(tiles)})", Figure(median(tiles))


def _existing(estimates: Mapping[str, _Estimate]) -> Iterator[tuple[str, Figure]]:
    for name, one in estimates.items():
        if one.value is not None:
            yield name, Figure(one.value, one.low, one.high)
