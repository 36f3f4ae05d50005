"""One training loop for both networks: AdamW, warm-up, averaged weights, validation, checkpoints to go on from.

Step ``n`` depends on the state after step ``n - 1`` and on batch ``n`` alone. A run that was killed goes on from its
last checkpoint, and on a CPU ends with the same weights, to the bit, as one that was not.
"""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias, TypeVar

import torch

from marrowcount_adapters.training.batches import ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor, nn

    from marrowcount_adapters.training.checkpoints import Checkpoint
    from marrowcount_adapters.training.run_folder import RunFolder

__all__ = ["Judgement", "Recipe", "Watcher", "fit"]

Network = TypeVar("Network", bound="nn.Module")
Batch = TypeVar("Batch")
Report: TypeAlias = "Mapping[str, float]"

GRADIENT_LIMIT: Final = 10.0
LAST_RATE: Final = 0.01
"""Where the cosine ends, in parts of the learning rate."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Attributes:
        steps: batches to learn from.
        learning_rate: at its peak, after ``warmup`` steps.
        schedule: ``cosine``: then it falls along a cosine to a hundredth; ``constant``: it stays.
        weight_decay: of the weights; biases and batch norms do not decay.
        warmup: steps in which the rate rises.
        average_decay: of the running mean of the weights (EMA), reached after some multiples of ``warmup``.
        save_every: steps between checkpoints.
        judge_every: steps between validations.
        report_every: steps between reports.
    """

    steps: int
    learning_rate: float
    schedule: Literal["cosine", "constant"] = "cosine"
    weight_decay: float = 5e-4
    warmup: int = 100
    average_decay: float = 0.998
    save_every: int = 50
    judge_every: int = 500
    report_every: int = 25


@dataclass(frozen=True, slots=True)
class Judgement:
    """What validation says of a model.

    Attributes:
        score: the model with the highest is kept.
        figures: measured, by name.
    """

    score: float
    figures: Report = field(default_factory=dict)


class Watcher(Protocol):
    """Hears how training goes."""

    def began(self, step: int, steps: int) -> None:
        """So many steps of so many are done already."""
        ...

    def stepped(self, step: int, report: Report) -> None:
        """So many steps are done; figures of the last batch."""
        ...

    def judged(self, step: int, judgement: Judgement, *, best: bool) -> None:
        """After so many steps the model was validated; whether it is the best so far."""
        ...


def fit(
    network: Network,
    loss_of: Callable[[Network, Batch], tuple[Tensor, Report]],
    batch_of: Callable[[int], Batch],
    *,
    recipe: Recipe,
    run: RunFolder,
    watcher: Watcher,
    judge: Callable[[Network], Judgement] | None = None,
) -> Network:
    """Train a network in place; a copy with the running mean of its weights, in inference mode.

    Args:
        network: in training mode, on its device.
        loss_of: a batch's loss, and figures to report.
        batch_of: the batch of a step, made in a thread beside.
        recipe: how.
        run: where checkpoints are kept; one that is there is gone on from.
        watcher: told of each ``report_every``-th step and of validations.
        judge: validates the averaged network, in inference mode; without it, the last one is kept.
    """
    average = deepcopy(network).requires_grad_(requires_grad=False).eval()
    optimizer = torch.optim.AdamW(_groups(network, recipe.weight_decay), lr=recipe.learning_rate)
    state = run.resumed(network, average, optimizer)
    watcher.began(state.step, recipe.steps)
    for step, batch in enumerate(ahead(batch_of, state.step, recipe.steps), start=state.step):
        _set_rate(optimizer, recipe.learning_rate * _schedule(step, recipe))
        loss, report = loss_of(network, batch)
        _descend(network, optimizer, loss)
        _follow(average, network, recipe.average_decay * (1 - math.exp(-(step + 1) / (3 * max(1, recipe.warmup)))))
        state, last = state.at(step + 1), step + 1 == recipe.steps
        if state.step % recipe.report_every == 0 or last:
            watcher.stepped(state.step, report)
        if judge and (state.step % recipe.judge_every == 0 or last):
            state = _judged(average, judge(average), state, run, watcher)
        if state.step % recipe.save_every == 0 or last:
            run.save(network, average, optimizer, state)
    if judge is None:
        run.keep(average)
    return average


def _judged(
    average: nn.Module, judgement: Judgement, state: Checkpoint, run: RunFolder, watcher: Watcher
) -> Checkpoint:
    # Of two that are as good on the few tiles of a validation the later one learnt longer, at a lower rate.
    best = state.best is None or judgement.score >= state.best
    if best:
        run.keep(average)
    watcher.judged(state.step, judgement, best=best)
    return state.with_best(judgement.score) if best else state


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
    if recipe.schedule == "constant":
        return 1.0
    done = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return LAST_RATE + (1 - LAST_RATE) * (1 + math.cos(math.pi * done)) / 2


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    present = network.state_dict()
    for name, value in average.state_dict().items():
        if value.is_floating_point():
            value.lerp_(present[name], 1 - decay)
        else:
            value.copy_(present[name])
