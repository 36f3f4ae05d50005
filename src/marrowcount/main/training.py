"""``marrowcount train`` and ``crossvalidate``: configuration, data sets, networks and screen put together."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from marrowcount.datasets import Split
from marrowcount.datasets.splitting import folds
from marrowcount.errors import DatasetError
from marrowcount.main.training_progress import TrainingProgress
from marrowcount_adapters import torch_models, ultralytics_models
from marrowcount_adapters.dataset_store import open_dataset
from marrowcount_adapters.training.checkpoints import read_weights
from marrowcount_adapters.training.crossvalidation import REPORT_MARKDOWN, crossvalidated
from marrowcount_adapters.training.running import NetworkKind, train_cells, train_roi
from marrowcount_adapters.training.sources import CELLS, REGIONS, TileSources
from marrowcount_adapters.training.tiles import CellTiles, RegionTiles
from marrowcount_adapters.training.yardsticks import CellYardstick, RegionYardstick, measured

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from rich.console import Console

    from marrowcount.datasets import Dataset
    from marrowcount.ports import CellModel, RoiModel
    from marrowcount_adapters.training.batches import CellBatch, RegionBatch
    from marrowcount_adapters.training.config import CellTraining, RoiTraining, Training

__all__ = ["run_cell_crossvalidation", "run_cell_training", "run_roi_crossvalidation", "run_roi_training"]

Tiles = TypeVar("Tiles", CellTiles, RegionTiles)


def run_cell_training(config: CellTraining, console: Console) -> None:
    """Train the cell model."""
    sources = TileSources(CELLS, open_dataset, _cache(config))
    with TrainingProgress(console) as progress:
        train_cells(config, sources, cell_network(config), progress)
    console.print(f"written to {config.out}")


def run_roi_training(config: RoiTraining, console: Console) -> None:
    """Train the ROI model."""
    sources = TileSources(REGIONS, open_dataset, _cache(config))
    with TrainingProgress(console) as progress:
        train_roi(config, sources, roi_network(), progress)
    console.print(f"written to {config.out}")


def run_cell_crossvalidation(config: CellTraining, count: int, console: Console) -> None:
    """Train and measure the cell model fold by fold."""

    def fold(config: CellTraining, number: int) -> Mapping[str, float]:
        console.print(f"fold {number} of {count}")
        sources = TileSources(CELLS, open_dataset, _cache(config), _fold(number, count, config.seed))
        kind = cell_network(config)
        with TrainingProgress(console) as progress:
            train_cells(config, sources, kind, progress)
        model = kind.model(kind.begun(read_weights(config.out), []))
        return measured(CellYardstick(), model, *_held_out(sources, config))

    crossvalidated(config, count, fold)
    console.print(f"written to {config.out / REPORT_MARKDOWN}")


def run_roi_crossvalidation(config: RoiTraining, count: int, precision: float, console: Console) -> None:
    """Train and measure the ROI model fold by fold."""

    def fold(config: RoiTraining, number: int) -> Mapping[str, float]:
        console.print(f"fold {number} of {count}")
        sources = TileSources(REGIONS, open_dataset, _cache(config), _fold(number, count, config.seed))
        kind = roi_network()
        with TrainingProgress(console) as progress:
            train_roi(config, sources, kind, progress)
        model = kind.model(kind.begun(read_weights(config.out), []))
        return measured(RegionYardstick(precision), model, *_held_out(sources, config))

    crossvalidated(config, count, fold)
    console.print(f"written to {config.out / REPORT_MARKDOWN}")


def cell_network(config: CellTraining) -> NetworkKind[Any, CellBatch, CellModel]:
    """YOLO11 of the wanted size."""
    return NetworkKind(
        partial(ultralytics_models.new_network, config.size),
        partial(ultralytics_models.unfolded, size=config.size),
        partial(ultralytics_models.CellLoss, smoothing=config.label_smoothing),
        ultralytics_models.cell_model_of,
    )


def roi_network() -> NetworkKind[torch_models.DenseNet121, RegionBatch, RoiModel]:
    """DenseNet121."""
    return NetworkKind(
        torch_models.new_network, torch_models.begun, lambda _: torch_models.roi_loss, torch_models.roi_model_of
    )


def _cache(config: Training) -> Path:
    return config.cache or config.out / "tiles"


def _fold(number: int, count: int, seed: int) -> Callable[[Dataset], Dataset]:
    return lambda dataset: folds(dataset, count, seed)[number - 1]


def _held_out(sources: TileSources[Tiles], config: Training) -> tuple[Tiles, Tiles]:
    """Of a fold, to choose the threshold on and to measure on.

    Raises:
        DatasetError: ``nothing-to-measure-on``.
    """
    parts = [
        sources.kind.joined([sources.of(source, split, stores=False) for source in config.data])
        for split in (Split.VALIDATION, Split.TEST)
    ]
    if not all(len(part) for part in parts):
        raise DatasetError("nothing-to-measure-on", "a fold has no tile to validate or to measure on; use fewer folds")
    return parts[0], parts[1]
