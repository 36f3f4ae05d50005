"""What is labelled already, or with an expert at the moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from marrowcount.active_learning import held_out
from marrowcount.cytology.cell_types import CellType
from marrowcount.main.active_looking import Excluded
from marrowcount_adapters.dataset_store import open_dataset
from marrowcount_adapters.labelling_rounds import read_selection
from marrowcount_adapters.training.sources import CELLS
from marrowcount_adapters.training.tiles import PICTURES, CellTiles

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Known", "trained_on", "under_way"]


@dataclass(frozen=True, slots=True)
class Known:
    """What is labelled already.

    Attributes:
        labels: objects of each class that are trained on, (19,).
        excluded: tiles that need no labelling, or must not be trained on.
        said: each data set, for the record.
    """

    labels: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(CellType)))
    excluded: Excluded = field(default_factory=Excluded)
    said: tuple[str, ...] = ()

    def and_also(self, other: Known) -> Known:
        """Both."""
        a, b = self.excluded, other.excluded
        excluded = Excluded(a.names | b.names, a.digests | b.digests, a.held_out | b.held_out)
        return Known(self.labels + other.labels, excluded, self.said + other.said)


def trained_on(folder: Path) -> Known:
    """A data set's labels for training, and what it keeps for validation and test; or a store of phantom tiles.

    Raises:
        DatasetError: the data set cannot be read.
    """
    store = folder / CELLS.folder
    if (store / PICTURES).is_file():
        objects = CellTiles.open(store).objects[:, 1]
        return Known(
            np.bincount(objects[objects >= 0].astype(int), minlength=len(CellType)).astype(float), said=(str(store),)
        )
    source = open_dataset(folder)
    dataset = source.dataset
    kept = held_out(dataset)
    labels = np.zeros(len(CellType))
    for example in dataset.examples:
        for one in example.objects or () if ("picture", example.digest) not in kept else ():
            if one.cell_type is not None:
                labels[one.cell_type] += 1
    boxed = [example for example in dataset.examples if example.objects is not None]
    excluded = Excluded(frozenset(one.name for one in boxed), frozenset(one.digest for one in boxed), kept)
    return Known(labels, excluded, (f"{dataset.name} {source.examples_sha256}",))


def under_way(folder: Path) -> Known:
    """What a selection holds, which is with an expert still.

    Raises:
        DatasetError: ``selection-missing``, ``selection-malformed``.
    """
    chosen = read_selection(folder).chosen
    return Known(excluded=Excluded(frozenset(one.name for one in chosen), frozenset(one.digest for one in chosen)))
