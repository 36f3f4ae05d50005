"""Parameters on disk: checkpoints to go on from and weights to begin with. Nothing is read that could run code."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from marrowcount.errors import ModelError
from marrowcount.slides.manifest import MANIFEST_FILE, WEIGHTS_FILE, read_manifest, verified_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

__all__ = [
    "BEST_FILE",
    "CHECKPOINT_FILE",
    "Checkpoint",
    "read_checkpoint",
    "read_weights",
    "replaced",
    "write_checkpoint",
]

CHECKPOINT_FILE: Final = "checkpoint.pt"
BEST_FILE: Final = "best.safetensors"
ARCHIVE: Final = b"PK\x03\x04"
PARTS: Final = ("network", "average", "optimizer", "step")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a run has come.

    Attributes:
        step: steps done.
        best: score of the best model so far; None before the first validation.
    """

    step: int = 0
    best: float | None = None

    def at(self, step: int) -> Checkpoint:
        """The same, later."""
        return replace(self, step=step)

    def with_best(self, score: float) -> Checkpoint:
        """The same with a new best model."""
        return replace(self, best=score)


def write_checkpoint(
    path: Path, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, state: Checkpoint
) -> None:
    """Write beside, then replace."""
    content = {
        "network": network.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": state.step,
        "best": state.best,
    }
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        torch.save(content, file)
        # A name must not point to what the disk does not hold yet.
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint of this program, read as numbers only.

    Raises:
        ModelError: ``checkpoint-unreadable``: damaged, or a pickle of something else, which is not opened.
    """
    try:
        _refuse_bare_pickle(path)
        content = torch.load(path, weights_only=True, map_location="cpu")
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, KeyError, ValueError) as error:
        raise ModelError(
            "checkpoint-unreadable", f"{path} is no checkpoint of marrowcount, or damaged: {str(error)[:200]}"
        ) from error
    if not isinstance(content, dict) or not all(part in content for part in PARTS):
        raise ModelError("checkpoint-unreadable", f"{path} does not hold {', '.join(PARTS)}; it is of another program")
    return content


def _refuse_bare_pickle(path: Path) -> None:
    """Checkpoints are archives; a pickle by itself is of another program, or of an attacker."""
    with path.open("rb") as file:
        if file.read(len(ARCHIVE)) != ARCHIVE:
            raise ValueError("it is no archive")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Parameters to begin with.

    Args:
        path: a packaged model, a run folder (its best model, else its last checkpoint's running mean), a checkpoint, or
            a file of safetensors.

    Raises:
        ModelError: ``weights-missing``, ``checkpoint-unreadable``, ``model-not-safetensors``, and those of a manifest.
    """
    if (path / MANIFEST_FILE).is_file():
        return _safetensors(path / WEIGHTS_FILE, verified_bytes(path, read_manifest(path), WEIGHTS_FILE))
    for name in (BEST_FILE, CHECKPOINT_FILE):
        if (path / name).is_file():
            return read_weights(path / name)
    if not path.is_file():
        raise ModelError("weights-missing", f"{path} is no model, run folder, checkpoint or file of safetensors")
    if path.suffix == ".safetensors":
        return _safetensors(path, path.read_bytes())
    weights: dict[str, Tensor] = read_checkpoint(path)["average"]
    return weights


def replaced(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write parameters as safetensors, beside and then in place."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(save({name: value.contiguous() for name, value in weights.items()}))
    partial.replace(path)


def _safetensors(path: Path, data: bytes) -> dict[str, Tensor]:
    try:
        return load(data)
    except SafetensorError as error:
        raise ModelError("model-not-safetensors", f"{path} is not safetensors: {error}") from error
