"""One round of the study: look, choose, label by the truth, train on, measure; kept on disk when it is done."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import torch

from marrowcount.active_learning import (
    Asked,
    Candidate,
    Prelabel,
    Strategy,
    StudyRound,
    choose,
    corrections_of,
    counts_of,
    likeness_of,
    look,
)
from marrowcount.cytology.cell_types import CellType
from marrowcount.evaluation import CellMeasuring, Resampling, evaluate_cells
from marrowcount.main.progress import progress_bar
from marrowcount.main.training_progress import TrainingProgress
from marrowcount_adapters import ultralytics_models
from marrowcount_adapters.learning_curve import read_round, write_round
from marrowcount_adapters.training.batches import CellBatches
from marrowcount_adapters.training.checkpoints import BEST_FILE, CHECKPOINT_FILE, read_weights
from marrowcount_adapters.training.loop import Recipe, fit
from marrowcount_adapters.training.measuring import judged_tiles
from marrowcount_adapters.training.run_folder import RunFolder
from marrowcount_adapters.training.running import chosen_device
from marrowcount_adapters.training.sampling import CellMixture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.console import Console
    from ultralytics.nn.tasks import DetectionModel

    from marrowcount.active_learning import Action, Correction
    from marrowcount.evaluation import TrueObject
    from marrowcount.main.active_study import StudyRequest
    from marrowcount.main.active_study_tiles import StudyTiles
    from marrowcount.ports import CellModel, Picture
    from marrowcount.slides.detections import Detection
    from marrowcount.slides.geometry import PixelBox

__all__ = ["StudyRounds", "as_an_expert"]

FIRST: Final = "first"
ROUND_FILE: Final = "round.json"
CHOSEN_FILE: Final = "chosen.json"
LEAST_PROBABILITY: Final = 0.1
DRAWS: Final = 200
AGREED: Final = 0.5
"""An expert leaves a pre-label's box alone that overlaps the object by half."""
WARMUP: Final = 50
STARTING_BATCHES: Final = 4
BEYOND: Final = 10**6
"""So many batches, from that number on, are looked at before training on from a packaged model."""


