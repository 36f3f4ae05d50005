"""Cross-validation by patient (Tayebi 2022): each fold trained and measured for itself, then mean and spread."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Final, TypeVar

from marrowcount.errors import SettingsError
from marrowcount.evaluation.regions import spread_of
from marrowcount_adapters.training.config import Training

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from marrowcount.evaluation.regions import FoldSpread

__all__ = ["REPORT_JSON", "REPORT_MARKDOWN", "crossvalidated"]

RESULT_FILE: Final = "result.json"
REPORT_JSON: Final = "crossvalidation.json"
REPORT_MARKDOWN: Final = "crossvalidation.md"

Asked = TypeVar("Asked", bound=Training)


def crossvalidated(
    config: Asked, folds: int, fold: Callable[[Asked, int], Mapping[str, float]]
) -> Mapping[str, FoldSpread]:
    """Mean and spread of each figure over the folds; leaves a report in the folder of the run.

    A fold that was finished is not done again, one that was stopped is gone on with.

    Args:
        config: of every fold's training; its folder holds ``fold-1`` and so on.
        folds: how many.
        fold: trains and measures a fold, counted from 1, by a configuration whose folder is the fold's.

    Raises:
        SettingsError: ``wrong-setting``: the configuration names validation data, which the folds choose themselves.
    """
    if config.validation:
        raise SettingsError("wrong-setting", "validation: each fold validates on its own patients; leave it out")
    results = [_result(config, number, fold) for number in range(1, folds + 1)]
    names = sorted({name for result in results for name in result}, key=_means_first)
    spreads = {name: spread_of(result.get(name, math.nan) for result in results) for name in names}
    _written(config.out / REPORT_JSON, json.dumps(_as_json(results, spreads), indent=1) + "\n")
    _written(config.out / REPORT_MARKDOWN, "\n".join(_markdown(config, results, spreads)) + "\n")
    return spreads


def _result(config: Asked, number: int, fold: Callable[[Asked, int], Mapping[str, float]]) -> Mapping[str, float]:
    folder = config.out / f"fold-{number}"
    path = folder / RESULT_FILE
    if path.is_file():
        kept: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
        return kept
    cache = config.cache or config.out / "tiles"
    result = fold(config.model_copy(update={"out": folder, "cache": cache}), number)
    _written(path, json.dumps(dict(result), indent=1) + "\n")
    return result


def _means_first(name: str) -> tuple[bool, str]:
    return "/" in name, name


def _as_json(results: Sequence[Mapping[str, float]], spreads: Mapping[str, FoldSpread]) -> dict[str, object]:
    over = {
        name: {"mean": _number(s.mean), "deviation": _number(s.deviation), "folds": s.folds}
        for name, s in spreads.items()
    }
    return {"folds": [dict(result) for result in results], "over_folds": over}


def _number(value: float) -> float | None:
    """JSON knows no NaN."""
    return None if math.isnan(value) else round(value, 4)


def _markdown(
    config: Training, results: Sequence[Mapping[str, float]], spreads: Mapping[str, FoldSpread]
) -> Iterator[str]:
    folders = ", ".join(folder.name for source in config.data for folder in source.folders)
    yield "# Cross-validation"
    yield ""
    yield f"{len(results)} folds by patient on {folders}, seed {config.seed}; mean and standard deviation over folds."
    yield ""
    yield "| measure | mean | deviation | " + " | ".join(f"fold {n}" for n in range(1, len(results) + 1)) + " |"
    yield "|---|---|---|" + "---|" * len(results)
    for name, spread in spreads.items():
        values = " | ".join(_shown(result.get(name, math.nan)) for result in results)
        yield f"| {name.replace('_', ' ')} | {_shown(spread.mean)} | {_shown(spread.deviation)} | {values} |"


def _shown(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4g}"


def _written(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
