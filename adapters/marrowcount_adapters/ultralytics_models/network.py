"""ultralytics' YOLO11 in its five sizes, built from the yaml in its package and filled from safetensors."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

import torch
from PIL import Image

from marrowcount.slides.manifest import CELL_CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ultralytics.nn.tasks import DetectionModel

__all__ = ["SIZES", "channels_last", "folded", "from_folded", "new_network", "size_of"]

SIZES: Final = ("n", "s", "m", "l", "x")
"""ultralytics' letters, from 2.6 to 57 million parameters."""

LOSS_GAINS: Final = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5)
"""ultralytics' own weights of the box, class and distribution losses."""

_SHAPES: Final = {"n": (16, False), "s": (32, False), "m": (64, False), "l": (64, True), "x": (96, True)}
"""Channels of the first layer, and whether the blocks are repeated."""

_QUIET: Final = {
    "YOLO_OFFLINE": "1",  # no look-ups at import, no usage events
    "YOLO_AUTOINSTALL": "0",  # never pip install
    "YOLO_VERBOSE": "false",
    "ULTRALYTICS_SAFE_LOAD": "1",  # a pickled checkpoint is not executed
}


def new_network(size: str = "n", classes: int = len(CELL_CLASSES)) -> DetectionModel:
    """An untrained YOLO11 with that many classes, in training mode, channels last."""
    detection_model = _import_detection_model()
    network = detection_model(f"yolo11{size}.yaml", ch=3, nc=classes, verbose=False)
    network.args = LOSS_GAINS  # type: ignore[assignment] # read by the loss
    return channels_last(network).train()


def channels_last(network: DetectionModel) -> DetectionModel:
    """The network with its weights in the order in which CPUs and tensor cores are fast."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return] # torch's stub


def folded(network: DetectionModel) -> DetectionModel:
    """A network for inference: batch norms folded into the convolutions, decoded output (n, 23, candidates)."""
    inferring: DetectionModel = network.float().eval().fuse(verbose=False)  # type: ignore[no-untyped-call] # not annotated
    head = inferring.get_submodule("model")[-1]  # type: ignore[index] # a Sequential
    head.export = True
    return inferring.requires_grad_(requires_grad=False)


def from_folded(weights: Mapping[str, torch.Tensor]) -> DetectionModel:
    """The network for inference with folded parameters, as in ``weights.safetensors``.

    Raises:
        RuntimeError: the parameters are those of another network.
    """
    network = folded(new_network(size_of(weights)))
    network.load_state_dict({name: value.float() for name, value in weights.items()})
    return network


def size_of(weights: Mapping[str, torch.Tensor]) -> str:
    """Which of ``SIZES`` parameters are of, by their names and the width of the first layer.

    Raises:
        RuntimeError: of none.
    """
    deep = any(name.startswith("model.2.m.1.") for name in weights)
    width = weights["model.0.conv.weight"].shape[0] if "model.0.conv.weight" in weights else 0
    for size, shape in _SHAPES.items():
        if shape == (width, deep):
            return size
    raise RuntimeError(f"a first layer of {width} channels is of no YOLO11")


def _import_detection_model() -> type[DetectionModel]:
    threads = os.environ.get("OMP_NUM_THREADS")
    for name, value in _environment():
        os.environ[name] = value
    open_picture, save = Image.open, torch.save
    from ultralytics.nn.tasks import DetectionModel  # noqa: PLC0415 - only after the environment is set

    # ultralytics puts a function of its own in Pillow's place, which answers a damaged picture, wherever in the process
    # it is opened, with a failed import instead of Pillow's error; and one in torch's place, which waits for seconds
    # before it says that a disk is full.
    Image.open, torch.save = open_picture, save
    # ultralytics sets one thread for everything that is started later.
    os.environ.pop("OMP_NUM_THREADS", None)
    if threads is not None:
        os.environ["OMP_NUM_THREADS"] = threads
    return DetectionModel


def _environment() -> Iterator[tuple[str, str]]:
    yield from _QUIET.items()
    if "YOLO_CONFIG_DIR" not in os.environ:
        folder = tempfile.mkdtemp(prefix="marrowcount-yolo-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        yield "YOLO_CONFIG_DIR", folder