@dataclass(frozen=True, slots=True)
class StudyRounds:
    """Does rounds, or finds them done.

    Attributes:
        request: what is asked.
        pool: to choose from.
        held_out: to measure on.
        console: for progress.
    """

    request: StudyRequest
    pool: StudyTiles
    held_out: StudyTiles
    console: Console

    def done(self, arm: str, strategies: Mapping[Strategy, float], number: int) -> StudyRound:
        """A round of an arm; the one before it must be done."""
        folder = self._folder(arm, number)
        torch.set_num_threads(self.request.threads)
        cv2.setNumThreads(1)
        if not (folder / ROUND_FILE).is_file():
            folder.mkdir(parents=True, exist_ok=True)
            places, actions = self._chosen(arm, strategies, number)
            model = self._trained(folder, self._folder(arm, number - 1) if number > 1 else None, places, number)
            one = self._measured(
                model, StudyRound(arm, number, len(places), self._labels(places), {}, 0, actions=actions)
            )
            write_round(folder / ROUND_FILE, one)
            (folder / CHECKPOINT_FILE).unlink(missing_ok=True)
        return replace(read_round(folder / ROUND_FILE), arm=arm)

    def _folder(self, arm: str, number: int) -> Path:
        return self.request.work / (FIRST if number == 1 else arm) / f"round-{number}"

    def _chosen(
        self, arm: str, strategies: Mapping[Strategy, float], number: int
    ) -> tuple[list[int], Mapping[Action, int]]:
        """Places in the pool of all tiles labelled up to this round, and what was done with the new pre-labels."""
        path = self._folder(arm, number) / CHOSEN_FILE
        if path.is_file():
            kept = json.loads(path.read_text(encoding="utf-8"))
            return kept["places"], {action: kept["actions"][action] for action in counts_of(()) if kept["actions"]}
        places, actions = self._first() if number == 1 else self._next(arm, strategies, number)
        content = {"places": places, "actions": {str(action): count for action, count in actions.items()}}
        path.write_text(json.dumps(content) + "\n", encoding="utf-8")
        return places, actions

    def _first(self) -> tuple[list[int], Mapping[Action, int]]:
        """The first set is drawn by chance and labelled from nothing."""
        drawn = np.random.default_rng((self.request.seed, 1)).permutation(len(self.pool))
        return sorted(drawn[: self.request.first_tiles].tolist()), {}

    def _next(
        self, arm: str, strategies: Mapping[Strategy, float], number: int
    ) -> tuple[list[int], Mapping[Action, int]]:
        before, _ = self._chosen(arm, strategies, number - 1)
        model = _model(self._folder(arm, number - 1))
        free = np.setdiff1d(np.arange(len(self.pool)), before)
        drawn = np.random.default_rng((self.request.seed, number)).permutation(free)
        by_chance = set(strategies) == {Strategy.RANDOM}
        # Where nothing depends on what the model sees, it need not look before the tiles are chosen.
        most, views = (2 * self.request.tiles, 1) if by_chance else (self.request.candidates, self.request.views)
        places: list[int] = drawn[:most].tolist()
        candidates = self._unseen(places) if by_chance else self._looked_at(model, places, views)
        asked = Asked(self.request.tiles, strategies, self.request.threshold, self.request.seed + number, views)
        labels = np.array([self._labels(before)[kind] for kind in CellType], np.float64)
        chosen = [one.place for one in choose(candidates, labels, asked)[0]]
        new = [places[place] for place in chosen]
        seen = self._looked_at(model, new, views) if by_chance else [candidates[place] for place in chosen]
        return sorted([*before, *new]), self._corrected(list(zip(new, seen, strict=True)))

    def _unseen(self, places: Sequence[int]) -> list[Candidate]:
        pictures = ((place, np.ascontiguousarray(self.pool.tiles.pictures[place])) for place in places)
        return [Candidate(self.pool.where[place], "", likeness_of(picture), ()) for place, picture in pictures]

    def _looked_at(self, model: CellModel, places: Sequence[int], views: int) -> list[Candidate]:
        def find(picture: Picture) -> list[Detection]:
            return [one for one in model.detect(picture) if one.probability >= LEAST_PROBABILITY]

        candidates: list[Candidate] = []
        with progress_bar(self.console) as bar, _half_precision():
            for place in bar.track(places, description=f"looking at {len(places)} tiles from {views} sides"):
                picture = np.ascontiguousarray(self.pool.tiles.pictures[place])
                seen = look(picture, find, views)
                candidates.append(Candidate(self.pool.where[place], "", likeness_of(picture), seen))
        return candidates

    def _corrected(self, chosen: Sequence[tuple[int, Candidate]]) -> Mapping[Action, int]:
        """What an expert has to do with the pre-labels."""
        made: list[Correction] = []
        for place, candidate in chosen:
            prelabels = [Prelabel(found, found.box) for found in candidate.prelabels(self.request.threshold)]
            corrected = as_an_expert([one.written for one in prelabels], self.pool.tiles.truth(place))
            made += corrections_of(prelabels, corrected, "truth", "model")
        return counts_of(made)

    def _labels(self, places: Sequence[int]) -> Counter[CellType]:
        rows = self.pool.tiles.picked(np.array(places, np.intp)).objects[:, 1]
        return Counter({kind: int((rows == kind).sum()) for kind in CellType})

    def _trained(self, folder: Path, before: Path | None, places: Sequence[int], number: int) -> CellModel:
        """Train from the round before, or from random weights; the best model is kept in the round's folder."""
        if not (folder / BEST_FILE).is_file():
            request = self.request
            torch.manual_seed(request.seed)  # pyright: ignore[reportUnknownMemberType] - torch's own annotation is partial
            tiles = CellMixture([(self.pool.tiles.picked(np.array(places, np.intp)), 1.0)])
            batches = CellBatches(tiles, request.batch, 1000 * request.seed + number)
            network = _network(before / BEST_FILE if before else request.start, batches).to(chosen_device("auto"))
            steps = request.steps if before else request.first_steps
            rate = request.later_rate if before else request.rate
            recipe = Recipe(steps, rate, warmup=min(WARMUP, steps // 4), average_decay=0.99)
            loss = ultralytics_models.CellLoss(network)
            with TrainingProgress(self.console) as progress:
                fit(network, loss, batches, recipe=recipe, run=RunFolder(folder), watcher=progress)
        return _model(folder)

    def _measured(self, model: CellModel, one: StudyRound) -> StudyRound:
        with self.console.status("measuring on held-out slides"):
            with _half_precision():
                tiles = judged_tiles(model, self.held_out.tiles)
            units = [where.group for where in self.held_out.where]
            judged = [replace(tile, unit=unit) for tile, unit in zip(tiles, units, strict=True)]
            measuring = CellMeasuring(self.request.threshold, resampling=Resampling(DRAWS, self.request.seed))
            evaluation = evaluate_cells(judged, measuring)
        mean = evaluation.figures["mean/average_precision"]
        by_class = {kind: score.average_precision for kind, score in evaluation.scores.by_class.items()}
        return replace(one, average_precision=by_class, mean=mean.value, low=mean.interval.low, high=mean.interval.high)


def as_an_expert(boxes: Sequence[PixelBox], truth: Sequence[TrueObject]) -> list[tuple[PixelBox, CellType | None]]:
    """What somebody who knows the truth leaves of pre-labelled boxes.

    Boxes that overlap an object by half are left where they are, and take its class; what was missed is drawn, what is
    nothing is taken away.
    """
    free = list(boxes)
    left: list[tuple[PixelBox, CellType | None]] = []
    for one in truth:
        best = max(free, key=one.box.intersection_over_union, default=None)
        if best is not None and best.intersection_over_union(one.box) >= AGREED:
            free.remove(best)
            left.append((best, one.cell_type))
        else:
            left.append((one.box, one.cell_type))
    return left


def _network(start: Path | None, batches: CellBatches) -> DetectionModel:
    """A network to train on from weights, which may be those of a packaged model; else from random ones."""
    if start is None:
        return ultralytics_models.new_network()
    pictures = (batches(BEYOND + number)[0] for number in range(STARTING_BATCHES))
    inputs = (torch.tensor(of).permute(0, 3, 1, 2).float().div_(255) for of in pictures)
    return ultralytics_models.unfolded(read_weights(start), inputs)


def _half_precision() -> torch.autocast:
    """As in training; a processor that knows bfloat16 needs six tenths of the time."""
    return torch.autocast(chosen_device("auto").type, torch.bfloat16)


def _model(folder: Path) -> CellModel:
    """The model that a round ended with, with a very low threshold."""
    network = ultralytics_models.unfolded(read_weights(folder / BEST_FILE), [])
    return ultralytics_models.cell_model_of(network.to(chosen_device("auto")).eval())
