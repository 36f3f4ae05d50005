"""Where a model comes from, in one sentence for people, put together from what it was trained and measured on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marrowcount.datasets import Split
from marrowcount_adapters.dataset_store import open_dataset
from marrowcount_adapters.training.sources import tiles_in_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from marrowcount_adapters.training.config import DataSource

__all__ = ["measured_on", "training_data_of"]


def training_data_of(data: Iterable[DataSource], start: Path | None, task: str) -> str:
    """Which data sets with how many pictures under which licence, and whether the phantom; from which weights."""
    named = "; ".join(_named(folders_of(data), Split.TRAIN, task))
    begin = f"the weights of {start.name}" if start else "random weights"
    return f"Trained on {named}; from {begin}; never tested on marrow of patients."


def measured_on(source: DataSource, task: str) -> str:
    """Likewise."""
    return "; ".join(_named(source.folders, Split.TEST, task))


def folders_of(data: Iterable[DataSource]) -> list[Path]:
    """All folders of several sources."""
    return [folder for source in data for folder in source.folders]


def _named(folders: Iterable[Path], split: Split, task: str) -> Iterator[str]:
    counts = {folder: tiles_in_store(folder, task) for folder in folders}
    drawn = [count for count in counts.values() if count is not None]
    if drawn:
        yield f"marrowcount's digital phantom, drawn smears of known truth ({sum(drawn)} tiles)"
    for folder, count_in_store in counts.items():
        if count_in_store is None:
            dataset = open_dataset(folder).dataset
            count = sum(1 for _ in dataset.of(split))
            licence = f"licence {dataset.licence}" if dataset.licence else "licence not stated"
            yield f"the data set {dataset.name} ({count} pictures of its {split} split; {licence})"
