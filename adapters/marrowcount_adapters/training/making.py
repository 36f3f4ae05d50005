"""A packaged model from trained weights: exported, compared between runtimes, quantised, measured, described."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from marrowcount.errors import ModelError
from marrowcount.ports import CellModel, RoiModel
from marrowcount.slides.manifest import INT8_FILE, ONNX_FILE, WEIGHTS_FILE, ModelManifest
from marrowcount_adapters.training.exporting import halved_parameters, onnx_of, safetensors_of
from marrowcount_adapters.training.packaging import NAMES, StagedModel
from marrowcount_adapters.training.tiles import CellTiles, RegionTiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from marrowcount.ports import Picture
    from marrowcount.slides.familiarity import Feature, Range
    from marrowcount_adapters.training.runtimes import Disagreement

__all__ = ["MOST_LOST", "MeasuringTiles", "Order", "Runtimes", "Yardstick", "make_model"]

MOST_LOST: Final = 0.01
"""Of the ROC AUC or the mean average precision, for which 8 bit integers are worth their speed."""
COMPARED_TILES: Final = 12
CALIBRATION_TILES: Final = 64

Model = TypeVar("Model", CellModel, RoiModel)
Tiles = TypeVar("Tiles", CellTiles, RegionTiles)
Judged = TypeVar("Judged")
Model_contra = TypeVar("Model_contra", CellModel, RoiModel, contravariant=True)
Tiles_contra = TypeVar("Tiles_contra", CellTiles, RegionTiles, contravariant=True)


@dataclass(frozen=True, slots=True)
class Order:
    """What to make.

    Attributes:
        models: folder in which ``<name>-<version>`` will be.
        task: ``roi`` or ``cells``.
        version: of the model.
        training_data: one sentence for people.
        measured_on: what the figures are of, for people.
        source: where the parameters were read from, for messages only.
        int8: whether to try 8 bit integers.
        figures: measured elsewhere, to stand among the others.
        examples: how many of each kind each source of the training holds.
        notes: for the card, Markdown.
        name: of the model; empty for the task's own.
    """

    models: Path
    task: str
    version: str
    training_data: str
    measured_on: str
    source: Path
    int8: bool = True
    figures: Mapping[str, float] = field(default_factory=dict)
    examples: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    notes: str = ""
    name: str = ""

    @property
    def folder(self) -> Path:
        """Where the model will be."""
        return self.models / f"{self.name or NAMES[self.task]}-{self.version}"


@dataclass(frozen=True, slots=True)
class Runtimes(Generic[Model]):
    """How a network becomes files, and files a model.

    Attributes:
        parameters: those of inference, from those of training.
        exportable: a network in inference mode with given parameters.
        output: name of what it puts out.
        any_number: whether the graph takes any number of pictures.
        with_half_weights: makes an ONNX file smaller, and changes no number.
        in_int8: makes an ONNX file with 8 bit integers, from inputs like those of use.
        network_input: what the network takes of a tile.
        on_torch: the model of a folder, on torch and the CPU.
        on_onnx: the model of a folder, on onnxruntime: which file, how many threads.
        disagreement: how far two models are apart on tiles.
    """

    parameters: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]
    exportable: Callable[[Mapping[str, Tensor]], nn.Module]
    output: str
    any_number: bool
    with_half_weights: Callable[[bytes], bytes]
    in_int8: Callable[[bytes, Iterable[NDArray[np.float32]]], bytes]
    network_input: Callable[[Picture, ModelManifest], NDArray[np.float32]]
    on_torch: Callable[[Path], Model]
    on_onnx: Callable[[Path, str, int], Model]
    disagreement: Callable[[Model, Model, Sequence[Picture]], Disagreement]


class Yardstick(Protocol[Model_contra, Tiles_contra, Judged]):
    """How a task's models are measured."""

    def pictures(self, tiles: Tiles_contra, most: int) -> list[Picture]:
        """Some of the tiles as pictures of 512 px."""
        ...

    def judged(self, model: Model_contra, tiles: Tiles_contra) -> Judged:
        """What a model says of tiles, beside the truth."""
        ...

    def accuracy(self, judged: Judged) -> float:
        """The figure by which 8 bit integers are judged."""
        ...

    def threshold(self, judged: Judged) -> float:
        """From which a finding counts, chosen on validation tiles."""
        ...

    def figures(self, judged: Judged, threshold: float) -> dict[str, float]:
        """For the manifest."""
        ...

    def confusions(self, judged: Judged, threshold: float) -> Sequence[str]:
        """The commonest, in words."""
        ...

    def milliseconds(self, model: Model_contra, pictures: Sequence[Picture]) -> float:
        """A tile, median."""
        ...

    def seen(self, model: Model_contra, tiles: Tiles_contra, threshold: float) -> Mapping[Feature, Range]:
        """What training tiles look like."""
        ...


