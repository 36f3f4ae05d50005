"""Train, package and measure the models on the digital phantom; the recipe of what lies in this folder.

python models/train.py tiles work/train --seeds 1000 1009        render tiles to train on
python models/train.py tiles work/valid --seeds 5000 5001        ... to choose thresholds on
python models/train.py tiles work/test --seeds 9000 9003         ... to measure on
python models/train.py cells work/train work/cells.pt            train YOLO11n; goes on where it was stopped
python models/train.py roi work/train work/roi.pt                train DenseNet121; likewise
python models/train.py package cells work/cells.pt models/marrow-cells-0.1.0
python models/train.py package roi work/roi.pt models/marrow-roi-0.1.0
python models/train.py evaluate models/marrow-cells-0.1.0 work/valid work/test
python models/train.py evaluate models/marrow-roi-0.1.0 work/valid work/test
"""  # noqa: INP001 - a program beside the models, not a package

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import structlog
import torch

from marrowcount.evaluation import best_f1_threshold, confusion_matrix, precise_threshold
from marrowcount.phantom import PROFILES
from marrowcount.slides.manifest import read_manifest
from marrowcount_adapters import onnx_models, torch_models, ultralytics_models
from marrowcount_adapters.training.batches import CellBatches, RegionBatches
from marrowcount_adapters.training.checkpoints import Checkpoint, read_checkpoint, read_weights, write_checkpoint
from marrowcount_adapters.training.loop import Judgement, Recipe, Watcher, fit
from marrowcount_adapters.training.measuring import (
    cell_figures,
    fit_probabilities,
    judged_tiles,
    milliseconds_a_tile,
    region_figures,
)
from marrowcount_adapters.training.model_card import commonest_confusions
from marrowcount_adapters.training.packaging import describe, package
from marrowcount_adapters.training.phantom_tiles import write_stores
from marrowcount_adapters.training.sampling import CellMixture, RegionMixture
from marrowcount_adapters.training.tiles import CellTiles, RegionTiles

if TYPE_CHECKING:
    from collections.abc import Sequence

log = structlog.get_logger()

LEAST_PROBABILITY = 0.01
"""Detections from here on make the precision-recall curves."""
WANTED_PRECISION = 0.80
"""Of the ROI threshold on whole validation slides; more costs too many of the fit tiles."""
LEAST_ROI_THRESHOLD = 0.5
"""Not below, however easy the validation slides were."""
VERSION = "0.1.0"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command."""
    options = _parser().parse_args(arguments)
    options.run(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    tiles = commands.add_parser("tiles", help="render stores of phantom tiles")
    tiles.add_argument("out", type=Path)
    tiles.add_argument("--seeds", type=int, nargs=2, required=True, metavar=("FIRST", "LAST"))
    tiles.add_argument("--unfit", type=int, help="unfit tiles of each slide, drawn at random; without it all")
    tiles.set_defaults(run=_tiles)
    for task, run, steps, batch, rate in (("cells", _cells, 3000, 8, 2e-3), ("roi", _roi, 500, 16, 1e-3)):
        command = commands.add_parser(task, help=f"train the {task} model")
        command.add_argument("data", type=Path)
        command.add_argument("checkpoint", type=Path)
        command.add_argument("--more", type=Path, nargs="*", default=[], help="further stores of tiles")
        command.add_argument("--start", type=Path, help="checkpoint whose averaged weights to begin with")
        command.add_argument("--steps", type=int, default=steps)
        command.add_argument("--batch", type=int, default=batch)
        command.add_argument("--rate", type=float, default=rate)
        command.add_argument("--seed", type=int, default=1)
        command.add_argument("--crops", action="store_true", help="on class-balanced parts of tiles (cells)")
        command.set_defaults(run=run)
    packing = commands.add_parser("package", help="make a model folder of a checkpoint")
    packing.add_argument("task", choices=["roi", "cells"])
    packing.add_argument("checkpoint", type=Path)
    packing.add_argument("out", type=Path)
    packing.set_defaults(run=_package)
    evaluation = commands.add_parser("evaluate", help="choose the threshold, measure, write manifest and model card")
    evaluation.add_argument("model", type=Path)
    evaluation.add_argument("validation", type=Path)
    evaluation.add_argument("test", type=Path)
    evaluation.add_argument(
        "--precision", type=float, default=WANTED_PRECISION, help="that the ROI threshold reaches on validation"
    )
    evaluation.set_defaults(run=_evaluate)
    return parser


def _tiles(options: argparse.Namespace) -> None:
    first, last = options.seeds
    slides = [(profile, seed) for seed in range(first, last + 1) for profile in PROFILES]
    write_stores(options.out, slides, unfit_tiles=options.unfit)


class _OneFile:
    """A checkpoint in a file of its own, and a log on the screen."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def resumed(self, network, average, optimizer):
        if not self.path.is_file():
            return Checkpoint()
        content = read_checkpoint(self.path)
        network.load_state_dict(content["network"])
        average.load_state_dict(content["average"])
        optimizer.load_state_dict(content["optimizer"])
        return Checkpoint(int(content["step"]))

    def save(self, network, average, optimizer, state):
        write_checkpoint(self.path, network, average, optimizer, state)

    def keep(self, average):
        pass


