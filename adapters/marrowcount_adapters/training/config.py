"""What a training is asked to do: one TOML file and flags, read once, then frozen.

Every key is followed by its meaning, unit and reason; ``docs/training.md`` repeats them.
"""

from __future__ import annotations

import tomllib
from pathlib import Path  # noqa: TC003 - pydantic reads the annotations
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from marrowcount.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Augmentation", "CellTraining", "DataSource", "RoiTraining", "Training", "read_source", "read_training"]

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class DataSource(_Section):
    """Where tiles come from, ``[[data]]`` or ``[[validation]]``."""

    folders: tuple[Path, ...] = Field(min_length=1)
    """Stored data sets (``marrowcount dataset import``) or stores of phantom tiles (``marrowcount train phantom``).

    Several are drawn from as one."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """How often a tile is drawn from here, relative to the other sources; whatever their sizes."""
    um_per_px: Annotated[float, Field(gt=0, le=2)] | None = None
    """Resolution of pictures that do not say theirs, in micrometres per pixel; without it they are refused."""


class Augmentation(_Section):
    """How pictures are changed each time they are shown, ``[augmentation]``."""

    stain: Annotated[float, Field(ge=0, le=3)] = 1.0
    """Of the dyes' strengths and colours, in optical density: 0 none, 1 what laboratories differ by."""
    colour: Annotated[float, Field(ge=0, le=3)] = 1.0
    """Of hue, saturation, contrast, brightness and white balance of the camera: 0 none."""
    blurred: Share = 0.2
    """Share of pictures out of focus (Gaussian, 0.4 to 1.2 px). Not for the ROI model, where blur decides."""
    noisy: Share = 0.2
    """Share of pictures with noise of the camera (1 to 6 of 255 levels)."""
    compressed: Share = 0.4
    """Share of pictures through JPEG (quality 70 to 95)."""
    mosaics: Share = 0.5
    """Cells, whole tiles: share that is put together of parts of four."""
    cutmixes: Share = 0.2
    """Cells, whole tiles: share with a part of another in it."""
    fours: Share = 0.5
    """Cells, parts of tiles: share that is put together of four parts of 160 px."""
    leaning: Share = 0.3
    """Cells: share that is turned by some degrees and scaled, beside flips and quarter turns, which all are."""
    degrees: Annotated[float, Field(ge=0, le=45)] = 20.0
    """By how many degrees at most."""
    scale: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """Largest change of scale: 0.1 for a factor of 0.9 to 1.1. Size tells cells apart, so little is better."""

    @model_validator(mode="after")
    def _shares_fit(self) -> Augmentation:
        if self.mosaics + self.cutmixes > 1:
            raise ValueError("mosaics and cutmixes are shares of the same tiles and must not exceed 1 together")
        return self


class Training(_Section):
    """What both trainings have."""

    out: Path
    """Folder of the run: configuration, log, checkpoint, best model, validation curve."""
    data: tuple[DataSource, ...] = Field(min_length=1)
    """What is trained on: the training split of data sets, all tiles of phantom stores."""
    validation: tuple[DataSource, ...] = ()
    """What the best model is chosen on: the validation split of data sets, all tiles of phantom stores.

    Without it, the validation splits of ``data``."""
    start: Path | None = None
    """Weights to begin with: a packaged model, a run folder, a checkpoint, or safetensors. Without it random ones."""
    seed: Annotated[int, Field(ge=0)] = 1
    """The same seed, data and number of threads give the same weights on a CPU."""
    device: str = "auto"
    """``cpu``, ``cuda``, ``cuda:1``, ...; ``auto``: the first GPU where there is one."""
    threads: Annotated[int, Field(ge=0)] = 0
    """Threads of the network on a CPU; 0: as many as there are cores."""
    cache: Path | None = None
    """Folder of the tiles cut from data sets, to share among runs; without it ``tiles`` in the run's folder."""
    steps: Count | None = None
    """Batches to learn from; wins over ``epochs``."""
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4
    """Of AdamW, on weights; biases and batch norms do not decay."""
    average_decay: Annotated[float, Field(ge=0, lt=1)] = 0.998
    """Of the running mean of the weights, which is what is validated and kept."""
    save_every: Count = 100
    """Steps between checkpoints, and so what a kill costs at most."""
    judge_every: Count = 500
    """Steps between validations."""
    judge_tiles: Count = 300
    """Tiles of a validation at most, drawn evenly over all; the last validation takes the same ones."""
    report_every: Count = 25
    """Steps between lines of the log."""
    augmentation: Augmentation = Augmentation()
    """How pictures are changed."""


