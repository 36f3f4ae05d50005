"""A training from its configuration: tiles, network, loop, run folder."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import cv2
import torch

from marrowcount.errors import ModelError, SettingsError
from marrowcount.ports import CellModel, RoiModel
from marrowcount_adapters.training.augmentation import Look
from marrowcount_adapters.training.batches import CellBatch, CellBatches, RegionBatch, RegionBatches
from marrowcount_adapters.training.checkpoints import read_weights
from marrowcount_adapters.training.judging import evenly, judge_cells, judge_regions
from marrowcount_adapters.training.loop import Recipe, fit
from marrowcount_adapters.training.recording import Recorder
from marrowcount_adapters.training.run_folder import RunFolder
from marrowcount_adapters.training.sampling import CellMixture, RegionMixture
from marrowcount_adapters.training.tiles import CellTiles, RegionTiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from torch import Tensor, nn

    from marrowcount_adapters.training.config import CellTraining, RoiTraining, Training
    from marrowcount_adapters.training.loop import Judgement, Watcher
    from marrowcount_adapters.training.sources import TileSources

__all__ = ["NetworkKind", "chosen_device", "train_cells", "train_roi"]

STARTING_BATCHES: Final = 8
"""Looked at before training on from folded weights."""

Network = TypeVar("Network", bound="nn.Module")
Batch = TypeVar("Batch", CellBatch, RegionBatch)
Model = TypeVar("Model", CellModel, RoiModel)
Tiles = TypeVar("Tiles", CellTiles, RegionTiles)


@dataclass(frozen=True, slots=True)
class NetworkKind(Generic[Network, Batch, Model]):
    """What training needs to know of a network.

    Attributes:
        new: an untrained one, in training mode.
        begun: one with given weights, to train on, in training mode; it may look at pictures like those of the
            training, (n, 3, side, side). RuntimeError where the weights are of another network.
        loss: of a network: a batch's loss, and figures to report.
        model: of a network as it stands, to judge tiles with.
    """

    new: Callable[[], Network]
    begun: Callable[[Mapping[str, Tensor], list[Tensor]], Network]
    loss: Callable[[Network], Callable[[Network, Batch], tuple[Tensor, Mapping[str, float]]]]
    model: Callable[[Network], Model]


def train_cells(
    config: CellTraining,
    sources: TileSources[CellTiles],
    kind: NetworkKind[Network, CellBatch, CellModel],
    watcher: Watcher,
) -> RunFolder:
    """Train the cell model, or go on where the run was stopped.

    Raises:
        DatasetError: as :class:`TileSources`.
        ModelError: ``weights-missing``, ``weights-differ``, ``checkpoint-unreadable``, ``checkpoint-differs``.
        SettingsError: ``no-such-device``, ``run-differs``.
    """
    run = _prepared(config)
    tiles = CellMixture(sources.to_train_on(config))
    a = config.augmentation
    batches = CellBatches(
        tiles, config.batch, config.seed, config.crops, a.fours, a.mosaics, a.cutmixes, a.leaning, a.degrees, a.scale,
        Look(a.stain, a.colour, a.blurred, a.noisy, a.compressed),
    )  # fmt: skip
    steps = config.steps or math.ceil(config.epochs * len(tiles) / config.batch)
    seen = _chosen(sources.to_validate_on(config), config.judge_tiles)
    judge = (lambda network: judge_cells(kind.model(network), seen)) if seen else None
    _fit(config, run, kind, batches, recipe=_recipe(config, steps), watcher=Recorder(run, watcher), judge=judge)
    return run


def train_roi(
    config: RoiTraining,
    sources: TileSources[RegionTiles],
    kind: NetworkKind[Network, RegionBatch, RoiModel],
    watcher: Watcher,
) -> RunFolder:
    """Train the ROI model, or go on where the run was stopped; raises as :func:`train_cells`."""
    run = _prepared(config)
    tiles = RegionMixture(sources.to_train_on(config))
    a = config.augmentation
    # Blur is what makes some tiles unfit, so it is no augmentation here.
    look = Look(a.stain, a.colour, 0.0, a.noisy, a.compressed)
    batches = RegionBatches(tiles, config.batch, config.seed, config.fit_share, look)
    # An epoch shows each unfit tile once, and the fit ones as often as their share asks for.
    shown = (len(tiles) - tiles.fit_tiles) / (1 - config.fit_share)
    steps = config.steps or math.ceil(config.epochs * shown / config.batch)
    seen = _chosen(sources.to_validate_on(config), config.judge_tiles)
    judge = (lambda network: judge_regions(kind.model(network), seen, config.recall_floor)) if seen else None
    _fit(config, run, kind, batches, recipe=_recipe(config, steps), watcher=Recorder(run, watcher), judge=judge)
    return run


def chosen_device(name: str) -> torch.device:
    """The device of a name; ``auto`` is the first GPU where there is one.

    Raises:
        SettingsError: ``no-such-device``.
    """
    try:
        device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise SettingsError("no-such-device", f"device {name!r} is not here: {str(error).splitlines()[0]}") from error
    return device


def _prepared(config: Training) -> RunFolder:
    run = RunFolder(config.out)
    run.configure(config)
    torch.set_num_threads(config.threads or os.cpu_count() or 1)
    cv2.setNumThreads(1)
    return run


def _recipe(config: CellTraining | RoiTraining, steps: int) -> Recipe:
    c = config
    return Recipe(
        steps, c.learning_rate, c.schedule, c.weight_decay, c.warmup, c.average_decay, c.save_every, c.judge_every,
        c.report_every,
    )  # fmt: skip


def _chosen(tiles: Tiles | None, most: int) -> Tiles | None:
    return None if tiles is None else tiles.picked(evenly(len(tiles), most))


def _fit(
    config: Training,
    run: RunFolder,
    kind: NetworkKind[Network, Batch, Model],
    batches: Callable[[int], Batch],
    *,
    recipe: Recipe,
    watcher: Watcher,
    judge: Callable[[Network], Judgement] | None,
) -> None:
    device = chosen_device(config.device)
    torch.manual_seed(config.seed)
    begin = None if run.begun else config.start
    network = (_begun(begin, kind, batches, recipe.steps) if begin else kind.new()).to(device)
    fit(network, kind.loss(network), batches, recipe=recipe, run=run, watcher=watcher, judge=judge)


def _begun(
    start: Path, kind: NetworkKind[Network, Batch, Model], batches: Callable[[int], Batch], steps: int
) -> Network:
    weights = read_weights(start)
    # Batches beyond the last are like those of the training and never come in it.
    pictures = [_inputs(batches(steps + extra)[0]) for extra in range(STARTING_BATCHES)]
    try:
        return kind.begun(weights, pictures)
    except RuntimeError as error:
        message = f"{start} has the parameters of another network: {str(error)[:300]}"
        raise ModelError("weights-differ", message) from error


def _inputs(pictures: np.ndarray) -> Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(255)
