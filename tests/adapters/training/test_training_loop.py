"""The training loop learns, keeps a running mean, validates, and goes on where it was stopped."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from marrowcount.errors import ModelError, SettingsError
from marrowcount_adapters.training.checkpoints import read_checkpoint, read_weights
from marrowcount_adapters.training.config import CellTraining
from marrowcount_adapters.training.loop import Judgement, Recipe, Watcher, fit
from marrowcount_adapters.training.recording import Recorder
from marrowcount_adapters.training.run_folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class Heard(Watcher):
    """Writes down what it hears; may stop a run as Ctrl-C does."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.stop_at = stop_at
        self.begun: list[tuple[int, int]] = []
        self.steps: list[int] = []
        self.judgements: list[tuple[int, float, bool]] = []

    def began(self, step: int, steps: int) -> None:
        self.begun.append((step, steps))

    def stepped(self, step: int, report: Mapping[str, float]) -> None:
        self.steps.append(step)
        assert report["error"] >= 0
        if step == self.stop_at:
            raise KeyboardInterrupt

    def judged(self, step: int, judgement: Judgement, *, best: bool) -> None:
        self.judgements.append((step, judgement.score, best))


def points(step: int) -> tuple[Tensor, Tensor]:
    """Points and their sum."""
    drawn = torch.randn(16, 3, generator=torch.Generator().manual_seed(step))
    return drawn, drawn.sum(dim=1, keepdim=True)