class CellTraining(Training):
    """Training of the cell model."""

    size: Literal["n", "s", "m", "l", "x"] = "n"
    """YOLO11 in ultralytics' sizes, 2.6 to 57 million parameters."""
    crops: bool = True
    """Parts of 320 px about objects of almost evenly drawn classes; false: whole tiles, mosaics and cutmix."""
    batch: Count = 16
    """Pictures a step."""
    epochs: Annotated[float, Field(gt=0)] = 20.0
    """Passes over the tiles, in pictures shown."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """At its peak."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """The paper's cell model falls along a cosine."""
    warmup: Annotated[int, Field(ge=0)] = 100
    """Steps in which the rate rises."""
    label_smoothing: Share = 0.0
    """Share of a box's certainty that is spread over all classes (the paper smooths; 0.05 is usual)."""


class RoiTraining(Training):
    """Training of the ROI model; the defaults are the paper's recipe."""

    batch: Annotated[int, Field(ge=2)] = 32
    """Pictures a step."""
    epochs: Annotated[float, Field(gt=0)] = 20.0
    """Passes over the unfit tiles; fit ones are over-sampled."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    """Of AdamW."""
    schedule: Literal["cosine", "constant"] = "constant"
    """The paper's ROI model has one rate throughout."""
    warmup: Annotated[int, Field(ge=0)] = 0
    """Steps in which the rate rises."""
    fit_share: Annotated[float, Field(gt=0, lt=1)] = 0.29
    """Share of fit tiles among those shown (28,500 of 98,750 in the paper, after over-sampling)."""
    recall_floor: Annotated[float, Field(gt=0, lt=1)] = 0.78
    """The model kept is that of best precision on validation at thresholds of at least this recall (the paper's)."""


Asked = TypeVar("Asked", bound=Training)


def read_training(kind: type[Asked], file: Path | None, flags: Mapping[str, Any]) -> Asked:
    """Read the file, if any; flags that are not None win over it.

    Raises:
        SettingsError: ``unreadable-settings``, ``wrong-setting``: a key is unknown, missing or wrong.
    """
    table = _read_table(file) if file else {}
    try:
        return kind(**(table | {name: value for name, value in flags.items() if value is not None}))
    except ValidationError as error:
        raise SettingsError("wrong-setting", "\n".join(_complaints(kind, error))) from None


def read_source(table: Mapping[str, Any]) -> DataSource:
    """A source by itself, as a flag gives it.

    Raises:
        SettingsError: ``wrong-setting``.
    """
    try:
        return DataSource(**table)
    except ValidationError as error:
        raise SettingsError("wrong-setting", "\n".join(_complaints(DataSource, error))) from None


def _read_table(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError("unreadable-settings", f"{file}: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError("unreadable-settings", f"{file} is not TOML: {error}") from None


def _complaints(kind: type[BaseModel], error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        place = ".".join(str(part) for part in fault["loc"]) or "configuration"
        if fault["type"] == "extra_forbidden":
            yield f"{place}: there is no such key; allowed here: {', '.join(_allowed_beside(kind, fault['loc']))}"
        elif fault["type"] == "missing":
            yield f"{place}: is missing; state it in the configuration or by a flag"
        else:
            yield f"{place}: {fault['msg'].removeprefix('Value error, ')}"


def _allowed_beside(kind: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    for part in place[:-1]:
        if isinstance(part, str):
            kind = _section_of(kind.model_fields[part].annotation)
    return sorted(kind.model_fields)


def _section_of(annotation: object) -> type[BaseModel]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return _section_of(get_args(annotation)[0])
