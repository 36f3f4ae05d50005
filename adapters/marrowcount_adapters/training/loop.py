"""One training loop for both networks: AdamW, warm-up and cosine, averaged weights, checkpoints to go on from."""

from __future__ import annotations

import math
import time
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import structlog
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from torch import Tensor, nn

__all__ = ["Recipe", "fit"]

log = structlog.get_logger()

Network = TypeVar("Network", bound="nn.Module")
Batch = TypeVar("Batch")
Report: TypeAlias = "Mapping[str, float]"

GRADIENT_LIMIT: Final = 10.0
REPORT_EVERY: Final = 25


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Attributes:
        steps: batches to learn from.
        learning_rate: at its peak, after ``warmup`` steps; then it falls along a cosine to a hundredth.
        weight_decay: of the weights; biases and batch norms do not decay.
        average_decay: of the running mean of the weights (EMA), reached after some multiples of ``warmup``.
        save_every: steps between checkpoints.
    """

    steps: int
    learning_rate: float
    weight_decay: float = 5e-4
    warmup: int = 100
    average_decay: float = 0.998
    save_every: int = 50


def fit(
    network: Network,
    loss_of: Callable[[Network, Batch], tuple[Tensor, Report]],
    batches: Iterator[Batch],
    recipe: Recipe,
    checkpoint: Path,
) -> Network:
    """Train a network in place; a copy with the running mean of its weights, in inference mode.

    Args:
        network: in training mode, on its device.
        loss_of: a batch's loss, and figures to report.
        batches: as ``loss_of`` takes them.
        recipe: how.
        checkpoint: written every ``save_every`` steps; a run that finds it goes on from there.
    """
    average = deepcopy(network).requires_grad_(requires_grad=False)
    optimizer = torch.optim.AdamW(_groups(network, recipe.weight_decay), lr=recipe.learning_rate)
    first, since = _resumed(checkpoint, network, average, optimizer), time.monotonic()
    for step in range(first, recipe.steps):
        _set_rate(optimizer, recipe.learning_rate * _schedule(step, recipe))
        loss, report = loss_of(network, next(batches))
        _descend(network, optimizer, loss)
        _follow(average, network, recipe.average_decay * (1 - math.exp(-(step + 1) / (3 * recipe.warmup))))
        if step % REPORT_EVERY == 0:
            log.info("training.step", step=step, of=recipe.steps, s=round(time.monotonic() - since), **report)
        if (step + 1) % recipe.save_every == 0 or step + 1 == recipe.steps:
            _save(checkpoint, network, average, optimizer, step + 1)
    return average.eval()


def _groups(network: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in learning if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _descend(network: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call] # torch's stub
    torch.nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_LIMIT)
    optimizer.step()


def _schedule(step: int, recipe: Recipe) -> float:
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    done = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    present = network.state_dict()
    for name, value in average.state_dict().items():
        if value.is_floating_point():
            value.lerp_(present[name], 1 - decay)
        else:
            value.copy_(present[name])


def _save(path: Path, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
    state = {
        "network": network.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
    }
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def _resumed(path: Path, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    network.load_state_dict(state["network"])
    average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])
