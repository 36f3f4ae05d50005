"""``marrowcount evaluate roi|cells``: open the data set, load the model, judge, measure, report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Final

from marrowcount.cytology.cell_types import NUCLEATED_CLASSES, CellType
from marrowcount.datasets import Split
from marrowcount.errors import DatasetError, SettingsError
from marrowcount.evaluation import CellMeasuring, RegionMeasuring, Resampling, evaluate_cells, evaluate_regions
from marrowcount.main.judging import DrawnKinds, drawn_kinds, is_rescaled, judge_cells, judge_regions, rescaled, unit_of
from marrowcount.main.models import GPU_DRIVER, bundled_models
from marrowcount.main.progress import progress_bar
from marrowcount.settings import CountSection
from marrowcount.slides.manifest import read_manifest
from marrowcount_adapters import onnx_models
from marrowcount_adapters.dataset_store import open_dataset
from marrowcount_adapters.evaluation_report import About, DataNote, write_cell_report, write_region_report
from marrowcount_adapters.evaluation_report.about import resampling_words
from marrowcount_adapters.evaluation_report.numbers import words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from marrowcount.datasets import Example
    from marrowcount.evaluation import CellEvaluation, RegionEvaluation
    from marrowcount.ports import CellModel, RoiModel
    from marrowcount.result import ModelIdentity
    from marrowcount_adapters.dataset_store import StoredDataset

__all__ = ["CellRequest", "RoiRequest", "run_cell_evaluation", "run_roi_evaluation"]

ALL: Final = "all"
NUCLEATED: Final = "nucleated"
SEAMS: Final = (
    "a picture larger or smaller than a tile is set in the middle of whole 512 px tiles filled with its own ground "
    "colour; objects that two tiles report at their border are merged as on a slide"
)
CUT: Final = (
    "a picture larger than a tile is cut about its middle to whole 512 px tiles, and the mean of their probabilities "
    "counts; what a smaller one leaves free of its tile is filled with its own ground colour"
)


@dataclass(frozen=True, slots=True)
class RoiRequest:
    """What was asked for; the same fields as the options of the command."""

    data_set: Path
    out: Path
    split: str
    model: Path | None
    threshold: float | None
    threads: int
    resampling: Resampling
    bins: int


@dataclass(frozen=True, slots=True)
class CellRequest(RoiRequest):
    """Likewise."""

    iou: float
    least_probability: float
    calibrated_from: float
    drawn: Sequence[str]
    gallery: int = 0


def run_roi_evaluation(request: RoiRequest, console: Console) -> RegionEvaluation:
    """Measure a ROI model and write its report.

    Raises:
        DatasetError: the data set cannot be read, or ``nothing-to-measure``.
        ModelError: the model cannot be loaded.
        SettingsError: ``wrong-setting``.
        StorageError: the report cannot be written.
    """
    source = open_dataset(request.data_set)
    examples = _chosen(source, request, "a verdict whether they are fit", lambda one: one.fit is not None)
    model = _roi_model(request)
    with progress_bar(console) as bar:
        task = bar.add_task(f"judging {len(examples)} pictures", total=len(examples))
        judged = judge_regions(model, source, examples, done=lambda: bar.advance(task))
    how = RegionMeasuring(model.identity.threshold, request.bins, request.resampling)
    with console.status("measuring"):
        evaluation = evaluate_regions(judged.fit, judged.probabilities, judged.units, how)
        about = _about(model.identity, {"threshold": f"{how.threshold:g}", "pictures": CUT}, request, evaluation.units)
        report = write_region_report(evaluation, about, _note(source, request, examples), request.out)
    _tell(console, {name.replace("_", " "): words_of(figure) for name, figure in evaluation.figures.items()}, report)
    return evaluation


def run_cell_evaluation(request: CellRequest, console: Console) -> CellEvaluation:
    """Measure a cell model and write its report.

    Raises:
        DatasetError: the data set cannot be read, or ``nothing-to-measure``.
        ModelError: the model cannot be loaded.
        SettingsError: ``wrong-setting``.
        StorageError: the report cannot be written.
    """
    named = _named_kinds(request.drawn) if request.drawn else None
    source = open_dataset(request.data_set)
    examples = _chosen(source, request, "boxes", lambda one: one.objects is not None)
    # On pictures of other splits kinds may be seen that happen to be absent from this one.
    drawn = named or drawn_kinds(source.dataset.examples)
    model, threshold = _cell_model(request)
    with progress_bar(console) as bar:
        task = bar.add_task(f"judging {len(examples)} pictures", total=len(examples))
        judged = judge_cells(model, source, examples, threshold, drawn=drawn, done=lambda: bar.advance(task))
    how = CellMeasuring(threshold, request.iou, request.bins, request.calibrated_from, request.resampling)
    with console.status("measuring"):
        evaluation = evaluate_cells(judged, how)
        about = _about(model.identity, _cell_settings(request, threshold, drawn), request, evaluation.units)
        shown = [
            (rescaled(source.read(example), example.um_per_px)[0], one)
            for example, one in zip(examples[: request.gallery], judged, strict=False)
        ]
        report = write_cell_report(evaluation, about, _note(source, request, examples), request.out, shown)
    _tell(console, _cell_headlines(evaluation), report)
    return evaluation


def _chosen(source: StoredDataset, request: RoiRequest, what: str, known: Callable[[Example], bool]) -> list[Example]:
    splits = {split.value: split for split in Split}
    if request.split not in {*splits, ALL}:
        raise SettingsError("wrong-setting", f"split = {request.split!r}: one of {', '.join([*splits, ALL])}")
    wanted = splits.get(request.split)
    examples = [one for one in source.dataset.examples if known(one) and wanted in {None, one.split}]
    if not examples:
        raise DatasetError(
            "nothing-to-measure",
            f"{request.data_set} has no pictures with {what} in split {request.split}; name another with --split "
            f"({', '.join([*splits, ALL])}), or split it by `marrowcount dataset split`",
        )
    return examples


def _named_kinds(names: Sequence[str]) -> DrawnKinds:
    try:
        kinds = frozenset(CellType.from_label(name) for name in names if name != NUCLEATED)
    except ValueError as error:
        raise SettingsError("wrong-setting", f"drawn: {error}; or {NUCLEATED!r}") from error
    return DrawnKinds(kinds, nucleated=NUCLEATED in names or kinds.issuperset(NUCLEATED_CLASSES))


def _roi_model(request: RoiRequest) -> RoiModel:
    folder = request.model or bundled_models() / CountSection().roi_model
    if GPU_DRIVER.exists():
        model: RoiModel = import_module("marrowcount_adapters.torch_models").load_roi_model(
            folder, threshold=request.threshold
        )
        return model
    return onnx_models.load_roi_model(folder, threads=request.threads, threshold=request.threshold)


def _cell_model(request: CellRequest) -> tuple[CellModel, float]:
    """The model with a very low threshold for the curves, and the threshold from which objects count."""
    folder = request.model or bundled_models() / CountSection().cell_model
    threshold = read_manifest(folder).threshold if request.threshold is None else request.threshold
    least = min(request.least_probability, threshold)
    if GPU_DRIVER.exists():
        model: CellModel = import_module("marrowcount_adapters.ultralytics_models").load_cell_model(
            folder, threshold=least
        )
        return model, threshold
    return onnx_models.load_cell_model(folder, threads=request.threads, threshold=least), threshold


def _about(model: ModelIdentity, settings: Mapping[str, str], request: RoiRequest, units: int) -> About:
    intervals = {"intervals": resampling_words(request.resampling, units)}
    return About((model,), datetime.now(UTC), {**settings, **intervals})


def _cell_settings(request: CellRequest, threshold: float, shown: DrawnKinds) -> dict[str, str]:
    drawn = [*(kind.label for kind in sorted(shown.kinds)), *(["nucleated cells"] if shown.nucleated else [])]
    return {
        "threshold": f"{threshold:g}; finds from {request.least_probability:g} on make the curves",
        "match": f"from IoU {request.iou:g} on",
        "drawn on pictures that are not complete": ", ".join(drawn) or "nothing",
        "pictures": SEAMS,
    }


def _note(source: StoredDataset, request: RoiRequest, examples: Sequence[Example]) -> DataNote:
    dataset = source.dataset
    return DataNote(
        dataset.name,
        dataset.source,
        dataset.licence,
        source.examples_sha256,
        request.split,
        len(examples),
        len({one.patient for one in examples if one.patient}),
        len({one.group for one in examples if one.group and not one.patient}),
        sum(not unit_of(one) for one in examples),
        sum(not one.complete for one in examples),
        sum(box.cell_type is None for one in examples for box in one.objects or ()),
        sum(is_rescaled(one.um_per_px) for one in examples),
        sum(one.um_per_px is None for one in examples),
    )


def _cell_headlines(evaluation: CellEvaluation) -> dict[str, str]:
    names = {
        "mean AP, the paper's classes": "mean/average_precision",
        "mean F1": "mean/f1",
        "mean log-average miss rate": "mean/log_average_miss_rate",
        "nucleated cell, any class: AP": "nucleated/average_precision",
        "nucleated cell, any class: recall": "nucleated/recall",
        "macro F1 of known places": "classification/macro_f1",
        "Cohen's kappa": "cohen_kappa",
        "expected calibration error": "expected_calibration_error",
    }
    return {said: words_of(evaluation.figures[name]) for said, name in names.items()}


def _tell(console: Console, figures: Mapping[str, str], report: Path) -> None:
    for name, value in figures.items():
        console.print(f"{name:<36}{value}", highlight=False)
    console.print(f"written to {report}", soft_wrap=True)