class _Log(Watcher):
    def began(self, step, steps):
        log.info("training.began", step=step, of=steps)

    def stepped(self, step, report):
        log.info("training.step", step=step, **report)

    def judged(self, step, judgement: Judgement, *, best):
        log.info("training.judged", step=step, **judgement.figures)


def _cells(options: argparse.Namespace) -> None:
    torch.manual_seed(options.seed)
    network = ultralytics_models.new_network()
    if options.start:
        network.load_state_dict(read_weights(options.start))
    stores = [CellTiles.open(folder / "cells") for folder in (options.data, *options.more)]
    tiles = CellMixture([(CellTiles.joined(stores), 1.0)])
    batches = CellBatches(tiles, options.batch, options.seed, options.crops)
    recipe = Recipe(options.steps, options.rate)
    fit(network, ultralytics_models.CellLoss(network), batches, recipe=recipe, run=_OneFile(options.checkpoint), watcher=_Log())


def _roi(options: argparse.Namespace) -> None:
    torch.manual_seed(options.seed)
    network = torch_models.new_network()
    if options.start:
        network.load_state_dict(read_weights(options.start))
    stores = [RegionTiles.open(folder / "regions") for folder in (options.data, *options.more)]
    tiles = RegionMixture([(RegionTiles.joined(stores), 1.0)])
    batches = RegionBatches(tiles, options.batch, options.seed, 0.35)
    recipe = Recipe(options.steps, options.rate, warmup=50, average_decay=0.99)
    fit(network, torch_models.roi_loss, batches, recipe=recipe, run=_OneFile(options.checkpoint), watcher=_Log())


def _package(options: argparse.Namespace) -> None:
    if options.task == "roi":
        onnx, weights = torch_models.files_of(read_weights(options.checkpoint))
    else:
        onnx, weights = ultralytics_models.files_of(read_weights(options.checkpoint))
    package(options.out, options.task, VERSION, onnx, weights)


def _evaluate(options: argparse.Namespace) -> None:
    if read_manifest(options.model).task == "roi":
        _evaluate_roi(options.model, options.validation, options.test, options.precision)
    else:
        _evaluate_cells(options.model, options.validation, options.test)


def _evaluate_cells(folder: Path, validation: Path, test: Path) -> None:
    model = onnx_models.load_cell_model(folder, threshold=LEAST_PROBABILITY)
    threshold = best_f1_threshold(judged_tiles(model, CellTiles.open(validation / "cells")))
    tiles = CellTiles.open(test / "cells")
    judged = judged_tiles(model, tiles)
    figures = cell_figures(judged, threshold) | _cell_speed(folder, tiles)
    describe(folder, threshold, figures, commonest_confusions(confusion_matrix(judged, threshold)))
    log.info("evaluate.cells", threshold=threshold, **{k: v for k, v in figures.items() if "/" not in k})


def _evaluate_roi(folder: Path, validation: Path, test: Path, precision: float) -> None:
    model = onnx_models.load_roi_model(folder)
    seen, tiles = RegionTiles.open(validation / "regions"), RegionTiles.open(test / "regions")
    lowest = precise_threshold(seen.fit, fit_probabilities(model, seen), precision)
    threshold = max(LEAST_ROI_THRESHOLD, lowest)
    figures = region_figures(tiles.fit, fit_probabilities(model, tiles), threshold) | _roi_speed(folder)
    figures["precision_wanted_on_validation"] = precision
    describe(folder, threshold, figures)
    log.info("evaluate.roi", threshold=threshold, **figures)


def _cell_speed(folder: Path, tiles: CellTiles) -> dict[str, float]:
    pictures = [np.array(tiles.pictures[place]) for place in range(10)]
    models = {n: onnx_models.load_cell_model(folder, threads=n) for n in (1, 2)}
    return {
        f"milliseconds_a_tile_{n}_threads": milliseconds_a_tile(lambda i, m=m: m.detect(pictures[i % 10]))
        for n, m in models.items()
    }


def _roi_speed(folder: Path) -> dict[str, float]:
    picture = np.full((512, 512, 3), 200, np.uint8)
    models = {n: onnx_models.load_roi_model(folder, threads=n) for n in (1, 2)}
    return {
        f"milliseconds_a_tile_{n}_threads": milliseconds_a_tile(lambda _, m=m: m.probabilities([picture]))
        for n, m in models.items()
    }


if __name__ == "__main__":
    main()