@dataclass(frozen=True, slots=True)
class MeasuringTiles(Generic[Tiles]):
    """Which tiles serve what.

    Attributes:
        training: tells the ranges of 8 bit integers, and what was seen.
        validation: chooses the threshold, and whether 8 bit integers are accurate enough.
        test: is measured on.
    """

    training: Tiles
    validation: Tiles
    test: Tiles


def make_model(
    weights: Mapping[str, Tensor],
    order: Order,
    runtimes: Runtimes[Model],
    yardstick: Yardstick[Model, Tiles, Judged],
    tiles: MeasuringTiles[Tiles],
) -> ModelManifest:
    """Make a model folder; an older one in its place is replaced when the new one is whole.

    Raises:
        ModelError: ``weights-overflow``, ``weights-differ``, ``runtimes-differ``, ``extra-missing``.
    """
    name = order.name or NAMES[order.task]
    with StagedModel(order.folder, order.task, name, order.version, order.training_data) as staged:
        single = _exported(weights, staged, runtimes, order.source)
        apart = _compared(staged, runtimes, yardstick.pictures(tiles.validation, COMPARED_TILES))
        model = runtimes.on_onnx(staged.folder, ONNX_FILE, 2)
        validated = yardstick.judged(model, tiles.validation)
        figures = {"runtimes_apart": float(f"{apart.probability:.1e}")}
        if order.int8:
            inputs = yardstick.pictures(tiles.training, CALIBRATION_TILES)
            like_use = (runtimes.network_input(picture, staged.manifest) for picture in inputs)
            staged.add(INT8_FILE, runtimes.in_int8(single, like_use))
            smaller = yardstick.judged(runtimes.on_onnx(staged.folder, INT8_FILE, 2), tiles.validation)
            lost = yardstick.accuracy(validated) - yardstick.accuracy(smaller)
            figures["int8_loss"] = round(lost, 4)
            validated = _chosen(staged, lost, validated, smaller)
        threshold = round(yardstick.threshold(validated), 4)
        model = runtimes.on_onnx(staged.folder, staged.manifest.onnx_file, 2)
        tested = yardstick.judged(model, tiles.test)
        figures = yardstick.figures(tested, threshold) | _speed(staged, runtimes, yardstick, tiles.test) | figures
        staged.describe(
            threshold=threshold,
            figures=figures | dict(order.figures),
            seen=yardstick.seen(model, tiles.training, threshold),
            measured_on=order.measured_on,
            examples=order.examples,
            confusions=tuple(yardstick.confusions(tested, threshold)),
            notes=order.notes,
        )
        return staged.finish()


def _exported(weights: Mapping[str, Tensor], staged: StagedModel, runtimes: Runtimes[Model], source: Path) -> bytes:
    """Parameters and graph as files; the graph in single precision."""
    try:
        parameters = halved_parameters(runtimes.parameters(weights))
        network = runtimes.exportable(parameters)
    except RuntimeError as error:
        message = f"{source} has the parameters of another network: {str(error)[:300]}"
        raise ModelError("weights-differ", message) from error
    side = staged.manifest.input_px
    single = onnx_of(network, side, runtimes.output, any_number=runtimes.any_number, fold=not runtimes.any_number)
    staged.add(WEIGHTS_FILE, safetensors_of(parameters))
    staged.add(ONNX_FILE, runtimes.with_half_weights(single))
    return single


def _compared(staged: StagedModel, runtimes: Runtimes[Model], pictures: Sequence[Picture]) -> Disagreement:
    torch, onnx = runtimes.on_torch(staged.folder), runtimes.on_onnx(staged.folder, ONNX_FILE, 1)
    apart = runtimes.disagreement(torch, onnx, pictures)
    if not apart.tolerable:
        raise ModelError("runtimes-differ", f"ONNX and torch do not agree on {len(pictures)} tiles: {apart}")
    return apart


def _chosen(staged: StagedModel, lost: float, full: Judged, smaller: Judged) -> Judged:
    """Keep 8 bit integers where they lose little."""
    if lost > MOST_LOST:
        staged.drop(INT8_FILE)
        return full
    staged.describe(onnx_file=INT8_FILE)
    return smaller


def _speed(
    staged: StagedModel, runtimes: Runtimes[Model], yardstick: Yardstick[Model, Tiles, Judged], tiles: Tiles
) -> dict[str, float]:
    pictures = yardstick.pictures(tiles, COMPARED_TILES)
    models = {threads: runtimes.on_onnx(staged.folder, staged.manifest.onnx_file, threads) for threads in (1, 2)}
    return {f"milliseconds_a_tile_{n}_threads": yardstick.milliseconds(m, pictures) for n, m in models.items()}
