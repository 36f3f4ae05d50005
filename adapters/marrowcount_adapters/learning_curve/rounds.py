"""One round as JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from marrowcount.active_learning import Action, StudyRound
from marrowcount.cytology.cell_types import CellType
from marrowcount.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_round", "round_content", "write_round"]


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    arm: str
    number: int
    tiles: int
    labels: dict[str, int]
    average_precision: dict[str, float | None]
    mean: float | None
    low: float | None
    high: float | None
    actions: dict[Action, int]


def round_content(one: StudyRound) -> dict[str, Any]:
    """A round as JSON knows it: classes by name, null for what does not exist."""
    return {
        "arm": one.arm,
        "number": one.number,
        "tiles": one.tiles,
        "labels": {kind.label: count for kind, count in one.labels.items()},
        "average_precision": {kind.label: _known(value) for kind, value in one.average_precision.items()},
        "mean": _known(one.mean),
        "low": _known(one.low),
        "high": _known(one.high),
        "actions": {str(action): count for action, count in one.actions.items()},
    }


def write_round(path: Path, one: StudyRound) -> None:
    """Write a round beside, then in its place."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(_Line(**round_content(one)).model_dump_json(indent=1) + "\n", encoding="utf-8")
    partial.replace(path)


def read_round(path: Path) -> StudyRound:
    """A round that was done.

    Raises:
        DatasetError: ``round-malformed``.
        OSError: the file cannot be read.
    """
    try:
        line = _Line.model_validate_json(path.read_bytes())
        labels = {CellType.from_label(name): count for name, count in line.labels.items()}
        average_precision = {
            CellType.from_label(name): _figure(value) for name, value in line.average_precision.items()
        }
    except ValueError as error:
        raise DatasetError(
            "round-malformed", f"{path}: {str(error)[:200]}; remove it, and the round is done again"
        ) from error
    mean, low, high = (_figure(value) for value in (line.mean, line.low, line.high))
    return StudyRound(line.arm, line.number, line.tiles, labels, average_precision, mean, low, high, line.actions)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 5)


def _figure(value: float | None) -> float:
    return math.nan if value is None else value
