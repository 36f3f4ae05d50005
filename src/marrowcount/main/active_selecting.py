"""``marrowcount active select``: look at the pool, choose, store what was chosen and why."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from typing import TYPE_CHECKING, Final

from marrowcount.active_learning import UnlabelledPictures, choose
from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import Example
from marrowcount.errors import DatasetError, SettingsError
from marrowcount.main.active_knowing import Known, trained_on, under_way
from marrowcount.main.active_looking import Eye, load_cell_model, look_at
from marrowcount.main.active_pools import CountedSlides, JoinedPools
from marrowcount_adapters.dataset_store import DatasetWriter, open_dataset
from marrowcount_adapters.labelling_rounds import (
    CANDIDATES_FILE,
    SELECTION_FILE,
    BoxedLine,
    ChosenLine,
    ModelLine,
    SelectionFile,
    write_candidates,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

    from marrowcount.active_learning import Asked, Candidate, Chosen, Strategy, TilePool
    from marrowcount.main.active_looking import LookedAt
    from marrowcount.main.active_pools import CountedFolders
    from marrowcount.result import ModelIdentity

__all__ = ["SelectRequest", "run_selection"]

SHOWN: Final = 5
"""Chosen tiles of each strategy that are told on the screen."""


@dataclass(frozen=True, slots=True)
class SelectRequest:
    """What is asked.

    Attributes:
        out: folder of the selection.
        slides: counted slides to choose from.
        pools: data sets to choose from.
        training: data sets, or stores of phantom tiles, whose labels there are already.
        without: selections that are under way: what they hold is not chosen again.
        model: folder of a packaged cell model; None for the bundled one.
        least_probability: from which finds are taken into account.
        threads: of one inference.
        asked: how many tiles, and how.
    """

    out: Path
    slides: Sequence[CountedFolders]
    pools: Sequence[Path]
    training: Sequence[Path]
    without: Sequence[Path]
    model: Path | None
    least_probability: float
    threads: int
    asked: Asked


def run_selection(request: SelectRequest, console: Console) -> SelectionFile:
    """Choose tiles and store them.

    Raises:
        DatasetError: ``selection-exists``, ``nothing-to-choose-from``, and those of pools, data sets and pictures.
        ModelError: the model cannot be loaded.
        SettingsError: ``wrong-setting``.
        SlideError: a slide cannot be opened.
    """
    if request.out.exists():
        raise DatasetError("selection-exists", f"{request.out} exists already; name another folder or remove it")
    known = reduce(Known.and_also, [*map(trained_on, request.training), *map(under_way, request.without)], Known())
    model, threshold = load_cell_model(request.model, request.least_probability, request.threads)
    with _Pool(request) as pool:
        seen = look_at(pool, Eye(model, threshold, request.asked.views), known.excluded, console)
        if not seen.candidates:
            raise DatasetError("nothing-to-choose-from", f"no tile of the pool is left to choose from: {seen.left_out}")
        chosen, scores = choose(seen.candidates, known.labels, request.asked)
        content = _content(request, known, model.identity, seen, chosen)
        _store(request, pool, content, _Choice(seen.candidates, chosen, scores))
    _tell(content, request, console)
    return content


@dataclass(frozen=True, slots=True)
class _Choice:
    """All candidates, those that were chosen, and what each strategy gave to every one."""

    candidates: Sequence[Candidate]
    chosen: Sequence[Chosen]
    scores: Mapping[Strategy, NDArray[np.float64]]


def _store(request: SelectRequest, pool: TilePool, content: SelectionFile, choice: _Choice) -> None:
    """Write the selection's folder, which appears when it is whole."""
    partial = request.out.with_name(f".{request.out.name}.partial")
    whole = partial / request.out.name
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _write_pictures(whole, pool, [choice.candidates[one.place] for one in choice.chosen], content, request)
        written(whole / SELECTION_FILE, content.model_dump_json(indent=1, by_alias=True) + "\n")
        order = {one.place: number for number, one in enumerate(choice.chosen, 1)}
        write_candidates(whole / CANDIDATES_FILE, choice.candidates, choice.scores, order)
        whole.rename(request.out)
    except OSError as error:
        raise DatasetError("dataset-unwritable", f"{request.out} cannot be written: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


class _Pool(JoinedPools):
    """All that a request chooses from; a context that closes the slides."""

    def __init__(self, request: SelectRequest) -> None:
        if not (request.slides or request.pools):
            raise SettingsError("wrong-setting", "there is nothing to choose from: give --slide or --pool")
        self._slides = CountedSlides(request.slides)
        super().__init__([self._slides, *(UnlabelledPictures(open_dataset(folder)) for folder in request.pools)])

    def __enter__(self) -> TilePool:
        return self

    def __exit__(self, *_: object) -> None:
        self._slides.close()


def _content(
    request: SelectRequest, known: Known, model: ModelIdentity, seen: LookedAt, chosen: Sequence[Chosen]
) -> SelectionFile:
    asked = request.asked
    lines = [_line(seen.candidates[one.place], one, asked.threshold) for one in chosen]
    return SelectionFile(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        model=ModelLine.of(model).model_copy(update={"threshold": asked.threshold}),
        asked_tiles=asked.tiles,
        strategies=dict(asked.strategies),
        views=asked.views,
        least_probability=request.least_probability,
        spread=asked.spread,
        seed=asked.seed,
        pool=(*(str(one.slide.name) for one in request.slides), *(folder.name for folder in request.pools)),
        looked_at=len(seen.candidates),
        left_out=dict(seen.left_out),
        training=known.said,
        labels={kind.label: int(known.labels[kind]) for kind in CellType},
        chosen=tuple(lines),
    )


def _line(candidate: Candidate, one: Chosen, threshold: float) -> ChosenLine:
    place = candidate.tile.place
    return ChosenLine(
        name=candidate.tile.name,
        digest=candidate.digest,
        strategy=one.strategy,
        gain=one.gain,
        scores=dict(one.scores),
        why=one.why,
        row=place.row if place else None,
        column=place.column if place else None,
        prelabels=tuple(BoxedLine.of(found) for found in candidate.prelabels(threshold)),
    )


def _write_pictures(
    folder: Path, pool: TilePool, chosen: Sequence[Candidate], content: SelectionFile, request: SelectRequest
) -> None:
    """A data set of the chosen pictures, which nobody labelled yet."""
    sources = [open_dataset(pool_folder).dataset for pool_folder in request.pools]
    source = "; ".join(
        dict.fromkeys([*(one.source for one in sources), *(("counted slides",) if request.slides else ())])
    )
    licence = "; ".join(dict.fromkeys(one.licence for one in sources if one.licence))
    by_slide = sorted(chosen, key=lambda one: (one.tile.group, one.tile.name))
    with DatasetWriter(folder, request.out.name, source, licence) as writer:
        for one in by_slide:
            tile = one.tile
            example = Example(
                tile.name, "", tile.size, fit=True, um_per_px=tile.um_per_px, patient=tile.patient, group=tile.group
            )
            writer.add(pool.read(tile), example)
        history = [line for dataset in sources for line in dataset.history]
        strategies = ", ".join(f"{name} {weight:g}" for name, weight in content.strategies.items())
        writer.finish(
            [*history, f"{len(chosen)} of {content.looked_at} tiles chosen by {strategies}, seed {content.seed}"]
        )


def _tell(content: SelectionFile, request: SelectRequest, console: Console) -> None:
    for strategy in content.strategies:
        lines = [one for one in content.chosen if one.strategy is strategy]
        console.print(f"{strategy}: {len(lines)} tiles", highlight=False)
        for one in lines[:SHOWN]:
            console.print(f"  {one.name}: {one.why}", highlight=False, markup=False, soft_wrap=True)
    for why, count in content.left_out.items():
        console.print(f"left out: {count} tiles, {why}", highlight=False)
    if len(content.chosen) < content.asked_tiles:
        console.print(
            f"only {len(content.chosen)} of {content.asked_tiles} tiles asked for: what is left lies beside, or looks "
            "like, what was chosen",
            highlight=False,
        )
    console.print(f"written to {request.out}", soft_wrap=True)
