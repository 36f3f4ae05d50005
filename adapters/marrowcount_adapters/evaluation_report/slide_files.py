"""Reading what a count published, ``result.json``, and what a phantom truly holds, ``truth.json``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from marrowcount.cytology.cell_types import NDC_CLASSES, CellType
from marrowcount.cytology.differential import Interval
from marrowcount.errors import DatasetError
from marrowcount.evaluation import CountedShare, CountedSlide, SlideTruth
from marrowcount.result import ModelIdentity, ModelTask

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CountedFile", "TruthFile", "read_counted", "read_truth"]

_READ: Final = ConfigDict(frozen=True, extra="ignore")
_LABELS: Final = frozenset(kind.label for kind in NDC_CLASSES)


class _Share(BaseModel):
    model_config = _READ

    count: int = Field(ge=0)
    percent: float
    low: float
    high: float


class _Stopping(BaseModel):
    model_config = _READ

    distances: tuple[float | None, ...] = ()


class _Model(BaseModel):
    model_config = _READ

    task: ModelTask
    name: str
    version: str
    sha256: str
    threshold: float
    training_data: str


class CountedFile(BaseModel):
    """What ``result.json`` says, as far as it is compared."""

    model_config = _READ

    state: str
    reason: str
    series_uid: str | None
    tiles_counted: int
    tiles_looked_at: int
    ndc: dict[str, _Share]
    me_ratio: float | None
    stopping: _Stopping | None
    models: tuple[_Model, ...]

    @property
    def counted(self) -> bool:
        """Whether the slide was counted, and not refused."""
        return self.state == "counted"

    @property
    def slide(self) -> CountedSlide:
        """In the core's words; of a counted slide only."""
        shares = {
            CellType.from_label(label): CountedShare(one.count, one.percent, Interval(one.low, one.high))
            for label, one in self.ndc.items()
        }
        curve = self.stopping.distances if self.stopping else ()
        distances = np.array([math.inf if one is None else one for one in curve], np.float64)
        ratio = math.nan if self.me_ratio is None else self.me_ratio
        return CountedSlide(shares, ratio, self.tiles_counted, self.tiles_looked_at, self.reason, distances)

    @property
    def identities(self) -> tuple[ModelIdentity, ...]:
        """The models that counted."""
        return tuple(ModelIdentity(**model.model_dump()) for model in self.models)


class _Place(BaseModel):
    model_config = _READ

    roi: bool


class TruthFile(BaseModel):
    """What ``truth.json`` says, as far as it is compared."""

    model_config = _READ

    profile: str = ""
    series_uid: str | None = None
    ndc: dict[str, float]
    tiles: tuple[_Place, ...]

    @field_validator("ndc")
    @classmethod
    def _all_classes(cls, ndc: dict[str, float]) -> dict[str, float]:
        return _checked(ndc)

    @property
    def truth(self) -> SlideTruth:
        """In the core's words."""
        percent = {CellType.from_label(label): value for label, value in self.ndc.items()}
        return SlideTruth(self.profile, percent, sum(place.roi for place in self.tiles))


def read_counted(path: Path) -> CountedFile:
    """Read a ``result.json``.

    Raises:
        DatasetError: ``result-missing``, ``result-malformed``.
    """
    read = _read(path, CountedFile, "result", "give a folder that `marrowcount count` wrote")
    if read.counted:
        try:
            _checked(read.ndc)
        except ValueError as error:
            raise DatasetError("result-malformed", f"{path}: {error}") from error
    return read


def read_truth(path: Path) -> TruthFile:
    """Read a ``truth.json``.

    Raises:
        DatasetError: ``truth-missing``, ``truth-malformed``.
    """
    return _read(path, TruthFile, "truth", "give a folder that `marrowcount phantom` wrote")


_File = TypeVar("_File", bound=BaseModel)
_Value = TypeVar("_Value")


def _read(path: Path, kind: type[_File], name: str, advice: str) -> _File:
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DatasetError(f"{name}-missing", f"{path} cannot be read: {error.strerror}; {advice}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DatasetError(f"{name}-malformed", f"{path}: {place}: {first['msg']}; {advice}") from error


def _checked(ndc: dict[str, _Value]) -> dict[str, _Value]:
    if set(ndc) != _LABELS:
        raise ValueError(f"ndc does not name the 12 classes of the differential: {sorted(set(ndc) ^ _LABELS)}")
    return ndc
