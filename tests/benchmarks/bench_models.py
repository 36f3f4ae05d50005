"""How fast tiles are judged on a CPU, beside ultralytics' own predict with the same weights (`make bench-models`).

All are timed in turn in one run, round after round on the same tiles, each with the same number of threads; what is
told are medians and ratios. Boxes are compared before anything is timed: a faster wrong answer is no answer.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from safetensors.torch import load_file

from marrowcount.cytology.cell_types import CellType
from marrowcount.main.models import bundled_models
from marrowcount.phantom import PhantomSlide
from marrowcount.ports import CellModel, Picture
from marrowcount.result import ModelIdentity, ModelTask
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount.slides.manifest import INT8_FILE, ONNX_FILE, WEIGHTS_FILE, read_manifest
from marrowcount.slides.tiles import TILE_PX
from marrowcount_adapters import onnx_models, torch_models, ultralytics_models
from marrowcount_adapters.ultralytics_models.network import from_folded

SAME_IOUS = (0.95, 0.9, 0.8)
TILES = 24
SEED = 770_001


@dataclass(frozen=True)
class Contender:
    """One way to judge a tile."""

    name: str
    judge: Callable[[Picture], object]


@dataclass(frozen=True)
class Agreement:
    """How many boxes two models have, and how many of the first have a partner in the second."""

    ours: int
    theirs: int
    same: Mapping[float, int]

    def __str__(self) -> str:
        said = ", ".join(f"{count} at IoU {iou}" for iou, count in self.same.items())
        return f"{self.ours} boxes, ultralytics {self.theirs}; of one class with a box of ultralytics: {said}"


def main() -> None:
    """Compare, time, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cells", type=Path, default=_newest("marrow-cells"))
    options.add_argument("--roi", type=Path, default=_newest("marrow-roi"))
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--tiles", type=int, default=TILES, help="for a quick look, fewer")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--out", type=Path, help="folder for cells.json and roi.json, which `model card` reads")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    tiles = _tiles()[: chosen.tiles]
    console = Console(width=140)
    theirs, found = UltralyticsPredict(chosen.cells), dict[str, Agreement]()
    cells = [
        Contender("ultralytics predict (torch)", theirs.detect),
        Contender("marrowcount on torch", ultralytics_models.load_cell_model(chosen.cells, device="cpu").detect),
    ]
    for file in _onnx_files(chosen.cells):
        ours = onnx_models.load_cell_model(chosen.cells, threads=chosen.threads, file=file)
        found[file] = _agreement(ours, theirs, tiles)
        console.print(f"{file}, {len(tiles)} tiles: {found[file]}")
        cells.append(Contender(file, ours.detect))
    on_torch = torch_models.load_roi_model(chosen.roi, device="cpu")
    regions = [Contender("DenseNet121 on torch", lambda tile: on_torch.probabilities([tile]))]
    for file in _onnx_files(chosen.roi):
        model = onnx_models.load_roi_model(chosen.roi, threads=chosen.threads, file=file)
        regions.append(Contender(file, lambda tile, model=model: model.probabilities([tile])))  # type: ignore[misc]
    timed = {"cells": _medians(cells, tiles, chosen.rounds), "roi": _medians(regions, tiles, chosen.rounds)}
    console.print(_table("cell model, a 512 px tile", chosen.threads, timed["cells"]))
    console.print(_table("ROI model, a candidate tile", chosen.threads, timed["roi"]))
    console.print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; more than {chosen.threads} falsifies")
    if chosen.out:
        about = _about(chosen.threads, len(tiles), chosen.rounds)
        _write(chosen.out / "cells.json", chosen.cells, about, timed["cells"], found)
        _write(chosen.out / "roi.json", chosen.roi, about, timed["roi"], {})


class UltralyticsPredict(CellModel):
    """``YOLO.predict`` as its documentation shows it, with our weights and our limits."""

    def __init__(self, folder: Path) -> None:
        self._manifest = read_manifest(folder)
        network = from_folded(load_file(folder / WEIGHTS_FILE))
        network.get_submodule("model")[-1].export = False
        from ultralytics import YOLO  # only after from_folded has taken ultralytics off the network

        _stand_in_for_torchvision()
        self._yolo = YOLO("yolo11n.yaml", verbose=False)
        self._yolo.model = network

    @property
    def identity(self) -> ModelIdentity:
        """Which model it is."""
        m = self._manifest
        return ModelIdentity(ModelTask.CELLS, m.name, m.version, m.files[WEIGHTS_FILE], m.threshold, m.training_data)

    def detect(self, picture: Picture) -> Sequence[Detection]:
        """Boxes of one tile; predict takes BGR."""
        (result,) = self._yolo.predict(
            picture[..., ::-1],
            imgsz=TILE_PX,
            conf=self._manifest.threshold,
            iou=self._manifest.suppression_iou,
            agnostic_nms=True,
            device="cpu",
            verbose=False,
        )
        rows = result.boxes.data.tolist()
        return [Detection(CellType(int(row[5])), PixelBox(*row[:4]), row[4]) for row in rows]


