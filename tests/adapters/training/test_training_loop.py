"""The training loop learns, keeps a running mean, and goes on where it was stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from marrowcount_adapters.training.loop import Recipe, fit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def batches(seed: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
    """Points and their sum."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        points = torch.randn(16, 3, generator=generator)
        yield points, points.sum(dim=1, keepdim=True)


def squared_error(network: nn.Linear, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
    error = (network(batch[0]) - batch[1]).square().mean()
    return error, {"error": error.item()}


def fresh() -> nn.Linear:
    torch.manual_seed(3)
    return nn.Linear(3, 1)


def test_network_learns(tmp_path: Path) -> None:
    """After 400 steps the averaged network gives the sum."""
    recipe = Recipe(400, 0.05, weight_decay=0.0, warmup=10, average_decay=0.9)
    trained = fit(fresh(), squared_error, batches(), recipe, tmp_path / "run.pt")
    assert trained(torch.tensor([[0.2, 0.3, 0.4]])).item() == pytest.approx(0.9, abs=0.02)
    assert not trained.training


def test_stopped_run_goes_on_where_it_was(tmp_path: Path) -> None:
    """Forty steps and then the rest are the same weights as all at once, on the same batches."""
    recipe, at_once, in_two = Recipe(60, 0.01, warmup=5, save_every=40), fresh(), fresh()
    fit(at_once, squared_error, batches(), recipe, tmp_path / "once.pt")

    def first_forty() -> Iterator[tuple[Tensor, Tensor]]:
        for _, batch in zip(range(40), batches(), strict=False):
            yield batch

    with pytest.raises(StopIteration):
        fit(in_two, squared_error, first_forty(), recipe, tmp_path / "two.pt")
    rest = batches()
    for _ in range(40):
        next(rest)
    resumed = fresh()
    fit(resumed, squared_error, rest, recipe, tmp_path / "two.pt")
    assert torch.equal(resumed.weight, at_once.weight)


def test_finished_run_is_not_repeated(tmp_path: Path) -> None:
    """A checkpoint at the last step is the result; no batch is asked for."""
    recipe = Recipe(5, 0.01, warmup=2)
    first = fit(fresh(), squared_error, batches(), recipe, tmp_path / "run.pt")
    second = fit(fresh(), squared_error, iter(()), recipe, tmp_path / "run.pt")
    assert torch.equal(first.weight, second.weight)
