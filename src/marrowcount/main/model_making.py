"""``marrowcount model``: trained weights to a packaged model, and packaged models to the test."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from marrowcount.datasets import Split
from marrowcount.errors import SettingsError
from marrowcount.main.provenance import measured_on, training_data_of
from marrowcount.phantom import PhantomSlide
from marrowcount.ports import CellModel, RoiModel
from marrowcount.slides.geometry import SizePx
from marrowcount.slides.manifest import INT8_FILE, ONNX_FILE, read_manifest, verified_bytes
from marrowcount_adapters import onnx_models, torch_models, ultralytics_models
from marrowcount_adapters.dataset_store import open_dataset
from marrowcount_adapters.training.checkpoints import read_weights
from marrowcount_adapters.training.config import CellTraining, DataSource, RoiTraining, Training
from marrowcount_adapters.training.making import MeasuringTiles, Order, Runtimes, make_model
from marrowcount_adapters.training.packaging import task_of
from marrowcount_adapters.training.run_folder import CONFIG_FILE, RunFolder
from marrowcount_adapters.training.runtimes import cells_disagreement, regions_disagreement
from marrowcount_adapters.training.sources import CELLS, REGIONS, TileSources
from marrowcount_adapters.training.tiles import CellTiles, RegionTiles
from marrowcount_adapters.training.yardsticks import CellYardstick, RegionYardstick

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from rich.console import Console

    from marrowcount.ports import Picture
    from marrowcount.slides.manifest import ModelManifest
    from marrowcount_adapters.training.runtimes import Disagreement

__all__ = ["PackageRequest", "cell_runtimes", "check_model", "package_model", "roi_runtimes"]

LEAST_PROBABILITY: Final = 0.01
"""Detections from here on make the precision-recall curves."""
CHECK_SEED: Final = 424_242
CHECK_PX: Final = 2048
CHECK_TILES: Final = 3

Tiles = TypeVar("Tiles", CellTiles, RegionTiles)
Model = TypeVar("Model", CellModel, RoiModel)


@dataclass(frozen=True, slots=True)
class PackageRequest:
    """What is asked of ``marrowcount model package``.

    Attributes:
        source: run folder, checkpoint, packaged model or safetensors.
        models: folder in which the model's own folder will be.
        version: of the model.
        validation: chooses the threshold.
        test: is measured on.
        data: trained on; empty where the run folder knows it.
        name: of the model; empty for the task's own.
        training_data: a sentence in place of the one that is put together from ``data``.
        int8: whether to try 8 bit integers.
        precision: wanted of the ROI model on validation.
        figures_file: JSON object of figures measured elsewhere.
        notes_file: Markdown for the card.
        cache: of tiles cut from data sets.
    """

    source: Path
    models: Path
    version: str
    validation: DataSource
    test: DataSource
    data: tuple[DataSource, ...] = ()
    name: str = ""
    training_data: str = ""
    int8: bool = True
    precision: float = 0.8
    figures_file: Path | None = None
    notes_file: Path | None = None
    cache: Path | None = None


def package_model(asked: PackageRequest, console: Console) -> None:
    """Make the model folder and say what came of it.

    Raises:
        ModelError: as :func:`~marrowcount_adapters.training.making.make_model`, and those of reading weights.
        SettingsError: ``data-unknown``: neither a run folder nor ``data`` says what was trained on.
    """
    weights = read_weights(asked.source)
    task = task_of(weights, asked.source)
    config = _config_of(asked.source, task)
    data = asked.data or (config.data if config else ())
    if not data:
        raise SettingsError("data-unknown", f"{asked.source} is no run folder; name what was trained on with --data")
    begun_with = config.start if config else None
    with _cache(asked, config) as cache:
        if task == "cells":
            cells = TileSources(CELLS, open_dataset, cache)
            order = _order(asked, task, data, begun_with, _examples(cells, data))
            manifest = make_model(weights, order, cell_runtimes(), CellYardstick(), _tiles(cells, asked, data))
        else:
            regions = TileSources(REGIONS, open_dataset, cache)
            order = _order(asked, task, data, begun_with, _examples(regions, data))
            yardstick = RegionYardstick(asked.precision)
            manifest = make_model(weights, order, roi_runtimes(), yardstick, _tiles(regions, asked, data))
    for name, value in manifest.figures.items():
        if "/" not in name:
            console.print(f"{name.replace('_', ' ')}: {value:g}")
    console.print(f"{manifest.name} {manifest.version}, threshold {manifest.threshold:g}, written to {order.folder}")


def check_model(folder: Path, console: Console) -> bool:
    """Hash every file, run tiles in every runtime, and say how far they are apart; whether all is well.

    Raises:
        ModelError: a file is missing, altered or not of this version.
    """
    manifest = read_manifest(folder)
    manifest.checked_for(manifest.task, folder)
    for name in manifest.files:
        verified_bytes(folder, manifest, name)
        console.print(f"{name}: is what the manifest vouches for")
    well = True
    for what, apart in _apart(folder, manifest):
        # What 8 bit integers cost is measured when they are packaged; here they must only run.
        alike = apart.tolerable or INT8_FILE in what
        well = well and alike
        console.print(f"{what}: {'ok' if alike else 'NOT ALIKE'}, {apart}")
    return well


def cell_runtimes() -> Runtimes[CellModel]:
    """YOLO11 on torch and onnxruntime."""
    return Runtimes(
        parameters=ultralytics_models.folded_parameters,
        exportable=ultralytics_models.exportable,
        output="predictions",
        any_number=False,
        with_half_weights=onnx_models.with_half_weights,
        in_int8=onnx_models.in_int8,
        network_input=onnx_models.cell_input,
        on_torch=partial(ultralytics_models.load_cell_model, device="cpu", threshold=LEAST_PROBABILITY),
        on_onnx=lambda folder, file, threads: onnx_models.load_cell_model(
            folder, threads=threads, threshold=LEAST_PROBABILITY, file=file
        ),
        disagreement=cells_disagreement,
    )


def roi_runtimes() -> Runtimes[RoiModel]:
    """DenseNet121 on torch and onnxruntime."""
    return Runtimes(
        parameters=dict,
        exportable=torch_models.exportable,
        output="probabilities",
        any_number=True,
        with_half_weights=onnx_models.with_half_weights,
        in_int8=onnx_models.in_int8,
        network_input=onnx_models.roi_input,
        on_torch=partial(torch_models.load_roi_model, device="cpu"),
        on_onnx=lambda folder, file, threads: onnx_models.load_roi_model(folder, threads=threads, file=file),
        disagreement=regions_disagreement,
    )


@contextmanager
def _cache(asked: PackageRequest, config: Training | None) -> Generator[Path]:
    """Where tiles cut from data sets are: as asked, or where the run has them, or for the while of the packaging."""
    kept = asked.cache or (config and (config.cache or config.out / "tiles"))
    with TemporaryDirectory() as passing:
        yield kept or Path(passing)


def _config_of(source: Path, task: str) -> Training | None:
    """What the run was asked for, where the source is a run's folder."""
    if not (source / CONFIG_FILE).is_file():
        return None
    return RunFolder(source).configured(CellTraining if task == "cells" else RoiTraining)


