"""``marrowcount train``: configuration, data sets, networks and screen put together."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from marrowcount.main.training_progress import TrainingProgress
from marrowcount_adapters import torch_models, ultralytics_models
from marrowcount_adapters.dataset_store import open_dataset
from marrowcount_adapters.training.running import NetworkKind, train_cells, train_roi
from marrowcount_adapters.training.sources import CELLS, REGIONS, TileSources

if TYPE_CHECKING:
    from rich.console import Console

    from marrowcount_adapters.training.config import CellTraining, RoiTraining

__all__ = ["run_cell_training", "run_roi_training"]


def run_cell_training(config: CellTraining, console: Console) -> None:
    """Train the cell model."""
    kind = NetworkKind(
        partial(ultralytics_models.new_network, config.size),
        ultralytics_models.unfolded,
        partial(ultralytics_models.CellLoss, smoothing=config.label_smoothing),
        ultralytics_models.cell_model_of,
    )
    sources = TileSources(CELLS, open_dataset, config.cache or config.out / "tiles")
    with TrainingProgress(console) as progress:
        run = train_cells(config, sources, kind, progress)
    console.print(f"written to {run.path}")


def run_roi_training(config: RoiTraining, console: Console) -> None:
    """Train the ROI model."""
    kind = NetworkKind(
        torch_models.new_network, torch_models.begun, lambda _: torch_models.roi_loss, torch_models.roi_model_of
    )
    sources = TileSources(REGIONS, open_dataset, config.cache or config.out / "tiles")
    with TrainingProgress(console) as progress:
        run = train_roi(config, sources, kind, progress)
    console.print(f"written to {run.path}")
