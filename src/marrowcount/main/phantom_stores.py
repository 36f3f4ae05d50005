"""``marrowcount train phantom``: tiles of drawn slides, kept to train and to measure on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marrowcount.errors import DatasetError
from marrowcount.main.progress import progress_bar
from marrowcount.phantom import PROFILES
from marrowcount_adapters.training.phantom_tiles import write_stores

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

__all__ = ["draw_stores"]


def draw_stores(out: Path, seeds: tuple[int, int], size_px: int, unfit: int | None, console: Console) -> None:
    """Draw a slide of each profile for each seed, and keep its tiles.

    Raises:
        DatasetError: ``dataset-exists``: the folder is there already.
    """
    if out.exists():
        raise DatasetError("dataset-exists", f"{out} exists already; name another folder or remove it")
    slides = [(profile, seed) for seed in range(seeds[0], seeds[1] + 1) for profile in PROFILES]
    with progress_bar(console) as bar:
        write_stores(out, bar.track(slides, description="slides"), len(slides), size_px, unfit)
    console.print(f"written to {out}")