def squared_error(network: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
    error = (network(batch[0]) - batch[1]).square().mean()
    return error, {"error": error.item()}


def fresh() -> nn.Linear:
    torch.manual_seed(3)
    return nn.Linear(3, 1)


def trained(
    folder: Path, recipe: Recipe, watcher: Watcher | None = None, judge: Callable[[nn.Module], Judgement] | None = None
) -> nn.Linear:
    return fit(
        fresh(), squared_error, points, recipe=recipe, run=RunFolder(folder), watcher=watcher or Heard(), judge=judge
    )


def recorded(folder: Path, watcher: Watcher | None = None) -> nn.Linear:
    return trained(folder, SHORT, Recorder(RunFolder(folder), watcher or Heard()), closeness)


def closeness(network: nn.Module) -> Judgement:
    error = float((network(points(10**6)[0]) - points(10**6)[1]).detach().square().mean())
    return Judgement(-error, {"error": error})


SHORT = Recipe(60, 0.01, warmup=5, save_every=20, judge_every=15, report_every=7)


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_network_learns(tmp_path: Path, schedule: str) -> None:
    """After 400 steps the averaged network gives the sum; without validation the last one is kept."""
    recipe = Recipe(400, 0.05, schedule, weight_decay=0.0, warmup=10, average_decay=0.9)
    average = trained(tmp_path, recipe)
    assert average(torch.tensor([[0.2, 0.3, 0.4]])).item() == pytest.approx(0.9, abs=0.03)
    assert not average.training
    assert torch.equal(read_weights(tmp_path)["weight"], average.weight)


@pytest.mark.parametrize("stop_at", [7, 28, 56])
def test_stopped_run_goes_on_to_the_same_end(tmp_path: Path, stop_at: int) -> None:
    """Stopped before, at or after a checkpoint: the same weights, to the bit, the same best model and the same log."""
    at_once = recorded(tmp_path / "once")
    with pytest.raises(KeyboardInterrupt):
        recorded(tmp_path / "twice", Heard(stop_at))
    heard = Heard()
    resumed = recorded(tmp_path / "twice", heard)
    assert heard.begun == [(stop_at // 20 * 20, 60)]
    assert torch.equal(resumed.weight, at_once.weight)
    for name in ("best.safetensors", "log.jsonl"):
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "twice" / name).read_bytes()


def test_finished_run_is_not_repeated(tmp_path: Path) -> None:
    """A checkpoint at the last step is the result."""
    first, heard = trained(tmp_path, SHORT), Heard()
    assert torch.equal(trained(tmp_path, SHORT, heard).weight, first.weight)
    assert heard.steps == []


@pytest.mark.parametrize(
    ("scores", "best", "kept"),
    [((0.1, 0.5, 0.3, 0.2), (True, True, False, False), 1), ((0.5, 0.5, 0.3, 0.5), (True, True, False, True), 3)],
)
def test_the_best_validated_model_is_kept(
    tmp_path: Path, scores: tuple[float, ...], best: tuple[bool, ...], kept: int
) -> None:
    """The weights of the best validation are kept and told as the best; of equals the later ones."""
    coming = iter(scores)
    weights: list[Tensor] = []

    def judge(network: nn.Module) -> Judgement:
        weights.append(network.weight.clone())
        return Judgement(next(coming), {"score_itself": 0.0})

    heard = Heard()
    trained(tmp_path, SHORT, heard, judge)
    assert heard.judgements == list(zip((15, 30, 45, 60), scores, best, strict=True))
    assert torch.equal(read_weights(tmp_path / "best.safetensors")["weight"], weights[kept])


def test_run_leaves_log_and_curve(tmp_path: Path) -> None:
    """Each reported step and each validation is a line of JSON; the curve is a PNG picture."""
    recorded(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["kind"] == "step"] == [7, 14, 21, 28, 35, 42, 49, 56, 60]
    assert [line["step"] for line in lines if line["kind"] == "validation"] == [15, 30, 45, 60]
    assert (tmp_path / "validation.png").read_bytes().startswith(b"\x89PNG")
    assert not list(tmp_path.glob("*.partial*")) + list(tmp_path.glob(".*partial*"))


def test_a_line_cut_off_by_a_crash_is_left_out(tmp_path: Path) -> None:
    """The log is still read."""
    recorded(tmp_path)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"kind": "step", "st')
    assert len(list(RunFolder(tmp_path).logged())) == 13


@pytest.mark.parametrize(
    "content",
    [b"", b"nothing", pickle.dumps({"network": 1}), pickle.dumps(Heard)],
    ids=["empty", "text", "old", "code"],
)
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    """Damaged, or a pickle that would run code: a coded error that names the file; nothing is executed."""
    path = tmp_path / "run.pt"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"run\.pt") as caught:
        read_checkpoint(path)
    assert caught.value.code == "checkpoint-unreadable"


def test_a_checkpoint_of_another_program_is_refused(tmp_path: Path) -> None:
    """Numbers, but not ours."""
    torch.save({"model": torch.zeros(2)}, tmp_path / "run.pt")
    with pytest.raises(ModelError, match="another program"):
        read_checkpoint(tmp_path / "run.pt")


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    """Other shapes: a coded error."""
    trained(tmp_path, SHORT)
    other = nn.Linear(4, 1)
    with pytest.raises(ModelError) as caught:
        RunFolder(tmp_path).resumed(other, other, torch.optim.AdamW(other.parameters()))
    assert caught.value.code == "checkpoint-differs"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("missing", None, "weights-missing"),
        ("weights.safetensors", pickle.dumps({"a": 1}), "model-not-safetensors"),
        ("weights.pt", pickle.dumps({"a": 1}), "checkpoint-unreadable"),
    ],
)
def test_weights_to_begin_with_are_checked(tmp_path: Path, name: str, content: bytes | None, code: str) -> None:
    """What is not there, and pickles under whatever name, are refused by name."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=name) as caught:
        read_weights(path)
    assert caught.value.code == code


def test_a_run_goes_on_with_what_it_was_begun_with(tmp_path: Path) -> None:
    """Another learning rate is refused by name; another device or cache is not."""
    data = [{"folders": ["somewhere"]}]
    config = CellTraining(out=tmp_path, data=data)
    run = RunFolder(tmp_path)
    run.configure(config)
    trained(tmp_path, SHORT)
    run.configure(config.model_copy(update={"device": "cuda", "cache": tmp_path}))
    with pytest.raises(SettingsError, match="learning_rate") as caught:
        run.configure(CellTraining(out=tmp_path, data=data, learning_rate=0.5))
    assert caught.value.code == "run-differs"
