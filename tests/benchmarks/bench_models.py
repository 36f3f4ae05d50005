"""How fast tiles are judged on a CPU, beside ultralytics' own predict with the same weights (`make bench-models`).

All are timed in turn in one run, round after round on the same tiles, each with the same number of threads; what is
told are medians and ratios. Boxes are compared before anything is timed: a faster wrong answer is no answer.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
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
from marrowcount.slides.manifest import WEIGHTS_FILE, read_manifest
from marrowcount.slides.tiles import TILE_PX
from marrowcount_adapters import onnx_models, torch_models, ultralytics_models
from marrowcount_adapters.ultralytics_models.network import from_folded

SAME_IOU = 0.95
ROUNDS = 5
TILES = 24
SEED = 770_001


@dataclass(frozen=True)
class Contender:
    """One way to judge a tile."""

    name: str
    judge: Callable[[Picture], object]


def main() -> None:
    """Compare, time, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cells", type=Path, default=_newest("marrow-cells"))
    options.add_argument("--roi", type=Path, default=_newest("marrow-roi"))
    options.add_argument("--threads", type=int, default=2)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    tiles = _tiles()
    console = Console(width=120)
    theirs = UltralyticsPredict(chosen.cells)
    ours = onnx_models.load_cell_model(chosen.cells, threads=chosen.threads)
    console.print(_agreement(ours, theirs, tiles))
    cells = [
        Contender("ultralytics predict (torch)", theirs.detect),
        Contender("marrowcount on torch", ultralytics_models.load_cell_model(chosen.cells, device="cpu").detect),
        Contender("marrowcount on onnxruntime", ours.detect),
    ]
    roi = onnx_models.load_roi_model(chosen.roi, threads=chosen.threads)
    on_torch = torch_models.load_roi_model(chosen.roi, device="cpu")
    regions = [
        Contender("DenseNet121 on torch", lambda tile: on_torch.probabilities([tile])),
        Contender("DenseNet121 on onnxruntime", lambda tile: roi.probabilities([tile])),
    ]
    console.print(_table("cell model, a 512 px tile", chosen.threads, cells, tiles))
    console.print(_table("ROI model, a candidate tile", chosen.threads, regions, tiles))
    console.print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; more than {chosen.threads} falsifies")


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
    return [slide.read(place.tile) for place in slide.tiles if place.roi][:TILES]


def _agreement(ours: CellModel, theirs: CellModel, tiles: Sequence[Picture]) -> str:
    pairs = [(list(ours.detect(tile)), list(theirs.detect(tile))) for tile in tiles]
    same = sum(any(_same(a, b) for b in theirs_found) for found, theirs_found in pairs for a in found)
    counts = sum(len(found) for found, _ in pairs), sum(len(found) for _, found in pairs)
    return f"{len(tiles)} tiles: {counts[0]} boxes of ours, {counts[1]} of ultralytics; {same} are the same"


def _same(one: Detection, other: Detection) -> bool:
    return one.cell_type is other.cell_type and one.box.intersection_over_union(other.box) >= SAME_IOU


def _table(title: str, threads: int, contenders: Sequence[Contender], tiles: Sequence[Picture]) -> Table:
    medians = _medians(contenders, tiles)
    table = Table("who", "median ms", "times as fast as the first", title=f"{title}, {threads} threads")
    for contender, median in zip(contenders, medians, strict=True):
        table.add_row(contender.name, f"{1000 * median:.1f}", f"{medians[0] / median:.2f}")
    return table


def _medians(contenders: Sequence[Contender], tiles: Sequence[Picture]) -> list[float]:
    times: list[list[float]] = [[] for _ in contenders]
    for contender in contenders:
        contender.judge(tiles[0])
    for _ in track(range(ROUNDS), "timing"):
        for tile in tiles:
            for contender, taken in zip(contenders, times, strict=True):
                since = time.perf_counter()
                contender.judge(tile)
                taken.append(time.perf_counter() - since)
    return [float(np.median(taken)) for taken in times]


if __name__ == "__main__":
    main()