def _order(
    asked: PackageRequest,
    task: str,
    data: tuple[DataSource, ...],
    start: Path | None,
    examples: Mapping[str, Mapping[str, int]],
) -> Order:
    return Order(
        models=asked.models,
        task=task,
        version=asked.version,
        training_data=asked.training_data or training_data_of(data, start, task),
        measured_on=measured_on(asked.test, task),
        int8=asked.int8,
        figures=_figures(asked.figures_file),
        notes=asked.notes_file.read_text(encoding="utf-8") if asked.notes_file else "",
        name=asked.name,
        source=asked.source,
        examples=examples,
    )


def _figures(file: Path | None) -> dict[str, float]:
    """Figures measured elsewhere.

    Raises:
        SettingsError: ``wrong-figures``.
    """
    if file is None:
        return {}
    try:
        return TypeAdapter(dict[str, float]).validate_json(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise SettingsError("wrong-figures", f"{file} is no JSON object of numbers by name: {error}") from error


def _examples(sources: TileSources[Tiles], data: tuple[DataSource, ...]) -> dict[str, dict[str, int]]:
    """How many of each kind each source of the training holds, by the names of its folders."""
    return {
        ", ".join(folder.name for folder in source.folders): sources.of(source, Split.TRAIN).kinds() for source in data
    }


def _tiles(sources: TileSources[Tiles], asked: PackageRequest, data: tuple[DataSource, ...]) -> MeasuringTiles[Tiles]:
    training = sources.kind.joined([sources.of(source, Split.TRAIN) for source in data])
    return MeasuringTiles(training, sources.of(asked.validation, Split.VALIDATION), sources.of(asked.test, Split.TEST))


def _apart(folder: Path, manifest: ModelManifest) -> Iterator[tuple[str, Disagreement]]:
    """Torch, and onnxruntime with 8 bit integers, against onnxruntime in single precision."""
    pictures = _phantom_tiles()
    others = ["torch", *([INT8_FILE] if INT8_FILE in manifest.files else [])]
    for other in others:
        what = f"{other} against {ONNX_FILE}"
        if manifest.task == "cells":
            yield what, cells_disagreement(*_two(folder, other, cell_runtimes()), pictures)
        else:
            yield what, regions_disagreement(*_two(folder, other, roi_runtimes()), pictures)


def _two(folder: Path, other: str, runtimes: Runtimes[Model]) -> tuple[Model, Model]:
    second = runtimes.on_torch(folder) if other == "torch" else runtimes.on_onnx(folder, other, 1)
    return runtimes.on_onnx(folder, ONNX_FILE, 1), second


def _phantom_tiles() -> list[Picture]:
    """Tiles fit for cytology, so that there is something to find."""
    slide = PhantomSlide("normal", CHECK_SEED, SizePx(CHECK_PX, CHECK_PX))
    return [slide.read(place.tile) for place in slide.tiles if place.roi][:CHECK_TILES]