def _stand_in_for_torchvision() -> None:
    """torchvision's wheel does not go with a CPU build of torch: ultralytics' own suppression takes its place."""
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        from ultralytics.utils.nms import TorchNMS

        sys.modules["torchvision"] = SimpleNamespace(ops=SimpleNamespace(nms=TorchNMS.nms))  # type: ignore[assignment]


def _newest(name: str) -> Path:
    return max(bundled_models().glob(f"{name}-*"))


def _tiles() -> list[Picture]:
    slide = PhantomSlide("normal", SEED, SizePx(8192, 8192))
    return [slide.read(place.tile) for place in slide.tiles if place.roi]


def _onnx_files(folder: Path) -> list[str]:
    """Single precision, and 8 bit integers where the model has them."""
    return [file for file in (ONNX_FILE, INT8_FILE) if file in read_manifest(folder).files]


def _agreement(ours: CellModel, theirs: CellModel, tiles: Sequence[Picture]) -> Agreement:
    pairs = [(list(ours.detect(tile)), list(theirs.detect(tile))) for tile in tiles]
    counts = (sum(len(found) for found in side) for side in zip(*pairs, strict=True))
    return Agreement(*counts, {iou: sum(_paired(*pair, iou) for pair in pairs) for iou in SAME_IOUS})


def _paired(found: Sequence[Detection], theirs: Sequence[Detection], iou: float) -> int:
    """How many finds have a find of the same class that overlaps them so far, each taken once."""
    free, paired = list(theirs), 0
    for one in found:
        alike = [other for other in free if other.cell_type is one.cell_type]
        best = max(alike, key=lambda other: one.box.intersection_over_union(other.box), default=None)
        if best is not None and one.box.intersection_over_union(best.box) >= iou:
            free.remove(best)
            paired += 1
    return paired


def _table(title: str, threads: int, medians: Mapping[str, float]) -> Table:
    first = next(iter(medians.values()))
    table = Table("who", "median ms", "times as fast as the first", title=f"{title}, {threads} threads")
    for name, median in medians.items():
        table.add_row(name, f"{1000 * median:.1f}", f"{first / median:.2f}")
    return table


def _medians(contenders: Sequence[Contender], tiles: Sequence[Picture], rounds: int) -> dict[str, float]:
    times: list[list[float]] = [[] for _ in contenders]
    for contender in contenders:
        contender.judge(tiles[0])
    for _ in track(range(rounds), "timing"):
        for tile in tiles:
            for contender, taken in zip(contenders, times, strict=True):
                since = time.perf_counter()
                contender.judge(tile)
                taken.append(time.perf_counter() - since)
    return {one.name: float(np.median(taken)) for one, taken in zip(contenders, times, strict=True)}


def _about(threads: int, tiles: int, rounds: int) -> str:
    return (
        f"All in turn in one process, {threads} threads each, {tiles} fit tiles of a phantom slide, {rounds} rounds, "
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores (more than {threads} falsifies); ratios to the first."
    )


def _write(path: Path, model: Path, about: str, medians: Mapping[str, float], found: Mapping[str, Agreement]) -> None:
    first = next(iter(medians.values()))
    figures: dict[str, float] = {}
    for name, median in medians.items():
        figures |= {f"{name}: median ms": round(1000 * median, 1), f"{name}: times as fast": round(first / median, 2)}
    for file, agreement in found.items():
        figures |= {f"{file}: boxes": agreement.ours, "boxes of ultralytics": agreement.theirs}
        figures |= {f"{file}: the same at IoU {iou}": count for iou, count in agreement.same.items()}
    content = {
        "kind": "benchmark",
        "models": [{"sha256": digest} for digest in read_manifest(model).files.values()],
        "settings": {},
        "about": about,
        "figures": {name: {"value": value} for name, value in figures.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
