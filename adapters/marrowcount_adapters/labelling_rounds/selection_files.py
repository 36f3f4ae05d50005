"""What was chosen, and why."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field

from marrowcount.active_learning import Strategy  # noqa: TC001 - pydantic reads the annotations
from marrowcount_adapters.labelling_rounds.files import Stored, read_file, written
from marrowcount_adapters.labelling_rounds.lines import BoxedLine, Digest, ModelLine  # noqa: TC001 - pydantic reads the annotations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from marrowcount.active_learning import Candidate

__all__ = ["CANDIDATES_FILE", "SELECTION_FILE", "ChosenLine", "SelectionFile", "read_selection", "write_candidates"]

SELECTION_FILE: Final = "selection.json"
CANDIDATES_FILE: Final = "candidates.csv"
ADVICE: Final = "give a folder that `marrowcount active select` wrote"


class ChosenLine(Stored):
    """A tile that was chosen.

    Attributes:
        name: of its example.
        digest: of its pixels.
        strategy: that chose it.
        gain: of that strategy when it was chosen.
        scores: what each strategy gave it before anything was chosen.
        why: in words.
        row: on its slide, with ``column``; None where that is not known.
        prelabels: what the model finds on it.
    """

    name: str
    digest: Digest
    strategy: Strategy
    gain: float
    scores: dict[Strategy, float]
    why: str
    row: int | None = None
    column: int | None = None
    prelabels: tuple[BoxedLine, ...]


class SelectionFile(Stored):
    """What ``selection.json`` holds.

    Attributes:
        made_at: ISO 8601.
        asked_tiles: how many were to be chosen.
        strategies: with their weights.
        pool: where from, for people.
        looked_at: tiles that the model looked at.
        left_out: tiles that it did not, by reason.
        training: data sets whose labels were counted, by the SHA-256 of their examples, or the folder of a store.
        labels: labelled objects of each class in them.
    """

    version: Literal[1] = 1
    made_at: str
    model: ModelLine
    asked_tiles: int = Field(ge=1)
    strategies: dict[Strategy, float]
    views: int = Field(ge=1)
    least_probability: float
    spread: float
    seed: int
    pool: tuple[str, ...]
    looked_at: int
    left_out: dict[str, int]
    training: tuple[str, ...]
    labels: dict[str, int]
    chosen: tuple[ChosenLine, ...]


def read_selection(folder: Path) -> SelectionFile:
    """Read a selection.

    Raises:
        DatasetError: ``selection-missing``, ``selection-malformed``.
    """
    return read_file(folder / SELECTION_FILE, SelectionFile, "selection", ADVICE)


def write_candidates(
    path: Path,
    candidates: Sequence[Candidate],
    scores: Mapping[Strategy, NDArray[np.float64]],
    order: Mapping[int, int],
) -> None:
    """Write the table of all tiles that were looked at.

    Args:
        path: of the file.
        candidates: the tiles.
        scores: of each strategy, before anything was chosen, (tiles,).
        order: 1, 2, 3 and so on by the place of each chosen tile.

    Raises:
        DatasetError: ``dataset-unwritable``.
    """
    text = StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["name", "digest", "objects", *scores, "chosen"])
    for place, candidate in enumerate(candidates):
        figures = (f"{values[place]:.6g}" for values in scores.values())
        table.writerow([candidate.tile.name, candidate.digest, len(candidate.objects), *figures, order.get(place, "")])
    written(path, text.getvalue())
