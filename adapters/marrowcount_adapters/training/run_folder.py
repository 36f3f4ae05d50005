"""The folder of a run: its configuration, log, checkpoint, best model and validation curve."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import ValidationError

from marrowcount.errors import ModelError, SettingsError
from marrowcount_adapters.training.checkpoints import (
    BEST_FILE,
    CHECKPOINT_FILE,
    Checkpoint,
    read_checkpoint,
    replaced,
    write_checkpoint,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import torch
    from torch import nn

    from marrowcount_adapters.training.config import Training

__all__ = ["CONFIG_FILE", "CURVE_FILE", "LOG_FILE", "RunFolder"]

Asked = TypeVar("Asked", bound="Training")

CONFIG_FILE: Final = "config.json"
LOG_FILE: Final = "log.jsonl"
CURVE_FILE: Final = "validation.png"

FREE_KEYS: Final = frozenset({"out", "device", "threads", "cache", "save_every", "report_every", "start"})
"""What may change between a run and its going on: nothing of it decides what is learnt."""


class RunFolder:
    """A run on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def begun(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        return (self.path / CHECKPOINT_FILE).is_file()

    def configure(self, config: Training) -> None:
        """Write down what is asked; a run that was begun must be asked the same.

        Raises:
            SettingsError: ``run-differs``, names the keys that differ.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        asked = config.model_dump(mode="json")
        path = self.path / CONFIG_FILE
        if self.begun and path.is_file():
            before = self.configured(type(config)).model_dump(mode="json")
            differing = sorted(key for key in asked if asked[key] != before[key])
            if set(differing) - FREE_KEYS:
                raise SettingsError(
                    "run-differs",
                    f"{self.path} was begun with other values of {', '.join(differing)}; go on with the same ones, or "
                    "begin another run with --start and this folder",
                )
        partial = self.path / f".{CONFIG_FILE}.partial"
        partial.write_text(json.dumps(asked, indent=2) + "\n", encoding="utf-8")
        partial.replace(path)

    def configured(self, kind: type[Asked]) -> Asked:
        """What the run was begun with; keys that did not exist then have their defaults.

        Raises:
            SettingsError: ``run-differs``: of another task.
        """
        path = self.path / CONFIG_FILE
        try:
            return kind.model_validate_json(path.read_text(encoding="utf-8"))
        except ValidationError as error:
            message = f"{path} is of another version or task; begin another run with --start and this folder"
            raise SettingsError("run-differs", message) from error

    def resumed(self, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer) -> Checkpoint:
        """Put the last checkpoint's state into all three; a new run stays as it is.

        Raises:
            ModelError: ``checkpoint-unreadable``, ``checkpoint-differs``: of another network.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        path = self.path / CHECKPOINT_FILE
        if not path.is_file():
            self._forget_after(0)
            return Checkpoint()
        content = read_checkpoint(path)
        try:
            network.load_state_dict(content["network"])
            average.load_state_dict(content["average"])
            optimizer.load_state_dict(content["optimizer"])
        except (RuntimeError, ValueError) as error:
            raise ModelError("checkpoint-differs", f"{path} is of another network: {str(error)[:200]}") from error
        self._forget_after(int(content["step"]))
        return Checkpoint(int(content["step"]), content.get("best"))

    def save(self, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, state: Checkpoint) -> None:
        """Replace the checkpoint."""
        write_checkpoint(self.path / CHECKPOINT_FILE, network, average, optimizer, state)

    def keep(self, average: nn.Module) -> None:
        """Replace the best model."""
        replaced(self.path / BEST_FILE, average.state_dict())

    def log(self, kind: str, step: int, figures: Mapping[str, float | bool]) -> None:
        """Add a line to the log."""
        with (self.path / LOG_FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, "step": step, **figures}) + "\n")

    def logged(self) -> Iterator[dict[str, float | str]]:
        """The lines of the log; one that was cut off by a crash is left out."""
        path = self.path / LOG_FILE
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
            if line.endswith("}"):
                yield json.loads(line)

    def _forget_after(self, step: int) -> None:
        """Drop from the log what was done after the checkpoint and will be done again."""
        kept = [json.dumps(line) + "\n" for line in self.logged() if int(line["step"]) <= step]
        partial = self.path / f".{LOG_FILE}.partial"
        partial.write_text("".join(kept), encoding="utf-8")
        partial.replace(self.path / LOG_FILE)
