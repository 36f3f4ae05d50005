"""What the flags of ``marrowcount active select`` ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from marrowcount.active_learning import DEFAULT_STRATEGIES, Asked, Strategy
from marrowcount.errors import SettingsError
from marrowcount.main.active_pools import CountedFolders
from marrowcount.main.active_selecting import SelectRequest
from marrowcount.main.models import bundled_models
from marrowcount.settings import CountSection
from marrowcount.slides.manifest import read_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["counted_folders", "select_request", "strategies_of"]


def select_request(
    *,
    out: Path,
    slides: Sequence[str],
    pools: Sequence[Path],
    training: Sequence[Path],
    without: Sequence[Path],
    tiles: int,
    strategies: Sequence[str],
    model: Path | None,
    views: int,
    least_probability: float,
    spread: float,
    seed: int,
    threads: int,
) -> SelectRequest:
    """The request.

    Raises:
        ModelError: the model has no sound manifest.
        SettingsError: ``wrong-setting``.
    """
    threshold = read_manifest(model or bundled_models() / CountSection().cell_model).threshold
    asked = Asked(tiles, strategies_of(strategies), threshold, seed, views, spread)
    folders = [counted_folders(text) for text in slides]
    return SelectRequest(out, folders, pools, training, without, model, least_probability, threads, asked)


def counted_folders(text: str) -> CountedFolders:
    """``FOLDER=RESULT``.

    Raises:
        SettingsError: ``wrong-setting``.
    """
    slide, separator, result = text.rpartition("=")
    if not (separator and slide and result):
        raise SettingsError("wrong-setting", f"slide = {text!r}: give FOLDER=RESULT, the slide and its counted result")
    return CountedFolders(Path(slide), Path(result))


def strategies_of(texts: Sequence[str]) -> Mapping[Strategy, float]:
    """``NAME`` or ``NAME=WEIGHT`` each; the default without any.

    Raises:
        SettingsError: ``wrong-setting``.
    """
    return dict(_strategy(text) for text in texts) or DEFAULT_STRATEGIES


def _strategy(text: str) -> tuple[Strategy, float]:
    name, separator, weight = text.partition("=")
    try:
        return Strategy(name), float(weight) if separator else 1.0
    except ValueError:
        raise SettingsError(
            "wrong-setting", f"strategy = {text!r}: one of {', '.join(Strategy)}, with =WEIGHT if not 1"
        ) from None
